"""Which project, which run: what every verb asks first."""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import backends, occasion, paths, pipelines
from mlops_nb.capture import snapshot
from mlops_nb.exceptions import AbsentRunError, RunError
from mlops_nb.settings import Config
from mlops_nb.types import Run, RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence


Folder = Path | str | None


def runner_of(project: Folder) -> backends.Everywhere:
    """Return the runner of all runs of a project, wherever they went."""
    return backends.Everywhere(Config.load(project))


def wanted_snapshot(
    notebook: Path | str | None,
    params: Mapping[str, Any] | None = None,
    train: str | None = None,
    test: str | None = None,
) -> snapshot.Wanted:
    """Return what is to be pinned; what is None is found."""
    path = paths.given(notebook) if notebook is not None else None
    return snapshot.Wanted(notebook=path, params=params, train=train, test=test)


def new_id() -> str:
    """Return an id that sorts by time, to a part of a second, and is no other process's.

    A schedule's firing has the id that its run gets.
    """
    firing = occasion.current()
    if firing is not None:
        return firing.run_id
    moment = now()
    part = moment.microsecond * 4096 // 1_000_000
    return f"{moment:%Y%m%d-%H%M%S}-{part:03x}{secrets.token_hex(2)}"


def now() -> datetime:
    """Return the time, UTC."""
    return datetime.now(timezone.utc)


def resolve(runner: backends.Everywhere, run_id: str) -> str:
    """Return the id of a run: of an id, of the beginning of one, or of "latest".

    With a slash and a number after it, it is the id of a trial.
    """
    run, slash, number = run_id.partition("/")
    if runner.has(run):
        return run_id
    newest = runner.newest() if run == "latest" else None
    if newest is not None:
        return newest + slash + number
    return resolved(runner.ids(), run) + slash + number


def resolved(ids: Sequence[str], run_id: str) -> str:
    """Return the one of some ids, newest first, that is meant.

    Raises:
        RunError: None is, or more than one.
    """
    if run_id in ids:
        return run_id
    if run_id == "latest" and ids:
        return ids[0]
    found = [known for known in ids if known.startswith(run_id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RunError(
            f"{len(found)} runs begin with {run_id!r}", hint=f"such as {found[0]} and {found[1]}"
        )
    raise AbsentRunError(f"there is no run {run_id!r}", hint="list them: jupyter mlops runs")


def trainings(runner: backends.Everywhere) -> Callable[[str], Run]:
    """Return what gives the training run of an id, of the beginning of one, or of "latest"."""

    def run_of(run_id: str) -> Run:
        ids = [run.id for run in runner.summaries() if run.pipeline == pipelines.TRAINING.name]
        return runner.get(resolved(ids, run_id))

    return run_of


def last(runs: Iterator[Run]) -> Run:
    """Return a watched run as it ended.

    Raises:
        RunError: Nothing was ever seen of it.
    """
    last = None
    for run in runs:
        last = run
    if last is None or last.state is RunState.PENDING:
        raise RunError("the run left no trace", hint="list the runs: jupyter mlops runs")
    return last
