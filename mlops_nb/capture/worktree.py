"""The changed paths of a working tree, each read as it is on the disk.

What git would do on the way (filters that the user configured, line-end conversion, hooks) is left
out: the snapshot holds the bytes that the session saw.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mlops_nb.capture import secrets
from mlops_nb.exceptions import CodeError
from mlops_nb.types import Finding

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_FILE, _EXECUTABLE, _LINK, _GITLINK = b"100644", b"100755", b"120000", b"160000"
_MB = 1_000_000


class Git(Protocol):
    """What this module needs of a repository."""

    @property
    def root(self) -> Path:
        """Top folder of the working tree."""

    def git(
        self,
        *arguments: str,
        check: bool = True,
        data: bytes | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git at the top."""


@dataclass(frozen=True)
class Rules:
    """What may go into a snapshot.

    Attributes:
        file_limit_mb: Largest changed file, in millions of bytes.
        include: Ignored paths that go in all the same.
    """

    file_limit_mb: float = 10
    include: tuple[str, ...] = ()


DEFAULT_RULES = Rules()


@dataclass(frozen=True)
class Entry:
    """A path whose index entry is to be replaced.

    Attributes:
        path: Relative to the top, as bytes.
        mode: Git's mode, empty for a path that is gone.
        content: The content to store, None for that of the file.
        object: The object to name instead, of a submodule's commit.
    """

    path: bytes
    mode: bytes
    content: bytes | None = None
    object: bytes | None = None

    @property
    def is_file(self) -> bool:
        """Whether the content to store is that of the file."""
        return bool(self.mode) and self.content is None and self.object is None


@dataclass
class Changes:
    """The changed paths, and what is to be said about them."""

    entries: list[Entry] = field(default_factory=list)
    said: list[Finding] = field(default_factory=list)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is to be said, in order."""
        return tuple(self.said)

    def leave_out(self, path: str, reason: str, hint: str) -> None:
        """Say that a path is not in the snapshot."""
        message = f"{path} {reason}; the run will not have it"
        self.said.append(Finding(severity="warning", message=message, hint=hint))


def read(git: Git, environment: Mapping[str, str], rules: Rules) -> Changes:
    """Read what differs between the index and the disk.

    Args:
        git: The repository.
        environment: Names the index to compare with.
        rules: What may go in.

    Raises:
        CodeError: A changed file is too large or holds a secret, a link leads out of the
            repository, or a submodule has changes of its own.
    """
    changes = Changes()
    listed = _listed(git, environment)
    tracked = {path for _, path in listed}
    for mode, path in listed:
        if mode == _LINK:
            _must_lead_inside(git, path)
    paths = dict.fromkeys([*_differing(git, environment), *_filtered(git, listed)])
    new = dict.fromkeys([*_untracked(git, environment), *_included(git, rules)])
    gitlinks = {path for mode, path in listed if mode == _GITLINK}
    for path in (*paths, *(p for p in new if p not in tracked)):
        if path in gitlinks:
            _read_submodule(git, path, changes)
        else:
            _read_path(git, path, changes, rules, new=path not in tracked)
    return changes


def _read_path(git: Git, path: bytes, changes: Changes, rules: Rules, *, new: bool) -> None:
    place = os.path.join(os.fsencode(git.root), path)  # noqa: PTH118
    name = os.fsdecode(path)
    try:
        status = os.lstat(place)
    except (FileNotFoundError, NotADirectoryError):
        changes.entries.append(Entry(path, b""))
        return
    if stat.S_ISLNK(status.st_mode):
        _must_lead_inside(git, path)
        changes.entries.append(Entry(path, _LINK, content=os.fsencode(os.readlink(place))))  # noqa: PTH115
    elif stat.S_ISREG(status.st_mode):
        if new and secrets.is_secret_file(name):
            hint = "name what the run needs under environment.secrets in mlops.toml"
            changes.leave_out(name, "holds secrets by its name", hint)
            return
        _must_be_small(name, status.st_size, rules, new=new)
        mode = _EXECUTABLE if status.st_mode & stat.S_IXUSR else _FILE
        try:
            content = _without_secrets(place, name, changes)
        except FileNotFoundError:
            # It went a moment ago.
            changes.entries.append(Entry(path, b""))
        except PermissionError:
            if not new:
                raise
            changes.leave_out(name, "cannot be read", f"give yourself the right: chmod u+r {name}")
        else:
            changes.entries.append(Entry(path, mode, content=content))
    elif stat.S_ISDIR(status.st_mode) and new:
        hint = f"make it a submodule, or have git ignore it: git submodule add ./{name}"
        changes.leave_out(name, "is a git repository of its own", hint)
    elif stat.S_ISDIR(status.st_mode):
        changes.entries.append(Entry(path, b""))
    else:
        changes.leave_out(name, "is no regular file", f"have git ignore it: {name}")


def _without_secrets(place: bytes, name: str, changes: Changes) -> bytes | None:
    """Return the content to store instead of the file's own, None where that is fine as it is."""
    with open(place, "rb") as file:  # noqa: PTH123  (the name may be no text)
        content = file.read()
    masked = secrets.mask_outputs(content) if name.endswith(".ipynb") else content
    found = secrets.find(masked)
    if found is not None:
        raise CodeError(
            f"{name}, line {found.line}, holds what looks like {found.kind}",
            hint="read it from the environment instead (environment.secrets in mlops.toml); "
            "if it is none, end the line with  # pragma: allowlist secret",
        )
    if masked is content:
        return None
    changes.said.append(
        Finding(
            severity="warning",
            message=f"the outputs of {name} hold a secret; the snapshot has them without it",
            hint="clear the outputs of that cell, and replace the secret where it was issued",
        )
    )
    return masked


