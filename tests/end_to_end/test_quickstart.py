"""The quickstart as a new user has it: the command line, in processes of its own."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from mlops_nb import pipelines


def mlops(*arguments: str, cwd) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlops_nb", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    folder = tmp_path_factory.mktemp("quickstart")
    made = mlops("init", "--example", "quickstart", "q s", cwd=folder)
    assert made.returncode == 0, made.stderr
    return folder / "q s"


def test_the_notebook_runs_by_itself(quickstart, tmp_path):
    command = [sys.executable, "-m", "papermill", "quickstart.ipynb", str(tmp_path / "out.ipynb")]
    done = subprocess.run(command, cwd=quickstart, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=quickstart, capture_output=True, check=True
    )
    assert status.stdout == b""


def test_train_from_the_command_line_with_data_that_only_the_remote_has(quickstart):
    for path in (quickstart / ".dvc" / "cache").rglob("*"):
        path.is_file() and path.unlink()
    done = mlops(
        "train", "quickstart.ipynb", "--param", "C=0.5", "--wait", "--json", cwd=quickstart
    )
    run = json.loads(done.stdout)
    assert run["state"] == "SUCCEEDED", done.stdout
    assert run["metrics"]["test_accuracy"] > 0.9
    assert run["model"] == {**run["model"], "name": "quickstart", "version": "1"}
    assert run["snapshot"]["parameters"]["C"] == 0.5
    assert [d["path"] for d in run["snapshot"]["datasets"]] == ["data/train.csv", "data/test.csv"]
    assert run["error"] is None
    assert run["pipeline_digest"] == pipelines.TRAINING.digest

    listed = json.loads(mlops("runs", "--json", cwd=quickstart).stdout)["runs"]
    assert [r["id"] for r in listed] == [run["id"]]
    shown = mlops("show", run["id"][:-2], cwd=quickstart).stdout
    assert "test_accuracy" in shown
    assert "quickstart version 1" in shown
    log = mlops("logs", run["id"], "--stage", "train", cwd=quickstart).stdout
    assert "cross-validated accuracy" in log
    refused = mlops("resume", run["id"], cwd=quickstart)
    assert refused.returncode == 1
    assert "has succeeded" in refused.stderr
