"""How cost grows with what there is: runs, data, files, deployments, metrics, events, schedules.

Each thing is measured at sizes a factor of ten apart. Cost that is proportional to a size has
exponent 1; twice the exponent is the square.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import hashlib
import io
import math
import os
import secrets
import shutil
import sqlite3
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from benchmarks import past
from benchmarks.record import Table, say, version_of
from mlops_nb import api, journal
from mlops_nb import project as projects
from mlops_nb.capture import snapshot
from mlops_nb.deployment import Built
from mlops_nb.deployment.descriptor import Descriptor, Resources, Service
from mlops_nb.deployment.local import LocalTarget
from mlops_nb.following import moments
from mlops_nb.interfaces import card
from mlops_nb.journal import CellStarted, MetricsLogged, RunFinished, RunQueued
from mlops_nb.journal import events as events_file
from mlops_nb.journal.points_file import PointsFile, encode
from mlops_nb.orders import rollout
from mlops_nb.runners import index
from mlops_nb.runners.local import queue
from mlops_nb.scheduling.scheduler import Scheduler
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.settings import Config
from mlops_nb.stages import provision_data
from mlops_nb.types import FiringState, Model, Origin, Point, RunState, Schedule, Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

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
# Slopes of the last two sizes beyond which cost is said to grow so.
_CONSTANT, _LINEAR = 0.25, 1.2


@dataclass(frozen=True)
class Line:
    """What something costs at some sizes."""

    what: str
    costs: tuple[float, ...]


def measure(folder: Path) -> Iterator[Table]:
    """Measure one kind of thing after another."""
    for part in (runs, waiting, events, metrics, files, data, schedules, deployments):
        place = folder / part.__name__
        place.mkdir()
        yield part(place)
        shutil.rmtree(place, ignore_errors=True)


def runs(folder: Path) -> Table:
    """Measure what lists, shows and adds runs, in projects with so many of them."""
    sizes = SIZES["runs"]
    peer_size = sizes[-2]
    root, costs = folder / "project", _Costs()
    for size in sizes:
        say(f"{size:,} runs")
        past.fill(root, size)
        costs.of("first list, which makes the index", _once(lambda: _list_anew(root, drop=True)))
        costs.of("list of 50, by a new process", lambda: _list_anew(root))
        costs.of("list of 50 again", lambda: api.summaries(limit=50, project=root))
        costs.of("filter by a metric, sort by it", lambda: _filtered(root))
        costs.of("all runs, whole (Python's `runs()`)", _once(lambda: api.runs(project=root)))
        costs.of("show the latest", lambda: api.show(project=root))
        costs.of("status, which pins and keeps nothing", lambda: _status(root))
        costs.of("pin", lambda: _pin(root))
        costs.of("train, up to the queue", lambda: _submitted(root))
        costs.of("end of a run whose driver was killed", lambda: _reconciled(root))
        if size == peer_size:
            costs.of("MLflow's search of 50 by a metric", _searched(folder / "mlflow.db", size))
    lines = costs.lines()
    peer = next(line for line in lines if "MLflow" in line.what)
    own = next(line for line in lines if line.what.startswith("filter"))
    ratio = own.costs[-2] / peer.costs[0]
    return _table(
        "growth-runs", "runs of a project", "{:,}", sizes, [x for x in lines if x is not peer],
        note="Each run has a snapshot's ref in git, 9 parameters and 7 metrics.",
        says=f"With {peer_size:,} runs, a filter by a metric takes {ratio:.2f} of the CPU of "
        f"`mlflow.search_runs` with the same condition on as many runs ({peer.costs[0]:.3f} s).",
        peers={"mlflow": version_of("mlflow")},
    )  # fmt: skip


def waiting(folder: Path) -> Table:
    """Measure runs that wait in line: what the next one costs, and what all cost meanwhile."""
    sizes = SIZES["waiting"]
    root, idle, costs = folder / "project", [], _Costs()
    past.fill(root, 1)
    with _held(root):
        ids: list[str] = []
        for size in sizes:
            say(f"{size:,} runs in line")
            ids += [_train(root) for _ in range(size - len(ids))]
            costs.of("train, up to the queue", lambda known=ids: known.append(_train(root)))
            costs.of("show the last in line", lambda known=ids: api.show(known[-1], project=root))
            idle.append(_idle(_gates(root)))
        for run_id in ids:
            os.kill(_pid_of(root, run_id), 15)
    spent = Line("CPU of all that wait, a second", tuple(cpu for cpu, _ in idle))
    each = idle[-1][1] / sizes[-1] / 1e6
    return _table(
        "growth-waiting", "runs that wait in line", "{:,}", sizes, [*costs.lines(), spent],
        note="A run that waits is one small process, which sleeps until the one before it has left "
        f"the line; it holds {each:.1f} MB of its own.",
    )  # fmt: skip


def events(folder: Path) -> Table:
    """Measure a run by the events of its journal."""
    sizes = SIZES["events"]
    root, costs = folder / "project", _Costs()
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
    return _table("growth-events", "events in a run's journal", "{:,}", sizes, costs.lines())


def metrics(folder: Path) -> Table:
    """Measure a run by the number of its metrics, each of 100 steps."""
    sizes, steps = SIZES["metrics"], 100
    root, costs = folder / "project", _Costs()
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
    return _table(
        "growth-metrics", "metrics of a run", "{:,}", sizes, costs.lines(),
        note=f"Each has {steps} steps, so the last column is {sizes[-1] * steps:,} points.",
    )  # fmt: skip


def files(folder: Path) -> Table:
    """Measure files of code in a snapshot, and files of a dataset."""
    sizes, costs = SIZES["files"], _Costs()
    code, many = folder / "code", folder / "many"
    past.fill(code, 0)
    _dataset(many)
    for size in sizes:
        say(f"{size:,} files")
        _write_files(code / "package", size)
        _commit(code)
        costs.of("pin code", lambda: _pin(code))
        costs.of("`git status` (peer)", lambda: _git(code, "status", "--porcelain"))
        _write_files(many / "data" / "train", size)
        costs.of("pin a dataset, changed", _once(lambda: _pin(many)))
        costs.of("pin a dataset, unchanged", _once(lambda: _pin(many)))
        costs.of("`dvc status` (peer)", _once(lambda: _dvc(many, "status")))
        provide = _provided(many, folder / "volume")
        costs.of("provide the dataset to a run", _once(provide))
    return _table(
        "growth-files", "files", "{:,}", sizes, costs.lines(),
        note="Files of 20 bytes; the project's data are in one folder. Pinning a changed dataset "
        "puts it into DVC's cache, which is a file for each.",
        peers={"git": _git(code, "--version").split()[-1], "dvc": version_of("dvc")},
    )  # fmt: skip


def data(folder: Path) -> Table:
    """Measure one file of data."""
    sizes, costs = SIZES["data"], _Costs()
    for size in sizes:
        say(f"{size:,} MB")
        root = folder / "project"
        _dataset(root)
        place = root / "data" / "train" / "all.bin"
        _write_sparse(place, size)
        costs.of("pin it, new", _once(lambda r=root: _pin(r)))
        costs.of("pin it, unchanged", lambda r=root: _pin(r))
        provide = _provided(root, folder / "volume")
        costs.of("provide it to a run (hashed again)", _once(provide))
        costs.of("`md5sum` of Python's hashlib (peer)", _once(lambda p=place: _md5(p)))
        shutil.rmtree(folder / "project")
        shutil.rmtree(folder / "volume", ignore_errors=True)
    lines = costs.lines()
    provided, alone = lines[2].costs[-1], lines[3].costs[-1]
    return _table(
        "growth-data", "data in one file", "{:,} MB", sizes, lines,
        note="Sparse files, so that the disk plays little part: what is left is MD5, which DVC "
        "names content by and which one core computes at some 600 MB/s.",
        says=f"{sizes[-1]:,} MB are provided to a run in {provided / alone:.2f} times the CPU of "
        "their MD5 alone; pinned again, they cost nothing that grows with their size.",
        peers={"dvc": version_of("dvc")},
    )  # fmt: skip


def schedules(folder: Path) -> Table:
    """Measure schedules that are due once a day."""
    sizes, costs = SIZES["schedules"], _Costs()
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
    return _table("growth-schedules", "schedules", "{:,}", sizes, costs.lines())


def deployments(folder: Path) -> Table:
    """Measure deployments of a service that does nothing, so that the rest is what one costs."""
    sizes, costs = SIZES["deployments"], _Costs()
    root = folder / "project"
    past.fill(root, 0)
    config = Config.load(root)
    target = LocalTarget(config)
    package = _service(folder / "package")
    idle: dict[str, list[float]] = {"supervisor": [], "front": [], "memory": []}
    try:
        for size in sizes:
            say(f"{size:,} deployments")
            for number in range(len(target.names()), size):
                _deploy(target, package, f"d{number:03d}")
            costs.of("list them (the verb `deployments`)", lambda: api.deployments(project=root))
            costs.of("show one", lambda: rollout.target_of("d000", config).get("d000"))
            for name in ("supervisor", "front"):
                spent, held = _idle(_processes(root, f"local.{name}"))
                idle[name].append(spent)
                idle["memory"].append(held)
            costs.of("a request (by a new connection)", lambda: _ask(target, "d000"))
    finally:
        for name in target.names():
            target.delete(name)
    named = [Line(f"CPU of the {n}, a second", tuple(idle[n])) for n in ("supervisor", "front")]
    both = sum(idle["memory"][-2:]) / 1e6
    return _table(
        "growth-deployments", "deployments", "{:,}", sizes, [*costs.lines(), *named],
        note="Each is a process of its own, here one that does nothing. Supervisor and front "
        f"together hold {both:.0f} MB at the last size, however many there are.",
    )  # fmt: skip


class _Costs:
    """The costs of things by what they are, size by size."""

    def __init__(self) -> None:
        self._found: dict[str, list[float]] = {}

    def of(self, what: str, work: Callable[[], object]) -> None:
        """Measure something: CPU of this process and its children, the least of some rounds."""
        rounds = getattr(work, "rounds", ROUNDS)
        taken = []
        gc.collect()
        for _ in range(rounds):
            before = sum(os.times()[:4])
            start = time.process_time()
            with _quiet():
                work()
            own = time.process_time() - start
            # The system counts children in hundredths of a second, and this process exactly.
            with_children = sum(os.times()[:4]) - before
            taken.append(max(own, with_children if with_children > own + 0.02 else own))
        self._found.setdefault(what, []).append(min(taken))

    def lines(self) -> list[Line]:
        """Return what was found."""
        return [Line(what, tuple(costs)) for what, costs in self._found.items()]


def _once(work: Callable[[], object]) -> Callable[[], object]:
    """Have something measured once, since a second time is another thing or takes long."""

    def once() -> object:
        return work()

    once.rounds = 1  # type: ignore[attr-defined]
    return once


def _table(
    name: str, of: str, unit: str, sizes: Sequence[int], lines: Sequence[Line], *,
    note: str = "", says: str = "", peers: dict[str, str] | None = None,
) -> Table:  # fmt: skip
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


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()):
        yield


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


def _pin(root: Path) -> str:
    """Pin a project, and return the commit."""
    config = Config.load(root)
    projects.prepare_state(config)
    wanted = snapshot.Wanted(notebook=root / "train.ipynb")
    taken = snapshot.take(config, wanted, name=f"bench-{secrets.token_hex(6)}")
    return taken.snapshot.code.sha


@contextlib.contextmanager
def _held(root: Path) -> Iterator[None]:
    """Hold the one place that runs have, so that all wait."""
    place = root / ".mlops" / "queue" / "places" / "0"
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _train(root: Path) -> str:
    settings = {"run.parallel": 1}
    return api.train(root / "train.ipynb", settings=settings, project=root).id


def _submitted(root: Path) -> None:
    with _held(root):
        run_id = _train(root)
        os.kill(_pid_of(root, run_id), 15)
    shutil.rmtree(root / ".mlops" / "runs" / run_id)


def _pid_of(root: Path, run_id: str) -> int:
    record = journal.RunFolder(root / ".mlops" / "runs" / run_id)
    return next(event.pid for event in record.read()[0] if isinstance(event, RunQueued))


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
    with _quiet():
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


def _gates(root: Path) -> list[psutil.Process]:
    return _processes(root, queue.__file__)


def _processes(root: Path, word: str) -> list[psutil.Process]:
    """List the processes of a project that have a word in their commands."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if word in command and str(root) in command:
            found.append(process)
    return found


