"""A run on its way: what it is made from is pinned, and it waits in the queue."""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING

from benchmarks.growth.processes import processes
from mlops_nb import api, journal, locks
from mlops_nb import project as projects
from mlops_nb.capture import snapshot
from mlops_nb.journal import RunQueued
from mlops_nb.runners.local import queue
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import psutil


def pin(root: Path) -> str:
    """Pin a project, and return the commit."""
    config = Config.load(root)
    projects.prepare_state(config)
    wanted = snapshot.Wanted(notebook=root / "train.ipynb")
    taken = snapshot.take(config, wanted, name=f"bench-{secrets.token_hex(6)}")
    return taken.snapshot.code.sha


@contextlib.contextmanager
def held(root: Path) -> Iterator[None]:
    """Hold the one place that runs have, so that all wait."""
    place = root / ".mlops" / "queue" / "places" / "0"
    place.parent.mkdir(parents=True, exist_ok=True)
    with locks.held(place):
        yield


def train(root: Path) -> str:
    """Submit a run, where one at a time is run, and return its id."""
    settings = {"run.parallel": 1}
    return api.train(root / "train.ipynb", settings=settings, project=root).id


def pid_of(root: Path, run_id: str) -> int:
    """Return the process that waits for a run's turn, or has begun it."""
    record = journal.RunFolder(root / ".mlops" / "runs" / run_id)
    return next(event.pid for event in record.read()[0] if isinstance(event, RunQueued))


def gates(root: Path) -> list[psutil.Process]:
    """List the processes that wait for their runs' turn."""
    return processes(root, queue.__file__)
