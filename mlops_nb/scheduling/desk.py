"""Schedules as a user sees and changes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import lease
from mlops_nb.capture import snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import AbsentScheduleError, BackendError, MlopsError, UsageError
from mlops_nb.scheduling import planning, recurring, scheduler, timing
from mlops_nb.scheduling.recurring import KUBEFLOW, Recurring
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.types import Schedule, Timetable

if TYPE_CHECKING:
    from datetime import datetime

    from mlops_nb.settings import Config
    from mlops_nb.types import Firing

_HISTORY = 5
_LONG_HISTORY = 100


def add(config: Config, plan: planning.Plan, times: planning.Times, now: datetime) -> Schedule:
    """Keep a new schedule, and return it with its next firings.

    Raises:
        MlopsError: It could not fire as it says, or there is one of its name.
    """
    schedule, pins = planning.planned(config, plan, times, now)
    store = Store(config)
    try:
        store.must_be_new(schedule.name)
        if schedule.fired_by == KUBEFLOW:
            schedule = _given_away(config, schedule)
        store.add(schedule, seen=pins)
    except MlopsError:
        Repository.find(config.root).forget(planning.snapshot_name(schedule))
        if schedule.recurring is not None:
            Recurring(config).remove(schedule)
        raise
    return _shown(schedule, now)


def look(config: Config, name: str | None = None, *, at_most_every_s: float = 0.0) -> None:
    """Take over what has become of the schedules that a cluster fires, where there are any.

    Args:
        config: The project's settings.
        name: Only this schedule.
        at_most_every_s: Do nothing where that was done by anybody in so many seconds.
    """
    store = Store(config)
    if not recurring.are_any(config):
        return
    found = [one for one in store.all() if one.fired_by == KUBEFLOW and name in (None, one.name)]
    if not found or not store.looks(at_most_every_s):
        return
    there = Recurring(config)
    for schedule in found:
        there.look(schedule)


def timetable(config: Config, name: str | None, now: datetime, *, looks: bool = True) -> Timetable:
    """Return the schedules, or one of them, as they are now.

    Args:
        config: The project's settings.
        name: Only this one, with a longer history.
        now: The time.
        looks: Whether clusters are asked; where not, theirs are as they were last seen.

    Raises:
        ScheduleError: There is none of the name.
    """
    store = Store(config)
    strangers = _strangers(config) if looks and name is None else []
    if name is None and not store.exists:
        return Timetable(schedules=tuple(strangers))
    if looks:
        look(config, name)
    if name is None:
        found, histories = store.all(), store.histories(_HISTORY)
    else:
        found = [store.get(name)]
        histories = {found[0].id: store.history(found[0], _LONG_HISTORY)}
    holder = lease.holder(store.lease)
    return Timetable(
        schedules=(*(_shown(one, now, histories.get(one.id, ())) for one in found), *strangers),
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
    repair: bool = False,
) -> Schedule:
    """Keep a schedule with other times, and return it.

    Args:
        config: The project's settings.
        name: The schedule.
        times: What changes.
        now: The time.
        paused: Whether it rests from now on; as it is if None.
        fire: Whether to fire it now.
        repair: Whether to make good what is other on the cluster that fires it.

    Raises:
        MlopsError: There is no such schedule, or a time is not one.
    """
    store = Store(config)
    before = _known(config, store, name, repair=repair)
    if repair and before.fired_by != KUBEFLOW:
        raise UsageError(
            f"no cluster fires {name}: there is nothing to repair",
            hint=f"leave out --repair; what is wrong with it says: jupyter mlops schedules {name}",
        )
    changed = times.applied(before, now)
    if paused is not None:
        changed = structs.replace(changed, paused=paused, trouble=None)
    if changed.fired_by == KUBEFLOW:
        changed = _changed_away(config, before, changed, repair=repair)
    others = _times(before) != _times(changed) or (before.paused and not changed.paused)
    if changed != before:
        store.change(changed, since=now if others else None)
    if fire and changed.fired_by == KUBEFLOW:
        Recurring(config).fire(changed)
        look(config, changed.name)
    elif fire:
        _fire(config, changed, now)
    return _shown(changed, now, store.history(changed, _HISTORY))


def upcoming(
    config: Config, name: str | None, times: planning.Times, now: datetime
) -> tuple[str, ...]:
    """Return when a schedule would fire with other times, or a new one; nothing is kept.

    Raises:
        MlopsError: There is no such schedule, or a time is not one.
    """
    before = planning.blank(config, now) if name is None else Store(config).get(name)
    return timing.upcoming(times.applied(before, now), now)


def remove(config: Config, name: str, *, forget: bool = False) -> Schedule:
    """Forget a schedule, and return it.

    Args:
        config: The project's settings.
        name: The schedule.
        forget: Whether to do so also where the cluster that fires it cannot be told.

    Raises:
        ScheduleError: There is no such schedule.
        BackendError: The cluster that fires it gives no answer, or refuses.
    """
    store = Store(config)
    schedule = store.get(name)
    if schedule.fired_by == KUBEFLOW:
        there = Recurring(config)
        try:
            there.remove(schedule)
        except BackendError as error:
            if not forget:
                raise BackendError(
                    f"{error.message}; {name} stays as it is, and may be fired",
                    hint=f"{error.hint}; for a server that is gone: "
                    f"jupyter mlops unschedule {name} --forget",
                ) from error
            there.forget(schedule)
    store.remove(schedule)
    return schedule


def _strangers(config: Config) -> list[Schedule]:
    """Return what a cluster fires for this project and our record has not, where that may be."""
    if not recurring.are_any(config) and config.schedule_fired_by != KUBEFLOW:
        return []
    try:
        return Recurring(config).strangers()
    except MlopsError:
        # Those that are recorded say that the server is away.
        return []


def _given_away(config: Config, schedule: Schedule) -> Schedule:
    """Have a cluster fire a new schedule, and return it."""
    given = schedule.arguments.get("settings") or {}
    around = snapshot.surroundings(config.with_settings(given))
    return Recurring(config).create(schedule, around)


def _known(config: Config, store: Store, name: str, *, repair: bool) -> Schedule:
    """Return a schedule of our record, or take it over from the cluster where that is asked."""
    try:
        return store.get(name)
    except AbsentScheduleError:
        if not repair or not config.kubeflow_url:
            raise
    return Recurring(config).adopt(name)


def _changed_away(config: Config, before: Schedule, changed: Schedule, *, repair: bool) -> Schedule:
    """Have the cluster fire a schedule as it is now, and return it.

    A recurring run that is enabled again makes up for what was due meanwhile. So only a pause is
    said to the one that is there; all else makes a new one, which counts from now on.
    """
    there = Recurring(config)
    rests = structs.replace(before, paused=True, trouble=None)
    if changed == before and not repair:
        return changed
    if not repair and structs.replace(changed, trouble=None) == rests:
        there.pause(changed)
        return changed
    recurring.must_be_sayable(config, changed)
    return there.replace(changed)


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


def _shown(schedule: Schedule, now: datetime, history: tuple[Firing, ...] = ()) -> Schedule:
    try:
        upcoming = () if schedule.paused else timing.upcoming(schedule, now)
    except MlopsError as error:
        return structs.replace(schedule, trouble=error.message, history=history)
    return structs.replace(schedule, upcoming=upcoming, history=history)
