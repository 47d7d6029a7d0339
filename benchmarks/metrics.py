"""Logging 1,000 metric points a second from a training loop, and when a watcher sees them."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

from benchmarks.measure import cost
from benchmarks.record import Table, say, version_of
from mlops_nb import api
from mlops_nb import project as projects
from tests.vocabulary import notebook

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("mlops_nb", "mlflow", "ipykernel")
TABLES = ("metrics", "metrics-seen")
ROUNDS = 9
WATCH_S = 0.2
# Of each round: wall and CPU seconds without logging, and with it.
Rounds = list[list[list[float]]]
PEER_ROUNDS = 3
POINTS = 1_000

QUICK = {"ROUNDS": 2, "PEER_ROUNDS": 1}


# Work is steps of a logistic regression, as many as took a millisecond before the first round. The
# arrays are so small that the linear algebra starts no threads.
LOOP = """
import json, time
import mlflow
import numpy

random = numpy.random.default_rng(0)
features, labels = random.random((200, 40)), random.integers(0, 2, 200)

def work(steps):
    weights = numpy.zeros(40)
    for _ in range(steps):
        predicted = 1 / (1 + numpy.exp(-features @ weights))
        weights -= 0.1 * features.T @ (predicted - labels)

def steps_of_a_millisecond():
    best = min(timed(lambda: work(1000))[0] for _ in range(5))
    return round(1000 * 0.001 / best)

def timed(function):
    start, cpu = time.perf_counter(), time.thread_time()
    function()
    return time.perf_counter() - start, time.thread_time() - cpu

def train(log):
    for step in range(points):
        work(steps)
        if log:
            mlflow.log_metric('loss', 1 / (step + 1), step=step)

steps = steps_of_a_millisecond()
mlflow.log_metric('loss', 1, step=-1)
pairs = []
for _ in range(rounds):
    pair = []
    for log in (False, True):
        # What was logged last is on its way to MLflow for another second.
        time.sleep(1.2)
        pair.append(timed(lambda: train(log)))
    pairs.append(pair)
with open(result, 'w') as file:
    json.dump(pairs, file)
"""
SENDER = """
import random, time
import mlflow
for step in range(40):
    time.sleep(random.uniform(0.1, 0.7))
    mlflow.log_metric('sent_at', time.time(), step=step)
"""


def measure(folder: Path) -> Iterator[Table]:
    """Measure a loop of fixed work with and without logging, and the way of a point."""
    say("a loop that logs, ours")
    own = _own(folder / "own")
    say("a loop that logs, the peer")
    peer = _peer(folder / "peer")
    ours, others = _ratios(own), _ratios(peer)
    yield Table(
        name="metrics",
        title=f"A training loop of {POINTS:,} steps of 1 ms that logs one point a step",
        columns=(
            "way", "rounds", "without, s", "with, s", "wall ratio", "CPU ratio", "CPU a point, us",
        ),
        rows=(
            _row("mlops_nb", own), _row("mlflow.log_metric under papermill alone", peer)
        ),
        note="Beside the same loop without logging, in turn in one kernel; medians. CPU is that of "
        "the thread that trains.",
        says=f"A training loop that logs 1,000 points a second takes {ours[0]:.2f} times as "
        f"long as one that logs none; with plain `mlflow.log_metric`, {others[0]:.1f} times.",
        peers={"mlflow": version_of("mlflow"), "papermill": version_of("papermill")},
    )  # fmt: skip
    say("when a watcher sees a point")
    seen = _delays(folder / "watched")
    points, latest = (statistics.median(delays) for delays in seen.values())
    yield Table(
        name="metrics-seen",
        title=f"From a call of log_metric to a watcher that looks every {WATCH_S} s",
        columns=("seen in", "points", "median, s", "most, s"),
        rows=tuple(
            (name, f"{len(delays)}", f"{statistics.median(delays):.2f}", f"{max(delays):.2f}")
            for name, delays in seen.items()
        ),
        says=f"A watcher sees a point after {points:.1f} s, and the run's latest metrics after "
        f"{latest:.1f} s (medians).",
    )


def _ratios(rounds: Rounds) -> tuple[float, float]:
    """Return wall and CPU with logging, as ratios to those without."""
    wall, cpu = (
        statistics.median(with_[i] / without[i] for without, with_ in rounds) for i in (0, 1)
    )
    return wall, cpu


def _row(name: str, rounds: Rounds) -> tuple[str, ...]:
    wall, cpu = _ratios(rounds)
    more = statistics.median(with_[1] - without[1] for without, with_ in rounds) / POINTS * 1e6
    without_s, with_s = (statistics.median(turns[i][0] for turns in rounds) for i in (0, 1))
    figures = (f"{without_s:.2f}", f"{with_s:.2f}", f"{wall:.3f}", f"{cpu:.3f}", f"{more:.0f}")
    return (name, f"{len(rounds)}", *figures)


def _own(root: Path) -> Rounds:
    projects.init(root, example=None)
    result = root.with_suffix(".json")
    _notebook(root, result, rounds=ROUNDS)
    cost([sys.executable, "-m", "mlops_nb", "train", "train.ipynb", "--wait"], root)
    rounds: Rounds = json.loads(result.read_text())
    return rounds


def _peer(root: Path) -> Rounds:
    root.mkdir()
    result = root.with_suffix(".json")
    _notebook(root, result, rounds=PEER_ROUNDS)
    cost(
        [sys.executable, "-m", "papermill", "train.ipynb", "out.ipynb", "--no-progress-bar"],
        root,
        {"MLFLOW_TRACKING_URI": f"sqlite:///{root}/mlflow.db"},
    )
    rounds: Rounds = json.loads(result.read_text())
    return rounds


def _notebook(root: Path, result: Path, *, rounds: int) -> None:
    parameters = f"result = {str(result)!r}\nrounds = {rounds}\npoints = {POINTS}"
    notebook(root / "train.ipynb", LOOP, parameters=parameters)
    _commit(root)


def _commit(root: Path) -> None:
    if (root / ".git").exists():
        author = ["-c", "user.name=b", "-c", "user.email=b"]
        subprocess.run(["git", "add", "-A"], cwd=root, check=True)
        subprocess.run(["git", *author, "commit", "-qm", "start"], cwd=root, check=True)


def _delays(root: Path) -> dict[str, list[float]]:
    projects.init(root, example=None)
    notebook(root / "train.ipynb", SENDER, parameters="rate = 1")
    _commit(root)
    run = api.train(root / "train.ipynb", project=root)
    delays: dict[str, list[float]] = {"the points": [], "the run's latest metrics": []}
    watcher = threading.Thread(target=_watch, args=(root, run.id, delays))
    watcher.start()
    seen = 0
    while watcher.is_alive():
        points = api.points(run.id, project=root)
        now = time.time()
        delays["the points"] += [now - point.value for point in points[seen:]]
        seen = len(points)
        time.sleep(WATCH_S)
    watcher.join()
    return delays


def _watch(root: Path, run_id: str, delays: dict[str, list[float]]) -> None:
    before = 0.0
    for run in api.watch(run_id, project=root):
        sent_at = run.metrics.get("sent_at", before)
        if sent_at != before:
            delays["the run's latest metrics"].append(time.time() - sent_at)
            before = sent_at
