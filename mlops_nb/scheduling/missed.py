"""What becomes of firings: of those that nobody was there for, and of one while another goes on."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from itertools import takewhile
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb.scheduling import timing
from mlops_nb.scheduling.store import new_firing
from mlops_nb.types import FiringState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_nb.types import Firing, Schedule

MISSED = ("skip", "once", "all")
OVERLAP = ("skip", "queue", "parallel")
# A scheduler that is there fires within seconds, on a machine under load within a minute.
GRACE = timedelta(seconds=60)
MOST = 1000


def decide(
    schedule: Schedule, since: datetime, now: datetime, going_on: Sequence[Firing]
) -> list[Firing]:
    """Return the firings of a schedule that have become due, oldest first: to be done, or skipped.

    Args:
        schedule: The schedule.
        since: When this was decided last.
        now: The time.
        going_on: Firings of the schedule that are not closed.
    """
    due = deque(takewhile(lambda m: m <= now, timing.dues(schedule, since)), maxlen=MOST)
    late = [moment for moment in due if now - moment > GRACE]
    firings = [new_firing(schedule, timing.iso(moment), made_up=moment in late) for moment in due]
    decided = _of_missed(schedule.missed, firings, len(late))
    return _beside(schedule.overlap, decided, going_on)


def _of_missed(policy: str, firings: list[Firing], late: int) -> list[Firing]:
    if policy == "all" or not late:
        return firings
    if policy == "skip":
        return [*(_missed(firing) for firing in firings[:late]), *firings[late:]]
    # One stands for all that were missed: the first that is in time, or else the newest of them.
    stands = min(late, len(firings) - 1)
    why = f"; that of {firings[stands].due} stands for it"
    return [*(_missed(firing, why) for firing in firings[:stands]), *firings[stands:]]


def _missed(firing: Firing, why: str = "") -> Firing:
    return _skipped(firing, f"missed: no scheduler was running{why}")


def _beside(policy: str, firings: list[Firing], going_on: Sequence[Firing]) -> list[Firing]:
    """Skip what is due while another goes on; what is made up waits for its turn instead."""
    if policy != "skip":
        return firings
    before = next(iter(going_on), None)
    decided = []
    for firing in firings:
        if firing.state is not FiringState.DUE:
            decided.append(firing)
        elif before is not None and not firing.made_up:
            decided.append(_skipped(firing, f"the firing of {before.due} was still going on"))
        else:
            decided.append(firing)
            before = before or firing
    return decided


def _skipped(firing: Firing, reason: str) -> Firing:
    return structs.replace(
        firing,
        state=FiringState.SKIPPED,
        reason=reason,
        ended_at=datetime.fromisoformat(firing.due).timestamp(),
    )
