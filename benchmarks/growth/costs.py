"""What something costs at several sizes, how that grows, and the table of it."""

from __future__ import annotations

import contextlib
import gc
import io
import math
import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchmarks.record import Table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# Slopes of the last two sizes beyond which cost is said to grow so.
_CONSTANT, _LINEAR = 0.25, 1.2


@dataclass(frozen=True)
class Line:
    """What something costs at some sizes."""

    what: str
    costs: tuple[float, ...]


class Costs:
    """The costs of things by what they are, size by size."""

    def __init__(self, rounds: int) -> None:
        self._rounds = rounds
        self._found: dict[str, list[float]] = {}

    def of(self, what: str, work: Callable[[], object]) -> None:
        """Measure something: CPU of this process and its children, the least of some rounds."""
        rounds = getattr(work, "rounds", self._rounds)
        taken = []
        gc.collect()
        for _ in range(rounds):
            before = sum(os.times()[:4])
            start = time.process_time()
            with quiet():
                work()
            own = time.process_time() - start
            # The system counts children in hundredths of a second, and this process exactly.
            with_children = sum(os.times()[:4]) - before
            taken.append(max(own, with_children if with_children > own + 0.02 else own))
        self._found.setdefault(what, []).append(min(taken))

    def lines(self) -> list[Line]:
        """Return what was found."""
        return [Line(what, tuple(costs)) for what, costs in self._found.items()]


def once(work: Callable[[], object]) -> Callable[[], object]:
    """Have something measured once, since a second time is another thing or takes long."""

    def once() -> object:
        return work()

    once.rounds = 1  # type: ignore[attr-defined]
    return once


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what is printed from the terminal, where only tables go."""
    with contextlib.redirect_stdout(io.StringIO()):
        yield


def table(
    name: str, of: str, unit: str, sizes: Sequence[int], lines: Sequence[Line], *,
    note: str = "", says: str = "", peers: dict[str, str] | None = None,
) -> Table:  # fmt: skip
    """Make the table of what was found at some sizes, with how each grows."""
    head = "CPU seconds of one call, the least of three; those that take long are called once. "
    head += "n^k is fitted to all sizes, and the last step is the exponent between the last two."
    return Table(
        name=name,
        title=f"Growth with the number of {of}" if "MB" not in unit else f"Growth with {of}",
        columns=("what", *(unit.format(size) for size in sizes), "k", "last step", "grows"),
        rows=tuple(_row(line, sizes) for line in lines),
        note=f"{head} {note}".strip(),
        says=says,
        peers=peers or {},
    )


def _row(line: Line, sizes: Sequence[int]) -> tuple[str, ...]:
    costs = [max(cost, 1e-6) for cost in line.costs]
    fitted = exponent(sizes, costs)
    last = exponent(sizes[-2:], costs[-2:])
    return (line.what, *map(_seconds, costs), f"{fitted:.2f}", f"{last:.2f}", said(last, costs))


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return k of the least-squares fit of cost ~ size^k."""
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    mean_x, mean_y = sum(x) / len(x), sum(y) / len(y)
    pairs = list(zip(x, y, strict=True))
    over = sum((a - mean_x) * (b - mean_y) for a, b in pairs)
    return over / sum((a - mean_x) ** 2 for a, _ in pairs)


def said(last: float, costs: Sequence[float]) -> str:
    """Say how cost grows at the end of what was measured."""
    if last < _CONSTANT or costs[-1] < 0.002:
        return "hardly"
    if last < 0.8:
        return "less than linearly"
    return "linearly" if last <= _LINEAR else "more than linearly"


def _seconds(cost: float) -> str:
    if cost >= 10:
        return f"{cost:.0f}"
    return f"{cost:.2f}" if cost >= 0.1 else f"{cost:.4f}"
