"""From what a user says to a schedule, refused here where it could not fire later."""

from __future__ import annotations

import os
import re
import secrets
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from msgspec import structs

from mlops_nb import occasion
from mlops_nb.capture import git, snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import PreflightError, UsageError
from mlops_nb.scheduling import missed, recurring, timing
from mlops_nb.scheduling.starts import start_of
from mlops_nb.settings import FILE_NAME
from mlops_nb.types import Schedule

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.settings import Config
    from mlops_nb.types import Code, Run, Snapshot

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
SCHEDULER = "scheduler"
FIRED_BY = (SCHEDULER, recurring.KUBEFLOW)
_OWN_PARAMETERS = set(snapshot.DATASET_PARAMETERS.values())


@dataclass(frozen=True)
class Times:
    """When, and how firings stand to each other; what is None stays as it is.

    Attributes:
        cron: Five fields.
        timezone: Zone of `cron`, and of `until` where that has none.
        every: An interval, such as "6h".
        on_change: Whether it fires when code or data have changed.
        missed: skip, once or all.
        overlap: skip, queue or parallel.
        retries: How often a firing that failed is tried again.
        backoff: Seconds before the first of these.
        deadline: Seconds that a firing may take, 0 for no limit.
        until: A date, or a date with a time.
        even_if_unchanged: Whether equal pins are run again.
    """

    cron: str | None = None
    timezone: str | None = None
    every: str | None = None
    on_change: bool = False
    missed: str | None = None
    overlap: str | None = None
    retries: int | None = None
    backoff: int | None = None
    deadline: int | None = None
    until: str | None = None
    even_if_unchanged: bool | None = None

    @property
    def triggers(self) -> int:
        """How many ways to be due are named."""
        return sum((self.cron is not None, self.every is not None, self.on_change))

    def applied(self, schedule: Schedule, now: datetime) -> Schedule:
        """Return a schedule with these times.

        Raises:
            UsageError: One of them is not one.
        """
        if self.triggers > 1:
            raise UsageError(
                "a schedule has one of --cron, --every and --on-change",
                hint="make two schedules, each with a --name of its own",
            )
        zone = self.timezone or schedule.timezone
        timing.zone(zone)
        changed: dict[str, Any] = {"timezone": zone, **self._kept()}
        if self.triggers:
            every_s = None if self.every is None else timing.interval_s(self.every)
            changed.update(cron=self.cron, every_s=every_s, on_change=self.on_change)
        if self.until is not None:
            changed["until"] = timing.last_moment(self.until, zone)
        found = structs.replace(schedule, **changed)
        _must_be_right(found, now)
        return found

    def _kept(self) -> dict[str, Any]:
        given = {
            "missed": self.missed,
            "overlap": self.overlap,
            "retries": self.retries,
            "backoff_s": self.backoff,
            "deadline_s": self.deadline,
            "even_if_unchanged": self.even_if_unchanged,
        }
        return {name: value for name, value in given.items() if value is not None}


@dataclass(frozen=True)
class Plan:
    """What is to run, and of which code.

    Attributes:
        what: The first argument of the pipeline's verb, such as a notebook.
        pipeline: The pipeline.
        arguments: Others of the verb's arguments; what is empty is left out.
        name: Name of the schedule; made of `what` if None.
        branch: The branch whose head is pinned at each firing.
        frozen: Whether code, data and parameters are those of now, at each firing.
        fired_by: Who fires it: "scheduler" or "kubeflow".
    """

    what: str | None
    pipeline: str
    arguments: Mapping[str, Any]
    name: str | None
    branch: str | None
    frozen: bool
    fired_by: str = SCHEDULER


