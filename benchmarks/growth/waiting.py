"""Runs that wait in line."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from benchmarks import past
from benchmarks.growth.costs import Costs, Line, table
from benchmarks.growth.processes import idle
from benchmarks.growth.submission import gates, held, pid_of, train
from benchmarks.record import Table, say
from mlops_nb import api

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def waiting(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure runs that wait in line: what the next one costs, and what all cost meanwhile."""
    root, resting = folder / "project", []
    past.fill(root, 1)
    with held(root):
        ids: list[str] = []
        for size in sizes:
            say(f"{size:,} runs in line")
            ids += [train(root) for _ in range(size - len(ids))]
            costs.of("train, up to the queue", lambda known=ids: known.append(train(root)))
            costs.of("show the last in line", lambda known=ids: api.show(known[-1], project=root))
            resting.append(idle(gates(root)))
        for run_id in ids:
            os.kill(pid_of(root, run_id), 15)
    spent = Line("CPU of all that wait, a second", tuple(cpu for cpu, _ in resting))
    each = resting[-1][1] / sizes[-1] / 1e6
    return table(
        "growth-waiting", "runs that wait in line", "{:,}", sizes, [*costs.lines(), spent],
        note="A run that waits is one small process, which sleeps until the one before it has left "
        f"the line; it holds {each:.1f} MB of its own.",
    )  # fmt: skip
