"""Schedules as a user sees and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import lease
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import MlopsError
from mlops_nb.scheduling import planning, scheduler, timing
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.types import Schedule, Timetable

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_nb.settings import Config

_HISTORY = 5
_LONG_HISTORY = 100


def add(config: Config, plan: planning.Plan, times: planning.Times, now: datetime) -> Schedule:
    """Keep a new schedule, and return it with its next firings.

    Raises:
        MlopsError: It could not fire as it says, or there is one of its name.
    """
    schedule, pins = planning.planned(config, plan, times, now)
    try:
        Store(config).add(schedule, seen=pins)
    except MlopsError:
        Repository.find(config.root).forget(planning.snapshot_name(schedule))
        raise
    return _shown(config, schedule, now, 0)


def timetable(config: Config, name: str | None, now: datetime) -> Timetable:
    """Return the schedules, or one of them, as they are now.

    Raises:
        ScheduleError: There is none of the name.
    """
    store = Store(config)
    if name is None and not store.exists:
        return Timetable()
    found = store.all() if name is None else [store.get(name)]
    limit = _HISTORY if name is None else _LONG_HISTORY
    holder = lease.holder(store.lease)
    return Timetable(
        schedules=tuple(_shown(config, schedule, now, limit) for schedule in found),
        scheduler_pid=holder.pid if holder is not None else None,
    )


def change(
    config: Config,
    name: str,
    times: planning.Times,
    now: datetime,
    *,
    paused: bool | None = None,
    fire: bool = False,
) -> Schedule:
    """Keep a schedule with other times, and return it.

    Args:
        config: The project's settings.
        name: The schedule.
        times: What changes.
        now: The time.
        paused: Whether it rests from now on; as it is if None.
        fire: Whether to fire it now.

    Raises:
        MlopsError: There is no such schedule, or a time is not one.
    """
    store = Store(config)
    before = store.get(name)
    changed = times.applied(before, now)
    if paused is not None:
        changed = structs.replace(changed, paused=paused, trouble=None)
    others = _times(before) != _times(changed) or (before.paused and not changed.paused)
    if changed != before:
        store.change(changed, since=now if others else None)
    if fire:
        _fire(config, changed, now)
    return _shown(config, changed, now, _HISTORY)


def upcoming(
    config: Config, name: str | None, times: planning.Times, now: datetime
) -> tuple[str, ...]:
    """Return when a schedule would fire with other times, or a new one; nothing is kept.

    Raises:
        MlopsError: There is no such schedule, or a time is not one.
    """
    before = planning.blank(config, now) if name is None else Store(config).get(name)
    return timing.upcoming(times.applied(before, now), now)


def remove(config: Config, name: str) -> Schedule:
    """Forget a schedule, and return it.

    Raises:
        ScheduleError: There is no such schedule.
    """
    store = Store(config)
    schedule = store.get(name)
    store.remove(schedule)
    return schedule


def _fire(config: Config, schedule: Schedule, now: datetime) -> None:
    """Claim a firing of this moment, and start its process, whether or not a scheduler runs."""
    store = Store(config)
    firing = new_firing(schedule, timing.iso(now), made_up=True)
    store.claim(schedule, [firing], store.decided(schedule))
    # The scheduler lets it wait for its turn, where it has to.
    if lease.holder(store.lease) is None:
        process = scheduler.begin(config, schedule, firing)
        # It outlives this session on purpose: no wait, and no warning about it.
        process.returncode = 0


def _times(schedule: Schedule) -> tuple[object, ...]:
    return (schedule.cron, schedule.timezone, schedule.every_s, schedule.on_change)


def _shown(config: Config, schedule: Schedule, now: datetime, limit: int) -> Schedule:
    history = Store(config).history(schedule, limit) if limit else ()
    try:
        upcoming = () if schedule.paused else timing.upcoming(schedule, now)
    except MlopsError as error:
        return structs.replace(schedule, trouble=error.message, history=history)
    return structs.replace(schedule, upcoming=upcoming, history=history)
