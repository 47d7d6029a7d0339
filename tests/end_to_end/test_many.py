"""Many runs at once on a project that has none yet."""

from __future__ import annotations

import json
import subprocess
import sys

import mlflow

from mlops_nb import api
from tests.end_to_end.conftest import MODEL_CELLS


def test_four_at_once_on_a_fresh_project_are_four_complete_runs(project):
    project.notebook(*MODEL_CELLS, parameters="rate: float = 0.5")
    command = [sys.executable, "-m", "mlops_nb", "train", "train.ipynb", "--wait", "--json"]
    started = [
        subprocess.Popen(
            [*command, "--param", f"rate=0.{i}"], cwd=project.root, stdout=subprocess.PIPE
        )
        for i in range(4)
    ]
    runs = [json.loads(process.communicate()[0]) for process in started]

    assert [run["state"] for run in runs] == ["SUCCEEDED"] * 4, [r["error"] for r in runs]
    assert {run["id"] for run in runs} == {run.id for run in api.runs()}
    assert sorted(run["metrics"]["rate_seen"] for run in runs) == [0.0, 0.1, 0.2, 0.3]
    assert {run["model"]["version"] for run in runs} == {"1", "2", "3", "4"}
    client = mlflow.MlflowClient(tracking_uri=runs[0]["tracking_uri"])
    experiment = client.get_experiment_by_name("sample")
    tracked = client.search_runs([experiment.experiment_id])
    assert {run.info.run_id for run in tracked} == {run["mlflow_run_id"] for run in runs}
    assert {run.info.status for run in tracked} == {"FINISHED"}
