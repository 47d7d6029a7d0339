"""Pin what is in front of the user: code, data, hyperparameters, environment."""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import history, occasion
from mlops_nb.capture import (
    commit,
    datasets,
    environment,
    hyperparameters,
    notebook,
    pointers,
    preflight,
    secrets,
    server,
    session,
)
from mlops_nb.capture.repository import Repository
from mlops_nb.capture.worktree import Rules
from mlops_nb.exceptions import NotebookError, PreflightError, UsageError
from mlops_nb.types import (
    Code,
    CommandLineText,
    Dataset,
    Finding,
    Hyperparameter,
    Snapshot,
    Surroundings,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_nb.capture.commit import Commit
    from mlops_nb.settings import Config

DATASET_PARAMETERS = {"train": "train_dataset", "test": "test_dataset"}


@dataclass(frozen=True)
class Wanted:
    """What a call asks for, before it is looked up.

    Attributes:
        notebook: Path of the notebook, None for the one that this session runs.
        params: Hyperparameters by name; text is read by the declared type.
        train: Path of the training dataset, None for that of the notebook or the settings.
        test: Path of the test dataset, likewise.
    """

    notebook: Path | None = None
    params: Mapping[str, Any] | None = None
    train: str | None = None
    test: str | None = None


@dataclass(frozen=True)
class Captured:
    """What was pinned, and what is to be said about it."""

    snapshot: Snapshot
    findings: tuple[Finding, ...]


def take(config: Config, wanted: Wanted, *, name: str) -> Captured:
    """Pin everything, and keep it: the commit under a private ref, changed data in DVC's cache.

    Args:
        config: The project's settings.
        wanted: What the call asks for.
        name: Name of the snapshot's ref, the run's id.

    Raises:
        MlopsError: Something cannot be pinned; nothing was submitted.
    """
    with _place(config) as place:
        captured = _Capture(config, wanted, keep=True, commit=place).snapshot(name)
    _accepted(config, captured.snapshot, name)
    return captured


def preview(config: Config, wanted: Wanted) -> Captured:
    """Return what `take` would pin, and keep nothing."""
    with _place(config) as place:
        return _Capture(config, wanted, keep=False, commit=place).snapshot("")


def hyperparameters_of(config: Config, wanted: Wanted) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameters that `take` would pin, and look at nothing else."""
    return _Capture(config, wanted, keep=False).hyperparameters()


def take_code(
    config: Config, *, name: str, tests: Sequence[str] = ()
) -> tuple[Snapshot, tuple[Finding, ...]]:
    """Pin code, environment and test data, for what is no run of a notebook.

    Args:
        config: The project's settings.
        name: Name of the snapshot's ref, the run's id.
        tests: Test datasets.

    Raises:
        MlopsError: Something cannot be pinned; nothing was submitted.
    """
    repository = Repository.find(config.root)
    top = repository.root.resolve()
    findings: tuple[Finding, ...] = ()
    with _place(config) as place:
        pinned, replaced = _pinned_tests(config, repository, tests, place) if tests else ([], {})
        if place is not None:
            code = repository.pinned(place.sha, config.root, name=name, branch=place.branch)
        else:
            rules = Rules(config.code_file_limit_mb, config.code_include)
            code, findings = repository.snapshot(name, config.root, replaced, rules)
    code = msgspec.structs.replace(code, python_path=environment.import_paths(top))
    pins = Snapshot(
        code=code,
        notebook="",
        datasets=tuple(msgspec.structs.replace(d, sha=d.sha or code.sha) for d in pinned),
        hyperparameters=(),
        environment=environment.read(top),
    )
    _accepted(config, pins, name)
    return pins, (*preflight.of_code(code), *findings)


@contextmanager
def _place(config: Config) -> Iterator[Commit | None]:
    """Open the commit that a firing pins; None for the user's working tree."""
    firing = occasion.current()
    if firing is None or firing.commit is None:
        yield None
        return
    with commit.opened(Repository.find(config.root), firing.commit, firing.branch) as opened:
        yield opened


def _accepted(config: Config, snapshot: Snapshot, name: str) -> None:
    """Let the firing look at what was pinned; what it does not want is let go of again."""
    firing = occasion.current()
    if firing is None:
        return
    try:
        firing.accept(snapshot)
    except BaseException:
        Repository.find(config.root).forget(name)
        raise


def _pinned_tests(
    config: Config, repository: Repository, places: Sequence[str], commit: Commit | None
) -> tuple[list[Dataset], Mapping[str, bytes]]:
    with datasets.opened(config, repository, keep=True, commit=commit) as source:
        pinned = [source.dataset("test", source.of_project(place)) for place in places]
        return pinned, source.replaced


class _Capture:
    """One capture.

    Args:
        config: The project's settings.
        wanted: What the call asks for.
        keep: Whether what is pinned is kept.
        commit: The commit to pin, None for the working tree with what the session has set.
    """

    def __init__(
        self, config: Config, wanted: Wanted, *, keep: bool, commit: Commit | None = None
    ) -> None:
        self.config, self.wanted, self.keep, self.commit = config, wanted, keep, commit
        self.repository = Repository.find(config.root)
        self.top = self.repository.root.resolve()
        # Where the files are that are pinned.
        self.tree = commit.tree if commit is not None else self.top
        # A firing has no session, and gets none by being tried out in one.
        alone = commit is not None or (
            occasion.current() is not None and wanted.notebook is not None
        )
        self.namespace = None if alone else session.namespace()

    def snapshot(self, name: str) -> Captured:
        opened = datasets.opened(self.config, self.repository, keep=self.keep, commit=self.commit)
        with opened as source:
            return self._snapshot(name, source)

    def hyperparameters(self) -> tuple[Hyperparameter, ...]:
        path = self._notebook()
        datasets.inside(self.top, path, NotebookError)
        return self._hyperparameters(notebook.load(path), own=self._is_own(path))

    def _snapshot(self, name: str, source: datasets.Source) -> Captured:
        path = self._notebook()
        # Asked once: the answer may come from the Jupyter server.
        own = self._is_own(path)
        unsaved = self._saved(path) if own and self.keep else ()
        place = datasets.inside(self.tree, path, NotebookError)
        document = notebook.load(path)
        parameters = self._hyperparameters(document, own=own)
        around = _given_surroundings() or surroundings(self.config)
        if not self.config.on_cluster:
            # There they come from Kubernetes, and need not be known here.
            environment.must_be_set(self.config.environment_secrets)
        places = self._places(parameters, path, source)
        pinned = [source.dataset(role, place) for role, place in places]
        import_paths = around.python_path
        found = preflight.check(
            preflight.Evidence(
                top=self.tree,
                hyperparameters=parameters,
                datasets=pinned,
                document=document,
                executed=history.executed() if own else (),
                import_folders=[path.parent, *(self.tree / folder for folder in import_paths)],
                ignored=self._left_out,
                unpinned=self._unpinned(pinned) if own is not False else (),
                from_folders=environment.from_folders(around.environment.lock),
                own_interpreter=_given_surroundings() is None,
            )
        )
        if self.keep:
            _stop_at_errors(found)
        code, findings = self._code(name, source)
        pins = Snapshot(
            code=msgspec.structs.replace(code, python_path=import_paths),
            notebook=place,
            datasets=tuple(msgspec.structs.replace(d, sha=d.sha or code.sha) for d in pinned),
            hyperparameters=self._pointing_at(parameters, pinned, path),
            environment=around.environment,
            variables=around.variables,
            secrets=self.config.environment_secrets,
        )
        return Captured(pins, (*preflight.of_code(code), *findings, *unsaved, *found))

    def _code(self, name: str, source: datasets.Source) -> tuple[Code, tuple[Finding, ...]]:
        root = self.config.root
        if self.commit is not None:
            sha, branch = self.commit.sha, self.commit.branch
            return self.repository.pinned(sha, root, name=name, branch=branch), ()
        rules = Rules(self.config.code_file_limit_mb, self.config.code_include)
        if self.keep:
            return self.repository.snapshot(name, root, source.replaced, rules)
        return self.repository.preview(root, rules)

    def _notebook(self) -> Path:
        if self.wanted.notebook is None:
            return notebook.locate(self.namespace)
        given = Path(self.wanted.notebook)
        if self.commit is not None:
            return self._committed(self.commit, given)
        here, of_project = given.absolute(), self.config.root / given
        return of_project if of_project.exists() and not here.exists() else here

    def _committed(self, commit: Commit, given: Path) -> Path:
        path = self.tree / self.config.root.resolve().relative_to(self.top) / given
        if not path.is_file():
            where = f"branch {commit.branch} at {commit.sha[:12]}" if commit.branch else commit.sha
            raise NotebookError(
                f"{where} has no notebook {given}",
                hint="commit it to the branch, or name another one",
            )
        return path

    def _hyperparameters(
        self, document: Mapping[str, Any], *, own: bool | None
    ) -> tuple[Hyperparameter, ...]:
        source = notebook.parameters_cell(document)
        declared = hyperparameters.read_cell(source) if source is not None else ()
        arguments = dict(self.wanted.params or {})
        for role, name in DATASET_PARAMETERS.items():
            if name in arguments:
                raise UsageError(
                    f"{name} is a dataset, not a hyperparameter",
                    hint=f"say --{role} {arguments[name]}",
                )
        by_name = {p.name: p for p in declared}
        arguments = {
            name: hyperparameters.parse_text(value, by_name[name])
            if isinstance(value, CommandLineText) and name in by_name
            else value
            for name, value in arguments.items()
        }
        # The names of a session that is known to be that of another notebook mean other things.
        session_names = None if own is False else self.namespace
        resolved = hyperparameters.resolve(declared, session_names, arguments)
        _must_hold_no_secret(resolved)
        return resolved

    def _is_own(self, path: Path) -> bool | None:
        """Whether the session runs this notebook; None where that cannot be told."""
        if self.commit is not None:
            return False
        if self.namespace is None:
            return None
        if self.wanted.notebook is None:
            return True
        try:
            return notebook.locate(self.namespace).resolve() == path.resolve()
        except NotebookError:
            return None

    def _saved(self, path: Path) -> tuple[Finding, ...]:
        """Have the front end save what is not saved yet, where there is one that can."""
        served = server.of_kernel()
        if served is None:
            return ()
        told = served.save()
        if told.saved is False:
            raise NotebookError(
                f"{path} could not be saved: {told.message}",
                hint="save it in Jupyter, and train again",
            )
        if not told.unanswered:
            return ()
        message = f"whether {path.name} has unsaved edits is not known: {told.message}"
        hint = "save it, and train again if the run lacks an edit"
        return (Finding(severity="warning", message=message, hint=hint),)

    def _places(
        self, parameters: tuple[Hyperparameter, ...], path: Path, source: datasets.Source
    ) -> list[tuple[str, str]]:
        """List role and path in the data repository of each dataset.

        An argument has the last word, then what the notebook itself names, then the settings.
        """
        by_name = {p.name: p.value for p in parameters}
        settings = {"train": self.config.data_train, "test": self.config.data_test}
        given = {"train": self.wanted.train, "test": self.wanted.test}
        places = []
        for role, parameter in DATASET_PARAMETERS.items():
            in_notebook = by_name.get(parameter)
            if given[role]:
                places.append((role, source.of_project(str(given[role]))))
            elif isinstance(in_notebook, str) and in_notebook:
                places.append((role, datasets.inside(self.tree, path.parent / in_notebook)))
            elif settings[role]:
                places.append((role, source.of_project(settings[role])))
        places += [("other", source.of_project(place)) for place in self.config.data_other]
        return places

    def _left_out(self, paths: Sequence[Path]) -> set[Path]:
        """Return those of some files that git ignores and that the settings do not include."""
        here = Repository(self.tree) if self.commit is not None else self.repository
        included = [here.root / place for place in self.config.code_include]
        ignored = here.ignored(paths)
        return {path for path in ignored if not any(map(path.is_relative_to, included))}

    def _unpinned(self, pinned: Sequence[Dataset]) -> list[tuple[str, str]]:
        """List the files that the session read and the run would not have, with their outs."""
        own = {".git", ".dvc", ".mlops", ".ipynb_checkpoints"}
        inside = [
            path
            for path in history.opened()
            if path.is_relative_to(self.top)
            and not path.is_relative_to(sys.prefix)
            and not own & set(path.relative_to(self.top).parts)
            and path.is_file()
        ]
        there = [PurePosixPath(dataset.path) for dataset in pinned]
        found = []
        for path in sorted(self._left_out(inside)):
            place = PurePosixPath(path.relative_to(self.repository.root).as_posix())
            if not any(place.is_relative_to(dataset) for dataset in there):
                pointer = pointers.find_pointer(
                    str(place), lambda path: datasets.read(self.top, path)
                )
                found.append((str(place), pointer.out if pointer else ""))
        return found

    def _pointing_at(
        self, parameters: tuple[Hyperparameter, ...], pinned: list[Dataset], path: Path
    ) -> tuple[Hyperparameter, ...]:
        """Let the notebook's own dataset parameters name the datasets of the run."""
        paths = {DATASET_PARAMETERS[d.role]: d.path for d in pinned if d.role != "other"}
        folder = path.parent.resolve()
        return tuple(
            p
            if p.name not in paths or self._same_file(folder, p.value, paths[p.name])
            else msgspec.structs.replace(
                p, value=Path(os.path.relpath(self.tree / paths[p.name], folder)).as_posix(),
                source="argument",
            )
            for p in parameters
        )  # fmt: skip

    def _same_file(self, folder: Path, value: Any, place: str) -> bool:
        return (
            isinstance(value, str) and Path(os.path.normpath(folder / value)) == self.tree / place
        )


def surroundings(config: Config) -> Surroundings:
    """Return what this process would give to a snapshot.

    Raises:
        UsageError: An environment variable that runs receive is not set, or is a secret.
    """
    top = Repository.find(config.root).root.resolve()
    return Surroundings(
        environment=environment.read(top),
        python_path=environment.import_paths(top),
        variables=environment.variables(config.environment_variables),
    )


def _given_surroundings() -> Surroundings | None:
    firing = occasion.current()
    return None if firing is None else firing.surroundings


def _must_hold_no_secret(parameters: Sequence[Hyperparameter]) -> None:
    for parameter in parameters:
        text = f"{parameter.name} = {json.dumps(parameter.value, default=str)}"
        found = secrets.find(text.encode())
        if found is not None:
            raise UsageError(
                f"the hyperparameter {parameter.name} holds what looks like {found.kind}, "
                "and hyperparameters are recorded",
                hint="read it from the environment instead, and name that variable under "
                "environment.secrets in mlops.toml",
            )


def _stop_at_errors(findings: Sequence[Finding]) -> None:
    for finding in findings:
        if finding.severity == "error":
            raise PreflightError(finding.message, hint=finding.hint)
