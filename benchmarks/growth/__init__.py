"""How cost grows with what there is: runs, data, files, deployments, metrics, events, schedules.

Each thing is measured at sizes a factor of ten apart. Cost that is proportional to a size has
exponent 1; twice the exponent is the square.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks.growth import data, deployments, journals, runs, schedules, waiting
from benchmarks.growth.costs import Costs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.record import Table

PACKAGES = ("mlops_nb", "dvc", "msgspec")
TABLES = (
    "growth-runs",
    "growth-waiting",
    "growth-events",
    "growth-metrics",
    "growth-files",
    "growth-data",
    "growth-schedules",
    "growth-deployments",
)
ROUNDS = 3
SIZES = {
    "runs": (10, 100, 1_000, 10_000),
    "waiting": (10, 30, 100),
    "events": (100, 1_000, 10_000, 100_000),
    "metrics": (1, 10, 100, 1_000),
    "files": (10, 100, 1_000, 10_000, 100_000),
    "data": (10, 100, 1_000, 10_000),
    "schedules": (1, 10, 100, 1_000),
    "deployments": (1, 10, 100),
}
QUICK = {"ROUNDS": 1, "SIZES": {name: sizes[:2] for name, sizes in SIZES.items()}}
# In the order of the tables; each takes a folder, its sizes, and what measures.
_PARTS = {
    "runs": runs.runs,
    "waiting": waiting.waiting,
    "events": journals.events,
    "metrics": journals.metrics,
    "files": data.files,
    "data": data.one_file,
    "schedules": schedules.schedules,
    "deployments": deployments.deployments,
}


def measure(folder: Path) -> Iterator[Table]:
    """Measure one kind of thing after another."""
    for name, part in _PARTS.items():
        place = folder / name
        place.mkdir()
        yield part(place, SIZES[name], Costs(ROUNDS))
        shutil.rmtree(place, ignore_errors=True)
