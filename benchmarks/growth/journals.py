"""One run, by what its journal holds: events and metrics."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchmarks import past
from benchmarks.growth.costs import Costs, once, quiet, table
from benchmarks.record import Table, say
from mlops_nb import api, journal
from mlops_nb.following import moments
from mlops_nb.interfaces import card
from mlops_nb.journal import CellStarted, MetricsLogged
from mlops_nb.journal import events as events_file
from mlops_nb.journal.points_file import PointsFile, encode
from mlops_nb.types import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def events(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure a run by the events of its journal."""
    root = folder / "project"
    past.fill(root, 2)
    run = api.show(project=root)
    record = journal.RunFolder(root / ".mlops" / "runs" / run.id)
    lines = record.events.read_bytes().splitlines(keepends=True)
    runner = api.lookup.runner_of(root)
    for size in sizes:
        say(f"{size:,} events")
        more = [
            CellStarted(done=n // 2, total=size, source=f"step({n})")
            if n % 2
            else MetricsLogged(metrics={"loss": 1 / (n + 1)})
            for n in range(size)
        ]
        # Between what a run begins with and what it ends with.
        middle = b"".join(map(events_file.encode, more))
        record.events.write_bytes(b"".join(lines[:-1]) + middle + lines[-1])
        offset = record.events.stat().st_size
        costs.of("read and fold the journal", record.load)
        costs.of("show it", lambda: runner.get(run.id))
        costs.of("a watcher's next look", lambda at=offset: record.read(at))
    return table("growth-events", "events in a run's journal", "{:,}", sizes, costs.lines())


def metrics(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure a run by the number of its metrics, each of 100 steps."""
    root, steps = folder / "project", 100
    past.fill(root, 2)
    ids = [run.id for run in api.runs(project=root)]
    runs = root / ".mlops" / "runs"
    for size in sizes:
        say(f"{size:,} metrics")
        points = [
            Point(f"m{name}", step, 1.7e9 + step, math.sin(step + name))
            for step in range(steps)
            for name in range(size)
        ]
        lines = encode(points)
        costs.of("write its points, as a kernel does", lambda p=points: encode(p))
        for run_id in ids:
            record = journal.RunFolder(runs / run_id)
            PointsFile(record.points).begin()
            record.points.write_bytes(lines)
            end = record.events.read_bytes().splitlines(keepends=True)
            one_by_one = [MetricsLogged(metrics={f"m{n}": n / 7}) for n in range(size)]
            kept = [line for line in end if b'"m0"' not in line and b'"m1"' not in line]
            record.events.write_bytes(
                b"".join(kept[:-1]) + b"".join(map(events_file.encode, one_by_one)) + kept[-1]
            )
        costs.of("read and fold the journal", record.load)
        costs.of("follow: all curves at once", lambda: next(api.follow(ids[0], project=root)))
        costs.of("follow: one more point of one metric", _looks(points))
        costs.of("compare two such runs", lambda: api.compare(*ids, project=root))
        moment = next(api.follow(ids[0], project=root))
        costs.of("draw the card", lambda m=moment: card.card(m))
        costs.of("send all points to MLflow", _sent(folder / f"mlflow-{size}.db", lines))
    return table(
        "growth-metrics", "metrics of a run", "{:,}", sizes, costs.lines(),
        note=f"Each has {steps} steps, so the last column is {sizes[-1] * steps:,} points.",
    )  # fmt: skip


def _looks(points: list[Point]) -> Callable[[], None]:
    """Return what a watcher does when one more point has come."""
    drawn = moments.Curves()
    drawn.add(points)
    return lambda: drawn.add([Point("m0", 1_000, 1.7e9, 0.5)])


def _sent(path: Path, lines: bytes) -> Callable[[], object]:
    """Return the sending of points to a store of MLflow's."""
    from mlflow import MlflowClient

    from mlops_nb.tracking.forward import Forwarder
    from mlops_nb.tracking.store import Store as Tracking

    with quiet():
        store = Tracking(f"sqlite:///{path}")
        run_id = MlflowClient(f"sqlite:///{path}").create_run("0").info.run_id
    file = PointsFile(path.with_suffix(".jsonl"))
    file.begin()
    file.path.write_bytes(lines)
    forwarder = Forwarder(store, run_id, file)

    def send() -> None:
        while forwarder.missing():
            forwarder.forward()

    return once(send)
