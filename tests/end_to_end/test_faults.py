"""A run killed at each of its steps: the truth is told, nothing is left over, it resumes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import mlflow
import pytest

from mlops_nb import api, crash, processes
from mlops_nb.project import prepare_state
from mlops_nb.settings import Config
from mlops_nb.types import RunState
from tests.end_to_end.conftest import MODEL_CELLS

STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")
OF_A_STAGE = [
    f"{event} {stage}" for stage in STAGES for event in ("stage_started", "stage_finished")
]
OTHERS = ["run_started", "data_provided", "run_tracked", "cell_started", "cells_done",
          "metrics_logged", "model_logged", "model_evaluated", "run_finished"]  # fmt: skip
POINTS = [f"{when} {event}" for event in (*OF_A_STAGE, *OTHERS) for when in ("before", "after")]
# Those that a change is most likely to break; all of them: make faults.
SHORT = {"before stage_finished train"}

# Of a submission, and how many runs there are after a kill there.
OF_THE_SUBMISSION = {"run pinned": 0, "run folder made": 0, "run recorded": 1, "driver started": 1,
                     "before run_queued": 1, "after run_queued": 1}  # fmt: skip
SHORT_OF_THE_SUBMISSION = {"run folder made", "run recorded"}


@pytest.mark.parametrize(
    ("point", "runs"),
    [
        item
        if item[0] in SHORT_OF_THE_SUBMISSION
        else pytest.param(*item, marks=pytest.mark.faults)
        for item in OF_THE_SUBMISSION.items()
    ],
)
def test_a_kill_of_the_submission(project, until, state_of, point, runs):
    project.notebook("print(1)", parameters="rate: float = 0.5")
    prepare_state(Config.load())
    before = state_of(project.root)
    command = [sys.executable, "-m", "mlops_nb", "train", "train.ipynb"]
    environment = {**os.environ, crash.CRASH_AT: point}
    killed = subprocess.run(command, cwd=project.root, env=environment, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert state_of(project.root) == before
    assert len(api.runs()) == runs
    for run in api.runs():
        ended = until(lambda run=run: (r := api.show(run.id)).state.terminal and r)
        # Nobody had begun to drive it, or its driver has gone on alone.
        lost = point == "run recorded"
        assert ended.state is (RunState.LOST if lost else RunState.SUCCEEDED), ended.error
        until(lambda run=run: processes.of_run(run.id) == [])


@pytest.mark.parametrize(
    "point",
    [p if p in SHORT else pytest.param(p, marks=pytest.mark.faults) for p in POINTS],
)
def test_a_kill(project, until, monkeypatch, point):
    project.notebook(*MODEL_CELLS, parameters="rate: float = 0.5")
    monkeypatch.setenv(crash.CRASH_AT, point)
    run = api.train("train.ipynb")
    monkeypatch.delenv(crash.CRASH_AT)

    ended = until(lambda: (r := api.show(run.id)).state.terminal and r)
    until(lambda: processes.of_run(run.id) == [])
    done = point == "after run_finished"
    assert ended.state is (RunState.SUCCEEDED if done else ended.state)
    assert done or ended.state in (RunState.FAILED, RunState.LOST)
    assert done or ended.error.hint
    client = mlflow.MlflowClient(tracking_uri=Config.load().resolved_tracking_uri)
    assert "RUNNING" not in statuses(client)

    again = ended if done else api.resume(run.id, wait=True)
    assert again.state is RunState.SUCCEEDED, again.error
    assert (again.metrics["answer"], again.metrics["rate_seen"]) == (41, 0.5)
    assert "test_accuracy" in again.metrics
    assert again.model.version == "1"
    assert len(client.search_model_versions("name = 'sample'")) == 1
    assert client.get_run(again.mlflow_run_id).info.status == "FINISHED"
    assert "RUNNING" not in statuses(client)
    until(lambda: processes.of_run(run.id) == [])
    folder = project.root / ".mlops" / "runs" / run.id
    assert not (folder / "work").exists()
    assert not (folder / "reserve").exists()
    assert os.listdir(project.root / ".mlops" / "queue") == ["places"]  # noqa: PTH208


def statuses(client) -> list[str]:
    experiment = client.get_experiment_by_name("sample")
    found = client.search_runs([experiment.experiment_id]) if experiment else []
    return [run.info.status for run in found]
