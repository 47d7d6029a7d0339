"""Runs: listed, shown, followed, compared, ended, carried elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import backends, comparison, paths, selection, transfer
from mlops_nb import project as projects
from mlops_nb.api.lookup import Folder, last, resolve, runner_of
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import RunError, UsageError
from mlops_nb.following import changes, moments
from mlops_nb.scheduling import desk
from mlops_nb.settings import Config
from mlops_nb.types import Listing

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from mlops_nb.following.changes import Source
    from mlops_nb.types import Comparison, Moment, Point, Run

# Runs that a cluster's own schedules have started are looked for no more often.
_LOOK_S = 10.0


def runs(
    *,
    state: str | None = None,
    notebook: Path | str | None = None,
    where: str | Sequence[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
    project: Folder = None,
) -> tuple[Run, ...]:
    """Return the project's runs, newest first; all of them where nothing is asked.

    Args:
        state: Only runs in this state, such as "FAILED".
        notebook: Only runs of this notebook: its path, or the end of it.
        where: Only runs that meet these conditions, such as "test_accuracy>0.9": the name of a
            metric or a parameter, one of = != < <= > >=, and a value.
        sort: "created", "seconds", "metric.NAME" or "param.NAME", smallest first; with "-" in
            front, largest first. Runs without a value come last.
        reverse: Turn the order of `sort` round.
        limit: No more than so many.
        project: A folder of the project.

    Raises:
        UsageError: A state, a notebook, a name or a condition is not one.
    """
    wanted = selection.Selection.of(
        state=state, notebook=notebook, where=where, sort=sort, reverse=reverse, limit=limit
    )
    config = Config.load(project)
    runner = backends.Everywhere(config)
    desk.look(config, at_most_every_s=_LOOK_S)
    return tuple(runner.get(run.id) for run in wanted.apply(runner.summaries()))


def summaries(
    *,
    state: str | None = None,
    notebook: Path | str | None = None,
    where: str | Sequence[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
    offset: int = 0,
    project: Folder = None,
) -> Listing:
    """Return what a list shows of the project's runs, with the words of `runs`.

    Args:
        state: Only runs in this state.
        notebook: Only runs of this notebook.
        where: Only runs that meet these conditions.
        sort: The value to sort by.
        reverse: Turn the order of `sort` round.
        limit: No more than so many.
        offset: Leave out so many before the first.
        project: A folder of the project.

    Raises:
        UsageError: A state, a notebook, a name or a condition is not one.
    """
    wanted = selection.Selection.of(
        state=state, notebook=notebook, where=where, sort=sort, reverse=reverse, limit=None
    )
    selection.must_be_part(limit, offset)
    config = Config.load(project)
    desk.look(config, at_most_every_s=_LOOK_S)
    found = wanted.apply(backends.Everywhere(config).summaries())
    end = None if limit is None else offset + limit
    return Listing(runs=found[offset:end], total=len(found))


def compare(*run_ids: str, project: Folder = None) -> Comparison:
    """Put runs side by side: parameters, metrics, pins and curves, differences first.

    Args:
        run_ids: At least two: ids, the beginnings of ids, or "latest".
        project: A folder of the project.

    Raises:
        UsageError: There are fewer than two different runs.
    """
    runner = runner_of(project)
    ids = tuple(dict.fromkeys(resolve(runner, run_id) for run_id in run_ids))
    if len(ids) < 2:
        raise UsageError(
            f"compare takes two runs or more, and got {len(ids)}",
            hint="name them: compare ID ID; list them: jupyter mlops runs",
        )
    found = [runner.get(run_id) for run_id in ids]
    return comparison.compare(found, [moments.curves(runner, run_id) for run_id in ids])


def show(run_id: str = "latest", *, project: Folder = None) -> Run:
    """Return a run as it is now.

    Args:
        run_id: The run's id, the beginning of it, or "latest".
        project: A folder of the project.

    Raises:
        RunError: There is no such run, or more than one begins so.
    """
    runner = runner_of(project)
    return runner.get(resolve(runner, run_id))


def watch(run_id: str = "latest", *, project: Folder = None) -> Iterator[Run]:
    """Yield a run as it is now and whenever something has happened, to its end."""
    runner = runner_of(project)
    return runner.watch(resolve(runner, run_id))


def follow(run_id: str = "latest", *, project: Folder = None) -> Iterator[Moment]:
    """Yield a run with its curves and the end of its log, as it goes on, to its end.

    A moment comes whenever something has happened, and once a second while nothing does; then it
    is the same object again.
    """
    runner = runner_of(project)
    return moments.follow(runner, resolve(runner, run_id))


def logs(run_id: str = "latest", *, stage: str | None = None, project: Folder = None) -> str:
    """Return the log of a stage, or of all stages."""
    runner = runner_of(project)
    return runner.logs(resolve(runner, run_id), stage)


def points(run_id: str = "latest", *, project: Folder = None) -> tuple[Point, ...]:
    """Return every metric point of a run, in the order in which they were logged."""
    runner = runner_of(project)
    return tuple(runner.points(resolve(runner, run_id))[0])


def cancel(run_id: str = "latest", *, project: Folder = None) -> Run:
    """End a run and all of its processes; a run that has ended stays as it is."""
    runner = runner_of(project)
    return runner.cancel(resolve(runner, run_id))


def resume(run_id: str = "latest", *, wait: bool = False, project: Folder = None) -> Run:
    """Start an ended run again from the stage that failed."""
    runner = runner_of(project)
    run = runner.resume(resolve(runner, run_id))
    return last(runner.watch(run.id)) if wait else run


def delete(run_id: str, *, force: bool = False, project: Folder = None) -> str:
    """Delete an ended run: its record, its snapshot, and its run in MLflow.

    Args:
        run_id: The run's id, or the beginning of it.
        force: Delete it even if a registered model version came from it.
        project: A folder of the project.

    Returns:
        The id.

    Raises:
        RunError: The run goes on, or a registered model version came from it.
    """
    config = Config.load(project)
    runner = backends.Everywhere(config)
    run = runner.get(resolve(runner, run_id))
    if run.model is not None and run.model.version is not None and not force:
        raise RunError(
            f"version {run.model.version} of model {run.model.name} came from run {run.id}; "
            "without the run nothing says what it was made of",
            hint=f"delete it all the same: jupyter mlops delete {run.id} --force",
        )
    runner.delete(run.id)
    Repository.find(config.root).forget(run.id)
    return run.id


def export(run_id: str, file: Path | str, *, project: Folder = None) -> Path:
    """Write a run as one file: record, commit, data and lock, readable without this package."""
    config, place = Config.load(project), paths.given(file)
    runner = backends.Everywhere(config)
    transfer.write(config, runner.get(resolve(runner, run_id)), place)
    return place


def import_(file: Path | str, *, project: Folder = None) -> Run:
    """Put a run that `export` wrote into this project, to be shown or reproduced here."""
    config = Config.load(project)
    projects.prepare_state(config)
    return backends.Everywhere(config).get(transfer.read(config, paths.given(file)))


def sources(*, project: Folder = None) -> dict[str, Source]:
    """Return what tells of changes in a project, by the kind of what changes.

    Each is asked again and again, by one thread at a time, and tells what is other than before.
    """
    config = Config.load(project)
    return {kind: source(config) for kind, source in changes.SOURCES.items()}


def value_names(*, project: Folder = None) -> tuple[str, ...]:
    """Return the names that runs can be filtered and sorted by."""
    return selection.names(runner_of(project).summaries())
