"""How many runs a second one machine takes, and how many it completes.

A load of 150,000 notebook runs a day is 1.74 a second.
"""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.parse
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil

from benchmarks import past
from benchmarks.growth.submission import gates, held
from benchmarks.record import Table, say, version_of
from mlops_nb import api
from mlops_nb import project as projects
from mlops_nb.testing import KubeflowServer
from mlops_nb.testing.kubeflow.runs import Runs
from tests.end_to_end import kubeflow
from tests.vocabulary import notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PACKAGES = ("mlops_nb", "kfp", "jupyter_server")
TABLES = ("throughput-submit", "throughput-completed")
LOAD = 150_000 / 86_400
SECONDS = 12.0
WARM = 2
CLIENTS = 4
TOKEN = "a-token-of-the-benchmark"  # noqa: S105
COMPLETED = 8


QUICK = {"SECONDS": 2.0, "COMPLETED": 2}


def measure(folder: Path) -> Iterator[Table]:
    """Submit in all ways, then let runs complete."""
    root = folder / "project"
    _project(root)
    say("submit: Python")
    ways = {"Python, one caller": _measured(root, lambda: _submit(root), 1)}
    say(f"submit: REST, {CLIENTS} clients")
    with _served(folder, root) as (port, server):
        ways[f"REST, {CLIENTS} clients"] = _measured(root, lambda: _post(port), CLIENTS, server)
    say("submit: command line")
    ways["a command for each"] = _measured(root, lambda: _command(root), 1)
    say("submit: Kubeflow")
    with _cluster(folder) as other:
        ways["Python, to Kubeflow (its double)"] = _measured(other, lambda: _submit(other), 1)
    rest = ways[f"REST, {CLIENTS} clients"]
    yield Table(
        name="throughput-submit",
        title="Runs that one machine takes: from the call until it is pinned and in the queue",
        columns=("way", "runs", "runs/s", "CPU s/run", "slowest, s", "of 150,000 a day"),
        rows=tuple((way, *found.cells()) for way, found in ways.items()),
        note=f"A notebook of one cell in a small repository, warm, for {SECONDS:.0f} s each; the "
        "runs wait, so that none of them takes a core. CPU is that of all processes that submit. "
        f"The last column is a multiple of {LOAD:.2f} runs a second. The double of Kubeflow takes "
        "runs and starts nothing; each is pushed to a git remote on the same disk.",
        says=f"One machine takes {rest.rate:.1f} runs a second over REST, "
        f"{rest.rate / LOAD:.1f} times a load of 150,000 a day.",
        peers={"jupyter_server": version_of("jupyter_server")},
    )
    yield _completed(root)


class Taken:
    """What was taken in some seconds."""

    def __init__(self, times: list[float], wall_s: float, cpu_s: float) -> None:
        self.times, self.cpu_s = times, cpu_s
        self.rate = len(times) / wall_s

    def cells(self) -> tuple[str, ...]:
        """Return the row's figures."""
        count = len(self.times)
        return (
            f"{count}", f"{self.rate:.1f}", f"{self.cpu_s / count:.3f}",
            f"{max(self.times):.2f}", f"{self.rate / LOAD:.1f}",
        )  # fmt: skip


def _measured(
    root: Path, submit: Callable[[], object], clients: int, server: psutil.Process | None = None
) -> Taken:
    """Submit for some seconds while nothing runs, then take all away that waits."""
    times: list[float] = []

    def go_on() -> None:
        while time.monotonic() < end:
            before = time.perf_counter()
            submit()
            times.append(time.perf_counter() - before)

    with held(root):
        for _ in range(WARM):
            submit()
        threads = [threading.Thread(target=go_on) for _ in range(clients)]
        before, start = _cpu_s(server), time.monotonic()
        end = start + SECONDS
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        taken = Taken(times, time.monotonic() - start, _cpu_s(server) - before)
        for gate in gates(root):
            gate.send_signal(signal.SIGKILL)
    # Found by whoever looks next: none of them ends in the time of another way.
    shutil.rmtree(root / ".mlops" / "runs")
    shutil.rmtree(root / ".mlops" / "queue")
    return taken


def _cpu_s(server: psutil.Process | None) -> float:
    """Return the CPU of a process with its children that have ended; of this one where None."""
    return sum((server or psutil.Process()).cpu_times()[:4])


