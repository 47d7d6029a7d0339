"""Runs of a project."""

from __future__ import annotations

import os
import secrets
import shutil
import sqlite3
from typing import TYPE_CHECKING

from benchmarks import past
from benchmarks.growth.costs import Costs, once, quiet, table
from benchmarks.growth.submission import held, pid_of, pin, train
from benchmarks.record import Table, say, version_of
from mlops_nb import api, journal
from mlops_nb.journal import RunFinished
from mlops_nb.journal import events as events_file
from mlops_nb.runners import index
from mlops_nb.types import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def runs(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure what lists, shows and adds runs, in projects with so many of them."""
    peer_size = sizes[-2]
    root = folder / "project"
    for size in sizes:
        say(f"{size:,} runs")
        past.fill(root, size)
        costs.of("first list, which makes the index", once(lambda: _list_anew(root, drop=True)))
        costs.of("list of 50, by a new process", lambda: _list_anew(root))
        costs.of("list of 50 again", lambda: api.summaries(limit=50, project=root))
        costs.of("filter by a metric, sort by it", lambda: _filtered(root))
        costs.of("all runs, whole (Python's `runs()`)", once(lambda: api.runs(project=root)))
        costs.of("show the latest", lambda: api.show(project=root))
        costs.of("status, which pins and keeps nothing", lambda: _status(root))
        costs.of("pin", lambda: pin(root))
        costs.of("train, up to the queue", lambda: _submitted(root))
        costs.of("end of a run whose driver was killed", lambda: _reconciled(root))
        if size == peer_size:
            costs.of("MLflow's search of 50 by a metric", _searched(folder / "mlflow.db", size))
    lines = costs.lines()
    peer = next(line for line in lines if "MLflow" in line.what)
    own = next(line for line in lines if line.what.startswith("filter"))
    ratio = own.costs[-2] / peer.costs[0]
    return table(
        "growth-runs", "runs of a project", "{:,}", sizes, [x for x in lines if x is not peer],
        note="Each run has a snapshot's ref in git, 9 parameters and 7 metrics.",
        says=f"With {peer_size:,} runs, a filter by a metric takes {ratio:.2f} of the CPU of "
        f"`mlflow.search_runs` with the same condition on as many runs ({peer.costs[0]:.3f} s).",
        peers={"mlflow": version_of("mlflow")},
    )  # fmt: skip


def _list_anew(root: Path, *, drop: bool = False) -> None:
    index._INDEXES.clear()
    if drop:
        for path in (root / ".mlops").glob("index-*"):
            path.unlink()
    api.summaries(limit=50, project=root)


def _filtered(root: Path) -> None:
    given = {"where": "test_accuracy>0.5", "sort": "-metric.test_accuracy"}
    assert api.summaries(limit=50, project=root, **given).runs


def _status(root: Path) -> None:
    api.status(root / "train.ipynb", project=root)


def _submitted(root: Path) -> None:
    with held(root):
        run_id = train(root)
        os.kill(pid_of(root, run_id), 15)
    shutil.rmtree(root / ".mlops" / "runs" / run_id)


def _reconciled(root: Path) -> None:
    """Leave a run as a killed driver does, and look at it."""
    runs = root / ".mlops" / "runs"
    like = journal.RunFolder(max(runs.iterdir(), key=lambda path: path.name))
    run_id = f"{like.path.name[:15]}-{secrets.token_hex(4)}"
    shutil.copytree(like.path, runs / run_id)
    record = journal.RunFolder(runs / run_id)
    ends = (RunFinished, journal.RunTracked)
    left = [event for event in record.read()[0] if not isinstance(event, ends)]
    record.events.write_bytes(b"".join(map(events_file.encode, left)))
    record.lock.touch()
    assert api.lookup.runner_of(root).get(run_id).state is RunState.LOST
    shutil.rmtree(runs / run_id)


def _searched(path: Path, count: int) -> Callable[[], None]:
    """Return a search of a store of MLflow's with as many runs."""
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    client = MlflowClient(f"sqlite:///{path}")
    experiment = client.create_experiment("peer")
    with quiet():
        first = client.create_run(experiment).info.run_id
    given = [Metric(f"m{n}", n / 7, 0, 0) for n in range(6)]
    accuracy = Metric("test_accuracy", 0.9, 0, 0)
    client.log_batch(
        first, metrics=[*given, accuracy], params=[Param(f"p{n}", "1") for n in range(9)]
    )
    with sqlite3.connect(path) as database:
        for table in ("runs", "params", "metrics", "latest_metrics", "tags"):
            _multiply(database, table, first, count)

    def search() -> None:
        found = client.search_runs(
            [experiment], "metrics.test_accuracy > 0.5", max_results=50,
            order_by=["metrics.test_accuracy DESC"],
        )  # fmt: skip
        assert len(found) == min(50, count)

    return search


def _multiply(database: sqlite3.Connection, table: str, run_id: str, count: int) -> None:
    columns = [row[1] for row in database.execute(f"PRAGMA table_info({table})")]
    query = f"SELECT * FROM {table} WHERE run_uuid = ?"  # noqa: S608  (names of ours)
    rows = database.execute(query, (run_id,)).fetchall()
    place = columns.index("run_uuid")
    more = [
        (*row[:place], f"{number:032x}", *row[place + 1 :])
        for number in range(1, count)
        for row in rows
    ]
    marks = ", ".join("?" * len(columns))
    database.executemany(f"INSERT INTO {table} VALUES ({marks})", more)  # noqa: S608
