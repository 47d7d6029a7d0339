"""Schedules of a project."""

from __future__ import annotations

import secrets
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from benchmarks import past
from benchmarks.growth.costs import Costs, table
from benchmarks.record import Table, say
from mlops_nb import api
from mlops_nb import project as projects
from mlops_nb.scheduling.scheduler import Scheduler
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.settings import Config
from mlops_nb.types import FiringState, Schedule

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def schedules(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure schedules that are due once a day."""
    root = folder / "project"
    past.fill(root, 0)
    config = Config.load(root)
    projects.prepare_state(config)
    store, made = Store(config), 0
    now = datetime.now(timezone.utc)
    for size in sizes:
        say(f"{size:,} schedules")
        for number in range(made, size):
            schedule = Schedule(
                id=secrets.token_hex(4), name=f"s{number}", pipeline="train",
                arguments={"notebook": "train.ipynb"}, cron=f"{number % 60} 3 * * *",
                created_at=now.isoformat(), python=sys.executable,
            )  # fmt: skip
            store.add(schedule)
            fired = [
                new_firing(schedule, f"2026-01-0{day}T03:00:00+00:00", state=FiringState.SUCCEEDED)
                for day in range(1, 8)
            ]
            store.claim(schedule, fired, now)
        made = size
        costs.of("list them, with their last five firings", lambda: api.schedules(project=root))
        costs.of("a scheduler's first look", lambda: Scheduler(root).tick())
        scheduler = Scheduler(root)
        scheduler.tick()
        costs.of("a scheduler's later look, once a second", scheduler.tick)
        costs.of("show one", lambda: api.schedules("s0", project=root))
    return table("growth-schedules", "schedules", "{:,}", sizes, costs.lines())
