"""Runs at their time: scheduled, shown, changed, fired."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb import project as projects
from mlops_nb.api import lookup
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import UsageError
from mlops_nb.scheduling import desk, planning
from mlops_nb.scheduling.scheduler import Scheduler
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlops_nb.types import Schedule, Timetable


def schedule(
    what: Path | str | None = None,
    *,
    pipeline: str = "training",
    cron: str | None = None,
    timezone: str | None = None,
    every: str | None = None,
    on_change: bool = False,
    name: str | None = None,
    params: Mapping[str, Any] | None = None,
    train: str | None = None,
    test: str | None = None,
    branch: str | None = None,
    frozen: bool = False,
    missed: str | None = None,
    overlap: str | None = None,
    retries: int | None = None,
    backoff: int | None = None,
    deadline: int | None = None,
    until: str | None = None,
    even_if_unchanged: bool | None = None,
    backend: str | None = None,
    fired_by: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    project: lookup.Folder = None,
) -> Schedule:
    """Run a pipeline at its times, with code and data as they are then.

    A scheduler fires it: `scheduler`, or the Jupyter server while it runs. Or the cluster that its
    runs go to does, which needs neither.

    Args:
        what: The notebook; that of this session if None.
        pipeline: What it starts, such as "training".
        cron: Minute, hour, day, month, weekday, such as "0 6 * * 1-5".
        timezone: Zone that `cron` is read in, such as "Europe/Berlin"; as the settings say if None.
        every: An interval in place of `cron`, such as "6h".
        on_change: Fire when code or data have changed, in place of either.
        name: Name of the schedule; that of the notebook if None.
        params: Hyperparameters that have the last word over the notebook's cell.
        train: Path of the training dataset in the project.
        test: Path of the test dataset in the project.
        branch: Pin the head of this branch at each firing, in place of the working tree; of a
            remote's, such as "origin/main", as the remote has it then.
        frozen: Pin code, data and parameters as they are now.
        missed: What becomes of firings while no scheduler ran: "once" makes up for all of them
            with one, "all" with each, "skip" with none. "once" if None.
        overlap: What becomes of a firing while the one before goes on: "skip", "queue" or
            "parallel". "skip" if None.
        retries: How often a firing that failed is tried again; never if None.
        backoff: Seconds before the first of these, doubled for each further one; 60 if None.
        deadline: Seconds that a firing may take with its retries; no limit if None.
        until: Date of the last firing, such as "2027-01-31".
        even_if_unchanged: Run also where nothing has changed since the last success.
        backend: Where the runs go.
        fired_by: "scheduler", or "kubeflow" for a recurring run of that server, which pins the head
            of `branch` at `origin`; as the settings say if None.
        arguments: Others of the verb that starts the pipeline, such as `{"settings": {...}}`.
        project: A folder of the project.

    Returns:
        The schedule, with its next five firings.

    Raises:
        UsageError: A time, a zone or a policy is not one.
        MlopsError: What it names cannot be pinned; nothing was scheduled.
    """
    _must_be_outside()
    config = Config.load(project)
    projects.prepare_state(config)
    given = {"params": params, "train": train, "test": test, "backend": backend}
    said = {**given, **(arguments or {})}
    fires = fired_by or config.schedule_fired_by
    plan = planning.Plan(str(what) if what else None, pipeline, said, name, branch, frozen, fires)
    times = planning.Times(
        cron=cron, timezone=timezone, every=every, on_change=on_change, missed=missed,
        overlap=overlap, retries=retries, backoff=backoff, deadline=deadline, until=until,
        even_if_unchanged=even_if_unchanged,
    )  # fmt: skip
    return desk.add(config, plan, times, lookup.now())


def schedules(name: str | None = None, *, project: lookup.Folder = None) -> Timetable:
    """Return the project's schedules: the next firings, what became of the last, who fires.

    Of those that a cluster fires, it is asked; their runs are runs of this project from then on.

    Args:
        name: Only this one, with a longer history.
        project: A folder of the project.

    Raises:
        ScheduleError: There is none of the name.
    """
    return desk.timetable(Config.load(project), name, lookup.now())


def reschedule(
    name: str,
    *,
    cron: str | None = None,
    timezone: str | None = None,
    every: str | None = None,
    on_change: bool = False,
    missed: str | None = None,
    overlap: str | None = None,
    retries: int | None = None,
    backoff: int | None = None,
    deadline: int | None = None,
    until: str | None = None,
    even_if_unchanged: bool | None = None,
    pause: bool = False,
    resume: bool = False,
    now: bool = False,
    repair: bool = False,
    project: lookup.Folder = None,
) -> Schedule:
    """Change a schedule, and keep its history; what is not named stays as it is.

    Args:
        name: The schedule.
        cron: As for `schedule`.
        timezone: Likewise.
        every: Likewise.
        on_change: Likewise.
        missed: Likewise.
        overlap: Likewise.
        retries: Likewise.
        backoff: Likewise.
        deadline: Likewise.
        until: Likewise.
        even_if_unchanged: Likewise.
        pause: Fire no more, until it is resumed.
        resume: Fire again; what was due meanwhile is not made up.
        now: Fire now, beside its times, also while it is paused.
        repair: Have the cluster fire it as it is recorded here, with pipelines of the settings of
            now; take it over where the cluster has it and this project's record has not.
        project: A folder of the project.

    Raises:
        ScheduleError: There is no such schedule.
        UsageError: A time, a zone or a policy is not one.
        BackendError: The cluster that fires it refuses, or gives no answer.
    """
    if pause and resume:
        raise UsageError("--pause and --resume at once", hint="say one of the two")
    times = planning.Times(
        cron=cron, timezone=timezone, every=every, on_change=on_change, missed=missed,
        overlap=overlap, retries=retries, backoff=backoff, deadline=deadline, until=until,
        even_if_unchanged=even_if_unchanged,
    )  # fmt: skip
    paused = True if pause else False if resume else None
    return desk.change(
        Config.load(project), name, times, lookup.now(), paused=paused, fire=now, repair=repair
    )


def upcoming(
    name: str | None = None,
    *,
    cron: str | None = None,
    timezone: str | None = None,
    every: str | None = None,
    on_change: bool = False,
    until: str | None = None,
    project: lookup.Folder = None,
) -> tuple[str, ...]:
    """Return the next five moments of times that nobody has scheduled yet; nothing is kept.

    Args:
        name: A schedule that would have them in place of its own; a new one if None.
        cron: As for `schedule`.
        timezone: Likewise.
        every: Likewise.
        on_change: Likewise; then there is no moment that is known.
        until: Likewise.
        project: A folder of the project.

    Returns:
        ISO 8601, in the zone of the schedule.

    Raises:
        ScheduleError: There is no such schedule.
        UsageError: A time or a zone is not one.
    """
    times = planning.Times(
        cron=cron, timezone=timezone, every=every, on_change=on_change, until=until
    )
    return desk.upcoming(Config.load(project), name, times, lookup.now())


def unschedule(name: str, *, forget: bool = False, project: lookup.Folder = None) -> str:
    """Forget a schedule and its history; its runs stay, and those that go on do.

    Args:
        name: The schedule.
        forget: Whether to do so also where the cluster that fires it gives no answer: what it
            goes on to fire is of no record then, until `reschedule --repair` takes it over.
        project: A folder of the project.

    Raises:
        ScheduleError: There is no such schedule.
        BackendError: The cluster that fires it gives no answer; it stays as it is.
    """
    config = Config.load(project)
    found = desk.remove(config, name, forget=forget)
    Repository.find(config.root).forget(planning.snapshot_name(found))
    return found.name


def scheduler(*, say: Callable[[str], None] = print, project: lookup.Folder = None) -> None:
    """Fire the project's schedules until this is interrupted; of many that run, one does.

    Args:
        say: Is told what is fired, a line each.
        project: A folder of the project.
    """
    _must_be_outside()
    Scheduler(project, say=say).run()


def fire_in_background(*, project: lookup.Folder = None) -> Scheduler | None:
    """Fire the project's schedules in a thread, as a server does that runs anyway.

    Returns:
        What to `stop`; None where the settings do not want it.
    """
    if not Config.load(project).schedule_in_server:
        return None
    made = Scheduler(project)
    made.start()
    return made


def _must_be_outside() -> None:
    if projects.inside_run():
        raise UsageError(
            "this notebook is being executed by a run; a run schedules nothing",
            hint="keep the cell, and use %mlops schedule in it: inside a run it does nothing",
        )