def _completed(root: Path) -> Table:
    """Run so many to their end, and the same notebook under papermill alone."""
    cores = len(os.sched_getaffinity(0))
    say(f"{COMPLETED} runs to their end")
    done = {}
    plain = {"tracking.autolog": "false"}
    for way, given in (("mlops_nb", {}), ("mlops_nb, without autologging", plain)):
        settings = {"run.cache": "false", "run.parallel": cores, **given}
        start = time.monotonic()
        ids = [
            api.train(
                root / "train.ipynb", params={"rate": n / 7}, settings=settings, project=root
            ).id
            for n in range(COMPLETED)
        ]
        states = [list(api.watch(run_id, project=root))[-1].state.value for run_id in ids]
        assert states == ["SUCCEEDED"] * COMPLETED, states
        done[way] = time.monotonic() - start
    say("the same under papermill")
    done["papermill alone"] = _papermill(root, cores)
    base = done["papermill alone"]
    rows = tuple(
        (way, f"{COMPLETED}", f"{60 * COMPLETED / wall:.0f}", f"{wall / base:.2f}",
         f"{86_400 * COMPLETED / wall:,.0f}")
        for way, wall in done.items()
    )  # fmt: skip
    return Table(
        name="throughput-completed",
        title=f"Runs that one machine completes, {cores} at once",
        columns=("way", "runs", "a minute", "time, ratio", "a day"),
        rows=rows,
        note="A notebook whose one cell does nothing: what is left is what a run costs.",
        says=f"{cores} cores complete {60 * COMPLETED / done['mlops_nb']:.0f} runs a minute that "
        f"do nothing, in {done['mlops_nb'] / base:.2f} times the time of papermill alone.",
        peers={"papermill": version_of("papermill")},
    )


def _papermill(root: Path, at_once: int) -> float:
    command = [sys.executable, "-m", "papermill", "train.ipynb", "--no-progress-bar"]
    left, lock = list(range(COMPLETED)), threading.Lock()

    def work() -> None:
        while True:
            with lock:
                if not left:
                    return
                number = left.pop()
            out = str(root.parent / f"out-{number}.ipynb")
            subprocess.run([*command, out], cwd=root, check=True, capture_output=True)

    start = time.monotonic()
    threads = [threading.Thread(target=work) for _ in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.monotonic() - start


def _project(root: Path) -> None:
    projects.init(root, example=None)
    notebook(root / "train.ipynb", "1", parameters="rate = 0.5")
    settings = root / "mlops.toml"
    settings.write_text(f"{settings.read_text()}\n[run]\nparallel = 1\n")
    past.commit(root)


def _submit(root: Path) -> None:
    api.train(root / "train.ipynb", project=root)


def _command(root: Path) -> None:
    command = [sys.executable, "-m", "mlops_nb", "train", "train.ipynb"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)


def _post(port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"}
    body = json.dumps({"notebook": "train.ipynb"})
    connection.request("POST", "/mlops/train", body, headers)
    answer = connection.getresponse()
    told = answer.read()
    assert answer.status in (200, 201, 202), told
    connection.close()


@contextmanager
def _served(folder: Path, root: Path) -> Iterator[tuple[int, psutil.Process]]:
    """Serve a project as `jupyter mlops serve` does."""
    from tests.browser.conftest import _free_port, _wait_for

    port = _free_port()
    environment = {
        **os.environ,
        "JUPYTER_TOKEN": TOKEN,
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
    }
    command = [sys.executable, "-m", "mlops_nb", "serve", "--port", str(port)]
    (folder / "config").mkdir()
    allowed = folder / "config" / "jupyter_server_config.json"
    allowed.write_text('{"ServerApp": {"allow_root": true}}')
    log = folder / "serve.log"
    with log.open("wb") as file:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=file, stderr=file)
    try:
        _wait_for(f"http://127.0.0.1:{port}/api?token={TOKEN}", process, log)
        yield port, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def _cluster(folder: Path) -> Iterator[Path]:
    """Make a project whose runs go to a double of Kubeflow that starts none."""
    root = folder / "outside" / "project"
    root.parent.mkdir()
    _project(root)
    (root / "data").mkdir()
    for name in ("train", "test"):
        (root / "data" / f"{name}.csv").write_text("a,label\n1,0\n")
    past.git(root.parent, "init", "-q", "--bare", "origin.git")
    past.git(root, "remote", "add", "origin", f"file://{root.parent}/origin.git")
    past.dvc(root, "remote", "add", "-d", "storage", "../remote")
    past.dvc(root, "add", "-q", "data/train.csv", "data/test.csv")
    past.dvc(root, "push", "-q")
    past.commit(root)
    begin, Runs._start = Runs._start, lambda *_: None  # type: ignore[method-assign]
    try:
        with KubeflowServer(folder / "cluster") as server:
            tracking = urllib.parse.urljoin(server.url, "/mlflow")
            settings = kubeflow.SETTINGS.format(tracking=tracking, url=server.url)
            (root / "mlops.toml").write_text(settings)
            past.commit(root)
            yield root
    finally:
        Runs._start = begin  # type: ignore[method-assign]
