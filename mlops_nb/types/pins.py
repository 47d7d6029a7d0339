"""What was pinned: code, data, hyperparameters, environment, and what is to be said about it."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.types.base import Record

if TYPE_CHECKING:
    from collections.abc import Iterable


class Code(Record, frozen=True, kw_only=True):
    """The code of a run, as a commit.

    Attributes:
        repo: Where the commit is: a folder, or a URL without credentials.
        sha: The commit, which holds the working tree as it was.
        branch: The branch that was checked out, or None when HEAD was detached.
        dirty: Whether the tree differed from the commit that HEAD named.
        ref: The private ref that keeps the commit from being collected.
        folder: The project's folder inside the repository, "" for its root.
        remote: URL of the `origin` remote without credentials, when there is one.
        python_path: Folders of the repository that the session imported from.
    """

    repo: str
    sha: str
    branch: str | None
    dirty: bool
    ref: str
    folder: str = ""
    remote: str | None = None
    python_path: tuple[str, ...] = ()

    @property
    def pinned_for(self) -> str:
        """Id of the run that the commit was kept for; the ref is named by it."""
        return self.ref.rpartition("/")[2]


class Dataset(Record, frozen=True, kw_only=True):
    """One dataset of a run.

    Attributes:
        role: "train", "test" or "other".
        path: Path in the data repository, with forward slashes.
        hash: DVC's hash of the content (`<md5>` or `<md5>.dir`), or `git:<sha>` for a file in git.
        repo: The data repository.
        sha: The commit of that repository whose pointer file has this hash.
        size_bytes: Size of the content.
        files: Number of files.
        changed: Whether the content differed from what the user's pointer file says.
    """

    role: str
    path: str
    hash: str
    repo: str
    sha: str
    size_bytes: int
    files: int = 1
    changed: bool = False


class Earlier(Record, frozen=True, kw_only=True):
    """Datasets as they were once, beside those of a run.

    Attributes:
        sha: The commit of the run's data repository.
        paths: The datasets.
        needed: Whether a run fails without them.
    """

    sha: str
    paths: tuple[str, ...]
    needed: bool = True


class Hyperparameter(Record, frozen=True, kw_only=True):
    """One name of the parameters cell.

    Attributes:
        name: A Python identifier.
        type: The declared or inferred type, "any" where there is none.
        default: The value in the cell; None as well when the cell computes it.
        value: The value of the run.
        source: Who had the last word: "cell", "session", "argument" or "expression" (the cell
            computes it from `expression`, and the run leaves that to the cell).
        expression: Source text of a default that is not a literal.
    """

    name: str
    type: str
    default: Any
    value: Any
    source: str
    expression: str | None = None


class Environment(Record, frozen=True, kw_only=True):
    """The interpreter and its packages.

    Attributes:
        python: Version, such as "3.11.7".
        implementation: Such as "CPython".
        platform: Such as "Linux-x86_64".
        lock: One `name==version` per installed distribution, sorted; `name @ URL` for one that came
            from a repository, an archive or a folder instead of an index.
        hash: SHA-256 over all of the above.
        local: Names of the packages that were installed from the repository's own folders.
    """

    python: str
    implementation: str
    platform: str
    lock: tuple[str, ...]
    hash: str
    local: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        python: str,
        implementation: str,
        platform: str,
        lock: Iterable[str],
        local: tuple[str, ...] = (),
    ) -> Environment:
        """Return the environment of these, with its hash."""
        lines = tuple(sorted(lock))
        text = "\n".join((implementation, python, platform, *lines))
        return cls(
            python=python,
            implementation=implementation,
            platform=platform,
            lock=lines,
            hash=hashlib.sha256(text.encode()).hexdigest(),
            local=local,
        )

    @property
    def packages(self) -> dict[str, str]:
        """Version of each package by its name, or the URL that it came from."""
        pairs = (line.replace(" @ ", "==", 1).partition("==") for line in self.lock)
        return {name: version for name, _, version in pairs}


class Surroundings(Record, frozen=True, kw_only=True):
    """What a snapshot takes from the process that makes it, and not from the repository.

    Attributes:
        environment: The interpreter and its packages.
        python_path: Folders of the repository that the process imports from.
        variables: Environment variables that runs receive.
    """

    environment: Environment
    python_path: tuple[str, ...] = ()
    variables: dict[str, str] = msgspec.field(default_factory=dict)


class Snapshot(Record, frozen=True, kw_only=True):
    """All that decides what a run computes.

    Attributes:
        code: The commit.
        notebook: Path of the notebook in the repository.
        datasets: The datasets, by role.
        hyperparameters: The names of the parameters cell, with their values.
        environment: The interpreter and its packages.
        variables: Environment variables that the run receives.
        secrets: Names of those whose values are not recorded.
    """

    code: Code
    notebook: str
    datasets: tuple[Dataset, ...]
    hyperparameters: tuple[Hyperparameter, ...]
    environment: Environment
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    secrets: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Hash of what was pinned; equal snapshots have equal ids, wherever they were taken."""
        pinned = {
            "code": [self.code.sha, self.code.folder],
            "notebook": self.notebook,
            "datasets": [[d.role, d.path, d.hash] for d in self.datasets],
            "parameters": self.parameters,
            "environment": self.environment.hash,
            "variables": self.variables,
        }
        text = msgspec.json.encode(pinned, order="sorted")
        return hashlib.sha256(text).hexdigest()

    @property
    def parameters(self) -> dict[str, Any]:
        """Value of each hyperparameter; the source text of those that the cell computes."""
        return {
            p.name: p.expression if p.source == "expression" else p.value
            for p in self.hyperparameters
        }

    def dataset(self, role: str) -> Dataset | None:
        """Return the dataset in this role, or None where the run has none."""
        return next((d for d in self.datasets if d.role == role), None)


class Fix(Record, frozen=True, kw_only=True):
    """What mends a finding without anything that the user would have to know.

    Attributes:
        kind: "track" puts the data at `path` under DVC as they are; "mark" tags the code cell of
            number `cell` as the parameters.
        path: Relative to the project.
        cell: Number over all cells of the notebook, from 1.
    """

    kind: str
    path: str | None = None
    cell: int | None = None


class Finding(Record, frozen=True, kw_only=True):
    """Something the user should know before a run.

    Attributes:
        severity: "error" stops the run, "warning" is recorded with it, "info" is only said.
        message: What is so, and what will happen.
        hint: What to type or change.
        fix: What does it in the user's place, None where that takes a decision.
    """

    severity: str
    message: str
    hint: str
    fix: Fix | None = None


class Status(Record, frozen=True, kw_only=True):
    """What would be pinned now, and what is to be said about it.

    Attributes:
        project: The project's folder.
        snapshot: What would be pinned, None where something cannot be; a finding says what.
        findings: What is to be said.
    """

    project: str
    snapshot: Snapshot | None
    findings: tuple[Finding, ...]
