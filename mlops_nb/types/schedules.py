"""Schedules, and what became of each of their firings."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from mlops_nb.types.base import Record
from mlops_nb.types.runs import Failure


class FiringState(str, Enum):
    """Where a firing is. SKIPPED: there was nothing to do, or not the time; `reason` says why."""

    DUE = "DUE"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"

    @property
    def closed(self) -> bool:
        """Whether nothing more will happen to it."""
        return self not in (FiringState.DUE, FiringState.RUNNING)


class Notice(Record, frozen=True, kw_only=True):
    """What became of telling somebody.

    Attributes:
        event: "failure", "success" or "drift".
        to: Who was told: the command or the webhook.
        at: When, in ISO 8601, UTC.
        trouble: Why it was not taken, None where it was.
    """

    event: str
    to: str
    at: str
    trouble: str | None = None


class RecurringRun(Record, frozen=True, kw_only=True):
    """What fires a schedule on a Kubeflow Pipelines server.

    Attributes:
        id: The server's id of it, "" where the server has none now.
        url: Address of the server.
        namespace: The profile's namespace, "" where the server has one user.
        context: Context of the kubeconfig that the server is reached by, "" where there is none.
        experiment_id: The server's experiment that holds the schedule's firings, and nothing else.
        version: Name of the version of the pipeline `scheduled` that it runs.
    """

    id: str
    url: str
    namespace: str
    context: str
    experiment_id: str
    version: str


class Firing(Record, frozen=True, kw_only=True):
    """One firing of a schedule, named by the schedule and the time when it was due.

    Attributes:
        schedule_id: The schedule.
        due: ISO 8601, UTC, to the second.
        run_id: Id of its run, made of the two: a second run of a firing cannot be.
        state: Where it is.
        made_up: Whether it was due while nobody fired.
        reason: Why it was skipped.
        code: The commit, as it was resolved when the firing began.
        snapshot: Id of all that was pinned.
        tries: How often it was begun or resumed.
        next_try_at: When it is tried again, in seconds since the epoch.
        started_at: When it began, likewise.
        ended_at: When it was closed, likewise.
        error: Why it failed, or the last try of it.
        notices: Whom it was told.
        kfp_run_id: The server's id of what has fired it, None where a process of this machine did.
    """

    schedule_id: str
    due: str
    run_id: str
    state: FiringState = FiringState.DUE
    made_up: bool = False
    reason: str | None = None
    code: str | None = None
    snapshot: str | None = None
    tries: int = 0
    next_try_at: float | None = None
    started_at: float | None = None
    ended_at: float | None = None
    error: Failure | None = None
    notices: tuple[Notice, ...] = ()
    kfp_run_id: str | None = None


class Schedule(Record, frozen=True, kw_only=True):
    """When a pipeline runs, with what, and what has come of it.

    Attributes:
        id: Its own; a schedule that takes the name of a deleted one has another.
        name: What users call it.
        pipeline: What it starts.
        arguments: Those of the verb that starts it.
        cron: Five fields, None where it has an interval or waits for a change.
        timezone: IANA name of the zone that `cron` is read in.
        every_s: Seconds between two firings, counted from `created_at`.
        on_change: Whether it fires when code or data have changed.
        branch: The branch whose head is pinned at each firing, None for the working tree.
        frozen: The commit that each firing runs, None where it is looked up at the firing.
        missed: What becomes of firings that nobody was there for: skip, once or all.
        overlap: What becomes of a firing while the one before goes on: skip, queue or parallel.
        retries: How often a firing that failed is tried again.
        backoff_s: Time before the first of these; it doubles.
        deadline_s: Seconds that a firing may take with its retries, 0 for no limit.
        until: ISO 8601; no firing is due later.
        even_if_unchanged: Whether it runs also where the last success had the same pins.
        python: The interpreter that fires it, or that its environment is that of.
        fired_by: "scheduler", or "kubeflow" for a recurring run of that server.
        recurring: That recurring run.
        created_at: ISO 8601, UTC.
        paused: Whether nothing is fired meanwhile.
        trouble: Why it cannot be fired at all, or what of it is other on the server.
        upcoming: The next firings, in its own zone.
        history: Firings that were due, newest first.
    """

    id: str
    name: str
    pipeline: str
    arguments: dict[str, Any]
    cron: str | None = None
    timezone: str = "UTC"
    every_s: int | None = None
    on_change: bool = False
    branch: str | None = None
    frozen: str | None = None
    missed: str = "once"
    overlap: str = "skip"
    retries: int = 0
    backoff_s: int = 60
    deadline_s: int = 0
    until: str | None = None
    even_if_unchanged: bool = False
    python: str
    created_at: str
    fired_by: str = "scheduler"
    recurring: RecurringRun | None = None
    paused: bool = False
    trouble: str | None = None
    upcoming: tuple[str, ...] = ()
    history: tuple[Firing, ...] = ()

    @property
    def last(self) -> Firing | None:
        """The newest firing that was due."""
        return next(iter(self.history), None)


class Timetable(Record, frozen=True, kw_only=True):
    """The schedules of a project, and whether anybody fires them.

    Attributes:
        schedules: By name.
        scheduler_pid: The process that fires, None where there is none.
    """

    schedules: tuple[Schedule, ...] = msgspec.field(default_factory=tuple)
    scheduler_pid: int | None = None
