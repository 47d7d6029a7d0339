"""A disk that is full, or may not be written."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mlops_nb import api
from mlops_nb.exceptions import ProjectError, TrackingError
from mlops_nb.journal import RUN_FOLDER, RunFinished, RunFolder, RunStarted, StageFinished
from mlops_nb.journal.points_file import LoggedPoint, PointsFile, encode
from mlops_nb.stages.metrics import Metrics
from mlops_nb.tracking.store import Store
from mlops_nb.types import RunState, StageState
from tests.vocabulary import request

HERE = "tests.end_to_end.test_disk"
MOUNTS = subprocess.run(
    ["unshare", "--mount", "--map-root-user", "true"], capture_output=True, check=False
).returncode
needs_mounts = pytest.mark.skipif(
    bool(MOUNTS), reason="this system lets nobody mount in a namespace"
)


def in_namespace(*commands: str, cwd) -> subprocess.CompletedProcess[str]:
    """Run shell commands that see mounts of their own."""
    script = "set -e; " + "; ".join(commands)
    return subprocess.run(
        ["unshare", "--mount", "--map-root-user", "sh", "-c", script],
        cwd=cwd, capture_output=True, text=True, check=False,
    )  # fmt: skip


def printed(text: str) -> list[dict]:
    """Return the JSON objects that several commands printed."""
    found, decoder = [], json.JSONDecoder()
    while text := text.strip():
        value, end = decoder.raw_decode(text)
        found.append(value)
        text = text[end:]
    return found


def mlops(*words: str) -> str:
    return f"{sys.executable} -m mlops_nb {' '.join(words)}"


@needs_mounts
def test_a_project_that_may_not_be_written_is_refused_and_can_be_read(project):
    project.notebook("print(1)", parameters="rate = 0.5")
    run = api.train("train.ipynb", wait=True)
    done = in_namespace(
        f"mount --bind {project.root} {project.root}",
        f"mount -o remount,ro,bind {project.root}",
        f"cd {project.root}",
        f"{mlops('train', 'train.ipynb', '--json')} || true",
        mlops("show", run.id, "--json"),
        cwd="/",
    )
    refused, shown = printed(done.stdout)
    assert refused["error"]["type"] == "ProjectError"
    assert "cannot be written: it is read-only" in refused["error"]["message"]
    assert (shown["id"], shown["state"]) == (run.id, "SUCCEEDED")


@needs_mounts
def test_a_disk_that_fills_up_fails_the_run_and_leaves_earlier_ones_whole(project, tmp_path):
    project.notebook("print('earlier')", parameters="rate = 0.5")
    earlier = api.train("train.ipynb", wait=True)
    project.notebook(
        "open('big.bin', 'wb').write(bytes(200_000_000))", "print('never')", parameters="rate = 0.5"
    )
    saved = tmp_path / "saved"
    done = in_namespace(
        f"cp -a {project.root}/.mlops {saved}",
        f"mount -t tmpfs -o size=60m tmpfs {project.root}/.mlops",
        f"cp -a {saved}/. {project.root}/.mlops/",
        f"cd {project.root}",
        f"{mlops('train', 'train.ipynb', '--wait', '--json')} || true",
        mlops("show", earlier.id, "--json"),
        cwd="/",
    )
    run, shown = printed(done.stdout)
    assert run["state"] == "FAILED", done.stderr
    assert run["error"]["type"] == "OSError"
    assert "No space left on device" in run["error"]["message"]
    assert "make room on the disk" in run["error"]["hint"]
    assert (run["error"]["stage"], run["error"]["cell"]) == ("train", 2)
    assert shown["state"] == "SUCCEEDED"


@needs_mounts
def test_the_end_is_written_on_a_disk_without_a_free_byte(tmp_path):
    done = in_namespace(
        f"mkdir {tmp_path}/disk",
        f"mount -t tmpfs -o size=1m tmpfs {tmp_path}/disk",
        f"{sys.executable} -c 'from {HERE} import fill; fill()' {tmp_path}/disk",
        cwd=Path.cwd(),
    )
    assert done.stdout.split() == ["full", "FAILED", "FAILED"], done.stderr


def fill() -> None:
    """Fill a disk over a run that then fails, and print what its journal says."""
    disk = Path(sys.argv[1])
    folder = RunFolder(disk / "one")
    folder.create(request())
    folder.reserve()
    folder.append(RunStarted(pid=1))
    with (disk / "rest").open("wb", buffering=0) as rest:
        try:
            while True:
                rest.write(b"x" * 512)
        except OSError:
            print("full")
    for _ in range(100):
        folder.append(StageFinished(stage="first", state=StageState.FAILED))
    folder.append(RunFinished(state=RunState.FAILED))
    run = folder.load()
    print(run.state.value, run.stages[0].state.value)


@needs_mounts
def test_a_store_on_a_full_disk_loses_no_point(tmp_path, _empty_store):
    done = in_namespace(
        f"mkdir {tmp_path}/disk",
        f"mount -t tmpfs -o size=8m tmpfs {tmp_path}/disk",
        f"cp {_empty_store} {tmp_path}/disk/mlflow.db",
        f"{sys.executable} -c 'from {HERE} import full_store; full_store()' {tmp_path}",
        cwd=Path.cwd(),
    )
    assert done.stdout.splitlines() == ["300 of its metric points are not in MLflow", "300"], (
        done.stderr
    )


def full_store() -> None:
    """Log points while the store's disk is full, and again when it is not; print what is said."""
    here = Path(sys.argv[1])
    os.environ[RUN_FOLDER] = str(here)
    (here / "events.jsonl").touch()
    store = Store(f"sqlite:///{here}/disk/mlflow.db")
    run_id = store._connection.client.create_run(store._experiment("one")).info.run_id
    rest = here / "disk" / "rest"
    with rest.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * 512)
        except OSError:
            pass
    points = PointsFile(here / "points.jsonl")
    with Metrics(store, run_id, points, flush_s=0.5) as metrics:
        points.path.write_bytes(encode([LoggedPoint("x", i, 1.0, float(i)) for i in range(300)]))
    try:
        metrics.must_be_complete()
    except TrackingError as error:
        print(error.message.partition("but ")[2].partition(":")[0])
    rest.unlink()
    with Metrics(store, run_id, points) as again:
        pass
    again.must_be_complete()
    print(len(store._connection.client.get_metric_history(run_id, "x")))


def test_a_project_with_no_room_is_refused(project, monkeypatch):
    usage = shutil.disk_usage(project.root)._replace(free=1_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(ProjectError, match="1 MB are free"):
        api.train("train.ipynb")
