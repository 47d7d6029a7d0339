"""The words of schedules and firings, which a terminal and a cell have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.types import FiringState

if TYPE_CHECKING:
    from mlops_nb.types import Firing, Schedule, Timetable


SCHEDULE_HEAD = ("schedule", "what", "when", "code", "next", "last", "run")
FIRING_HEAD = ("due", "state", "run", "code", "why")


def schedules(found: Timetable) -> list[tuple[str, ...]]:
    """Return a row for each schedule, under `SCHEDULE_HEAD`."""
    return [_schedule(schedule) for schedule in found.schedules]


def schedule(found: Schedule) -> list[str]:
    """Return what there is to say of a schedule, a line each."""
    row = dict(zip(SCHEDULE_HEAD, _schedule(found), strict=True))
    lines = [f"{found.name}: {row['what']}, {row['when']}, {row['code']}"]
    if found.trouble is not None and found.recurring is None:
        lines.append(f"it cannot fire: {found.trouble}")
    elif found.recurring is not None:
        lines.append(f"fired by {found.recurring.url}")
        lines += [found.trouble] if found.trouble else []
    if found.paused:
        lines.append(f"it is paused; go on: jupyter mlops reschedule {found.name} --resume")
    lines += [f"  {moment}" for moment in found.upcoming]
    return lines


def firing(found: Firing) -> tuple[str, ...]:
    """Return the row of a firing, under `FIRING_HEAD`."""
    why = found.reason or (found.error.message if found.error else "")
    troubles = [f"{n.to} was not told: {n.trouble}" for n in found.notices if n.trouble]
    run = "" if found.state is FiringState.SKIPPED else found.run_id
    code = (found.code or "")[:12]
    said = "; ".join(filter(None, [why, *troubles]))
    return (_short(found.due), found.state.value, run, code, said)


def fired_by(found: Timetable) -> str:
    """Say who fires the schedules."""
    if found.schedules and all(one.recurring is not None for one in found.schedules):
        return "fired by Kubeflow"
    if found.scheduler_pid is not None:
        return f"fired by process {found.scheduler_pid}"
    return "nobody fires them now; to do it: jupyter mlops scheduler"


def _schedule(found: Schedule) -> tuple[str, ...]:
    last = found.last
    state = "" if last is None else f"{last.state.value} {_short(last.due)}"
    following = "paused" if found.paused else next(iter(found.upcoming), "")
    following = found.trouble or following
    run = "" if last is None or last.state is FiringState.SKIPPED else last.run_id
    what = str(found.arguments.get("notebook") or found.pipeline)
    return (found.name, what, _when(found), _which_code(found), following, state, run)


def _when(found: Schedule) -> str:
    if found.cron is not None:
        return f"{found.cron} {found.timezone}"
    return "on change" if found.on_change else f"every {found.every_s} s"


def _which_code(found: Schedule) -> str:
    if found.frozen is not None:
        return f"frozen at {found.frozen[:12]}"
    return f"branch {found.branch}" if found.branch else "working tree"


def _short(moment: str) -> str:
    return moment.replace("+00:00", "Z")