def _idle(processes: list[psutil.Process], seconds: float = 4.0) -> tuple[float, float]:
    """Return CPU seconds a second of processes that have nothing to do, and their own bytes."""
    time.sleep(1.0)
    before = sum(sum(process.cpu_times()[:2]) for process in processes)
    time.sleep(seconds)
    spent = sum(sum(process.cpu_times()[:2]) for process in processes) - before
    return spent / seconds, sum(process.memory_full_info().uss for process in processes)


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

    with _quiet():
        store = Tracking(f"sqlite:///{path}")
        run_id = MlflowClient(f"sqlite:///{path}").create_run("0").info.run_id
    file = PointsFile(path.with_suffix(".jsonl"))
    file.begin()
    file.path.write_bytes(lines)
    forwarder = Forwarder(store, run_id, file)

    def send() -> None:
        while forwarder.missing():
            forwarder.forward()

    return _once(send)


def _dataset(root: Path) -> None:
    """Make a project whose training data are a folder."""
    past.fill(root, 0)
    folder = root / "data" / "train"
    folder.mkdir()
    (folder / "first.bin").write_bytes(b"first")
    _dvc(root, "add", "-q", "data/train")
    (root / "mlops.toml").write_text('[project]\nname = "sample"\n[data]\ntrain = "data/train"\n')
    _commit(root)


