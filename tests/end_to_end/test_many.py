"""Many runs at once on a project that has none yet."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import mlflow
import pytest

from mlops_nb import api
from mlops_nb.types import RunState
from tests.end_to_end.conftest import MODEL_CELLS


@pytest.mark.faults
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


@pytest.mark.faults
def test_fifty_at_once_from_two_sessions_lose_and_double_nothing(project, until):
    project.notebook(
        "import mlflow\nfor step in range(10):\n    mlflow.log_metric('n', n, step=step)",
        parameters="n = 0",
    )
    submit = (
        "import sys\nfrom concurrent.futures import ThreadPoolExecutor\nfrom mlops_nb import api\n"
        "def one(n):\n    return api.train('train.ipynb', params={'n': n}).id\n"
        "with ThreadPoolExecutor(25) as pool:\n"
        "    print(*pool.map(one, range(int(sys.argv[1]), int(sys.argv[1]) + 25)))"
    )
    sessions = [
        subprocess.Popen(
            [sys.executable, "-c", submit, first],
            cwd=project.root, stdout=subprocess.PIPE, text=True,
        )
        for first in ("0", "25")
    ]  # fmt: skip
    submitted = [name for session in sessions for name in session.communicate()[0].split()]
    assert len(set(submitted)) == 50
    at_once = []

    def ended():
        runs = api.runs()
        at_once.append(sum(run.state is RunState.RUNNING for run in runs))
        return all(run.state.terminal for run in runs)

    until(ended, 1800)
    runs = api.runs()
    assert {run.id for run in runs} == set(submitted)
    assert [run.error for run in runs if run.state is not RunState.SUCCEEDED] == []
    assert max(at_once) <= (os.cpu_count() or 1)
    assert sorted(run.metrics["n"] for run in runs) == [float(n) for n in range(50)]
    assert all(len(api.points(run.id)) == 10 for run in runs)
    client = mlflow.MlflowClient(tracking_uri=runs[0].tracking_uri)
    experiment = client.get_experiment_by_name("sample")
    tracked = client.search_runs([experiment.experiment_id])
    assert {run.info.run_id for run in tracked} == {run.mlflow_run_id for run in runs}
    assert len(tracked) == 50
    assert {run.info.status for run in tracked} == {"FINISHED"}
    history = [len(client.get_metric_history(run.info.run_id, "n")) for run in tracked]
    assert history == [10] * 50
    refs = project.git("for-each-ref", "--format=%(refname:lstrip=3)", "refs/mlops")
    assert set(refs.split()) == set(submitted)
