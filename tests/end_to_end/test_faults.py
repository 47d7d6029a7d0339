"""A run killed at each of its steps: the truth is told, nothing is left over, it resumes."""

from __future__ import annotations

import os

import mlflow
import pytest

from mlops_nb import api, journal, processes
from mlops_nb.settings import Config
from mlops_nb.types import RunState
from tests.end_to_end.conftest import MODEL_CELLS

STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")
OF_A_STAGE = [
    f"{event} {stage}" for stage in STAGES for event in ("stage_started", "stage_finished")
]
OTHERS = ["run_started", "data_provided", "run_tracked", "cell_started", "cells_done",
          "metrics_logged", "model_logged", "run_finished"]  # fmt: skip
POINTS = [f"{when} {event}" for event in (*OF_A_STAGE, *OTHERS) for when in ("before", "after")]
# Those that a change is most likely to break; all of them: make faults.
SHORT = {"after run_tracked", "before stage_finished train", "before run_finished"}


@pytest.mark.parametrize(
    "point",
    [p if p in SHORT else pytest.param(p, marks=pytest.mark.faults) for p in POINTS],
)
def test_a_kill(project, until, monkeypatch, point):
    project.notebook(*MODEL_CELLS, parameters="rate: float = 0.5")
    monkeypatch.setenv(journal.CRASH_AT, point)
    run = api.train("train.ipynb")
    monkeypatch.delenv(journal.CRASH_AT)

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