def _write_files(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"part_{number // 1000}" / f"module_{number}.py"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"VALUE = {number:11d}\n")


def _write_sparse(path: Path, size_mb: int) -> None:
    with path.open("wb") as file:
        file.write(secrets.token_bytes(64))
        file.truncate(size_mb * 1_000_000)


def _md5(path: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def _commit(root: Path) -> None:
    _git(root, "add", "-A")
    _git(root, "-c", "user.name=b", "-c", "user.email=b", "commit", "-qm", "x", "--allow-empty")


def _dvc(root: Path, *arguments: str) -> None:
    command = [sys.executable, "-m", "dvc", *arguments]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def _provided(root: Path, volume: Path) -> Callable[[], None]:
    """Return the providing of a project's data, as they are pinned now."""
    sha = _pin(root)

    def provide() -> None:
        nowhere, kept = os.open(os.devnull, os.O_WRONLY), os.dup(1)
        os.dup2(nowhere, 1)
        try:
            provision_data.run(
                repo=str(root), sha=sha, train="data/train", test="", other="[]",
                volume=str(volume),
            )  # fmt: skip
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)

    return provide


_SERVICE = """
import http.server, json, socket, sys
options = dict(zip(sys.argv[2::2], sys.argv[3::2]))
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        text = json.dumps({"ready": True, "predictions": [1]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)
    do_POST = do_GET
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler, bind_and_activate=False)
server.socket.close()
server.socket = socket.socket(fileno=int(options["--fd"]))
server.serve_forever()
"""


def _service(folder: Path) -> Path:
    module = folder / "runtime" / "mlops_nb" / "serving"
    module.mkdir(parents=True)
    (module.parent / "__init__.py").touch()
    (module / "__init__.py").touch()
    (module / "__main__.py").write_text(_SERVICE)
    return folder


def _deploy(target: LocalTarget, package: Path, name: str) -> None:
    descriptor = Descriptor(
        name=name, model="latest", resources=Resources(memory="200Mi"),
        service=Service(drain_s=1.0, start_s=60.0),
    )  # fmt: skip
    built = Built(package="0" * 64, folder=package, python=Path(sys.executable))
    number = target.create(descriptor, built, Origin(model=Model(uri="models:/m-1"))).number
    target.route(name, Traffic(percent={number: 100}))


def _ask(target: LocalTarget, name: str) -> None:
    import requests

    endpoint: Any = target.endpoint(name)
    url = f"{endpoint.url}/invocations"
    answer = requests.post(url, data="1", headers=endpoint.headers, timeout=30)
    assert answer.status_code == 200, answer.text