def planned(config: Config, plan: Plan, times: Times, now: datetime) -> tuple[Schedule, str]:
    """Return a new schedule, and the id of what it would pin now.

    Raises:
        MlopsError: It could not fire as it says; nothing was kept, or is.
    """
    start = start_of(plan.pipeline)
    if not times.triggers:
        raise UsageError(
            "a schedule needs a time", hint='say --cron "0 6 * * *", --every 6h or --on-change'
        )
    if plan.branch is not None and plan.frozen:
        raise UsageError(
            "--frozen is the code as it is now, and --branch its head at each firing",
            hint="say one of the two",
        )
    if plan.fired_by not in FIRED_BY:
        raise UsageError(
            f"--fired-by is {plan.fired_by!r}", hint=f"it takes {' or '.join(FIRED_BY)}"
        )
    if plan.name is not None:
        _must_be_name(plan.name)
    given = start.arguments(plan.pipeline, plan.arguments)
    schedule = structs.replace(
        blank(config, now),
        pipeline=plan.pipeline,
        arguments={**({} if plan.what is None else {start.what: plan.what}), **given},
        branch=plan.branch,
        fired_by=plan.fired_by,
    )
    schedule = times.applied(schedule, now)
    if plan.fired_by == recurring.KUBEFLOW:
        schedule = _for_pods(config, schedule, plan)
    return _checked(config, schedule, plan)


def blank(config: Config, now: datetime) -> Schedule:
    """Return a schedule of nothing at no time, made now."""
    return Schedule(
        id=secrets.token_hex(6),
        name="",
        pipeline="training",
        arguments={},
        timezone=config.schedule_timezone,
        python=sys.executable,
        created_at=timing.iso(now),
    )


def snapshot_name(schedule: Schedule) -> str:
    """Return the name of the snapshot that a frozen schedule keeps."""
    return f"schedule-{schedule.id}"


def _checked(config: Config, schedule: Schedule, plan: Plan) -> tuple[Schedule, str]:
    """Let the verb look at what it would start, and keep what it found."""
    start = start_of(plan.pipeline)
    if not start.pins and (plan.branch or plan.frozen or schedule.on_change):
        raise UsageError(
            f"the pipeline {plan.pipeline} takes no notebook, whose code could be looked at",
            hint="leave out --branch, --frozen and --on-change",
        )
    run = _looked(config, schedule) if start.looks else None
    if run is not None:
        if run.snapshot.code.dirty and schedule.fired_by == recurring.KUBEFLOW:
            raise UsageError(
                "--frozen is the code as it is now, and that is in no commit that pods could fetch",
                hint="commit and push it: git commit --all && git push",
            )
        for finding in run.findings:
            if finding.severity == "error":
                raise PreflightError(finding.message, hint=finding.hint)
        if schedule.fired_by == recurring.KUBEFLOW:
            _must_be_committed(config, run.snapshot.code)
        arguments = {**schedule.arguments, **_found(config, run.snapshot, schedule)}
        schedule = structs.replace(schedule, arguments=arguments)
    schedule = structs.replace(schedule, name=_name(schedule, plan, start.what))
    if plan.frozen:
        return _frozen(config, schedule), ""
    return schedule, _pins(config, schedule) if schedule.on_change else ""


def _for_pods(config: Config, schedule: Schedule, plan: Plan) -> Schedule:
    """Return a schedule that a cluster fires, whose branch is that of the remote.

    Raises:
        UsageError: The cluster could not fire it as it says.
    """
    if plan.branch is None and not plan.frozen:
        raise UsageError(
            "a cluster has no working tree of yours to run",
            hint="say --branch main, or --frozen for a commit that is pushed",
        )
    recurring.must_be_sayable(config, schedule)
    if plan.branch is None or plan.branch.startswith(f"{recurring.REMOTE}/"):
        return schedule
    return structs.replace(schedule, branch=f"{recurring.REMOTE}/{plan.branch}")


def _must_be_committed(config: Config, code: Code) -> None:
    """Refuse settings that a firing would not have: it takes those of its commit.

    Raises:
        UsageError: The commit has others, or none.
    """
    place = PurePosixPath(code.folder, FILE_NAME)
    there = git.read_file(Path(code.repo), code.sha, str(place))
    if there != (config.root / FILE_NAME).read_bytes():
        what = "no" if there is None else "another"
        raise UsageError(
            f"commit {code.sha[:12]} of {code.branch or recurring.REMOTE} has {what} {place}, "
            "and firings take that of their commit",
            hint=f"commit and push it: git commit {FILE_NAME} && git push",
        )