def _must_be_small(name: str, size: int, rules: Rules, *, new: bool) -> None:
    if size > rules.file_limit_mb * _MB:
        cure = f"jupyter mlops track {name}"
        raise CodeError(
            f"{name} has {size / _MB:.1f} MB and is not under DVC; "
            f"a snapshot takes changed files of up to {rules.file_limit_mb:g} MB",
            hint=cure if new else f"git rm --cached {name} && {cure}",
            untracked=name if new else None,
        )


def _must_lead_inside(git: Git, path: bytes) -> None:
    place = git.root / os.fsdecode(path)
    if not place.is_symlink():
        return
    name, target = os.fsdecode(path), place.readlink()
    if target.is_absolute():
        raise CodeError(
            f"the link {name} is absolute: in a checkout it would still lead to {target}",
            hint=f"make it relative: ln -sfnr {target} {name}",
        )
    inside = os.path.normpath(place.parent.resolve() / target)
    if not inside.startswith(str(git.root.resolve()) + os.sep):
        raise CodeError(
            f"the link {name} leads out of the repository, to {inside}",
            hint=f"put a copy in its place: rm {name} && cp -r {inside} {name}",
        )


def _read_submodule(git: Git, path: bytes, changes: Changes) -> None:
    name = os.fsdecode(path)
    folder = git.root / name
    if not folder.is_dir():
        changes.entries.append(Entry(path, b""))
        return
    if not (folder / ".git").exists():
        return
    if git.git("-C", name, "status", "--porcelain", "-z").stdout:
        raise CodeError(
            f"the submodule {name} has changes that are in no commit",
            hint=f"commit them there: git -C {name} add --all && git -C {name} commit",
        )
    head = git.git("-C", name, "rev-parse", "HEAD").stdout.strip()
    changes.entries.append(Entry(path, _GITLINK, object=head))


def _listed(git: Git, environment: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """List mode and path of all that the index has."""
    lines = git.git("ls-files", "--stage", "-z", environment=environment).stdout.split(b"\0")
    return [(line[:6], line.partition(b"\t")[2]) for line in lines if line]


def _differing(git: Git, environment: Mapping[str, str]) -> Iterator[bytes]:
    # Files that were only touched are no difference.
    git.git("update-index", "-q", "--refresh", check=False, environment=environment)
    arguments = ("diff-files", "--name-only", "-z", "--ignore-submodules=none", "--no-renames")
    yield from filter(None, git.git(*arguments, environment=environment).stdout.split(b"\0"))


def _filtered(git: Git, listed: list[tuple[bytes, bytes]]) -> Iterator[bytes]:
    """List files that have a filter (Git LFS): git takes for unchanged what the filter explains."""
    holders = [path for _, path in listed if path.rpartition(b"/")[2] == b".gitattributes"]
    if not any(b"filter=" in _content(git, path) for path in holders):
        return
    answers = git.git(
        "check-attr", "-z", "--stdin", "filter", data=b"".join(path + b"\0" for _, path in listed)
    ).stdout.split(b"\0")
    for path, value in zip(answers[::3], answers[2::3], strict=False):
        if value not in (b"unspecified", b"unset"):
            yield path


def _untracked(git: Git, environment: Mapping[str, str]) -> Iterator[bytes]:
    arguments = ("ls-files", "--others", "--exclude-standard", "-z")
    for path in git.git(*arguments, environment=environment).stdout.split(b"\0"):
        if path:
            yield path.rstrip(b"/")


def _included(git: Git, rules: Rules) -> Iterator[bytes]:
    if rules.include:
        arguments = ("ls-files", "--others", "-z", "--", *rules.include)
        yield from filter(None, git.git(*arguments).stdout.split(b"\0"))


def _content(git: Git, path: bytes) -> bytes:
    place = git.root / os.fsdecode(path)
    return place.read_bytes() if place.is_file() else b""