def _name(schedule: Schedule, plan: Plan, what: str) -> str:
    notebook = what == "notebook" and Path(str(schedule.arguments[what])).stem
    name = plan.name or notebook or plan.pipeline
    _must_be_name(name)
    return name


def _must_be_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is no name for a schedule",
            hint="say --name with letters, digits, dots, - and _",
        )


def _looked(config: Config, schedule: Schedule) -> Run | None:
    start = start_of(schedule.pipeline)
    given = dict(schedule.arguments)
    if schedule.fired_by == recurring.KUBEFLOW:
        # A pod pushes nothing: what is not where it fetches is to be seen now.
        given["settings"] = {**(given.get("settings") or {}), "run.push": False}
    with occasion.on(_occasion(config, schedule)):
        return start.call(**given, **start.looks, project=config.root)


def _pins(config: Config, schedule: Schedule) -> str:
    """Return the id of what a firing would pin now."""
    name = snapshot_name(schedule)
    with occasion.on(_occasion(config, schedule)):
        pins = snapshot.take(config, _wanted(schedule), name=name).snapshot
    Repository.find(config.root).forget(name)
    return pins.id


def _occasion(config: Config, schedule: Schedule) -> occasion.Occasion:
    commit = None
    if schedule.branch is not None:
        commit = Repository.find(config.root).head_of(schedule.branch)
    return occasion.Occasion(run_id="", commit=commit, branch=schedule.branch)


def _found(config: Config, pins: Snapshot, schedule: Schedule) -> dict[str, Any]:
    """Return arguments as the verb has understood them: the notebook's path, values by type."""
    if not pins.notebook:
        return {}
    top = Repository.find(config.root).root.resolve()
    place = os.path.relpath(top / pins.notebook, config.root.resolve())
    named = schedule.arguments.get("params") or {}
    params = {p.name: p.value for p in pins.hyperparameters if p.name in named}
    return {"notebook": Path(place).as_posix(), **({"params": params} if params else {})}


def _frozen(config: Config, schedule: Schedule) -> Schedule:
    """Keep code, data and parameters as they are now, the session's values with them."""
    given = schedule.arguments
    pins = snapshot.take(config, _wanted(schedule), name=snapshot_name(schedule)).snapshot
    params = {
        p.name: p.value
        for p in pins.hyperparameters
        if p.source in ("session", "argument") and p.name not in _OWN_PARAMETERS
    }
    arguments = {**given, **({"params": params} if params else {})}
    elsewhere = next((d.sha for d in pins.datasets if d.sha != pins.code.sha), None)
    if elsewhere is not None:
        arguments["settings"] = {"data.revision": elsewhere}
    return structs.replace(schedule, frozen=pins.code.sha, arguments=arguments)


def _wanted(schedule: Schedule) -> snapshot.Wanted:
    given = schedule.arguments
    return snapshot.Wanted(
        notebook=Path(given["notebook"]),
        params=given.get("params"),
        train=given.get("train"),
        test=given.get("test"),
    )


def _must_be_right(schedule: Schedule, now: datetime) -> None:
    if schedule.cron is not None:
        timing.must_be_cron(schedule.cron, schedule.timezone, now)
    for option, value, known in (
        ("missed", schedule.missed, missed.MISSED),
        ("overlap", schedule.overlap, missed.OVERLAP),
    ):
        if value not in known:
            raise UsageError(f"--{option} is {value!r}", hint=f"it takes {', '.join(known)}")
    for option, number in (
        ("retries", schedule.retries),
        ("backoff", schedule.backoff_s),
        ("deadline", schedule.deadline_s),
    ):
        if number < 0:
            raise UsageError(f"--{option} is {number}", hint="it takes 0 or more")
    if schedule.until is not None and datetime.fromisoformat(schedule.until) <= now:
        raise UsageError(f"--until {schedule.until} is over", hint="name a later date")
