from __future__ import annotations

import subprocess

import mlflow
import pytest

from mlops_nb import api
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import RunError
from tests.end_to_end.conftest import MODEL_CELLS


def collected(project, sha):
    subprocess.run(["git", "gc", "-q", "--prune=now"], cwd=project.root, check=True)
    return Repository(project.root).resolve(f"{sha}^{{commit}}") is None


def test_a_snapshot_lives_as_long_as_its_run(project, json_of):
    project.notebook(*MODEL_CELLS, parameters="rate: float = 0.5")
    first, second = (api.train("train.ipynb", wait=True) for _ in range(2))
    assert first.snapshot.code.sha == second.snapshot.code.sha
    sha = first.snapshot.code.sha
    assert not collected(project, sha)

    code, refused = json_of("delete", first.id)
    assert code == 1
    assert "version 1 of model sample came from run" in refused["error"]["message"]
    assert api.show(first.id) == first
    assert json_of(*refused["error"]["hint"].partition("mlops ")[2].split()) == (
        0, {"deleted": first.id},
    )  # fmt: skip
    assert not collected(project, sha), "the other run still has it"
    assert [run.id for run in api.runs()] == [second.id]

    api.delete(second.id, force=True)
    assert collected(project, sha)
    assert api.runs() == ()
    client = mlflow.MlflowClient(tracking_uri=first.tracking_uri)
    assert client.get_run(first.mlflow_run_id).info.lifecycle_stage == "deleted"
    assert not list((project.root / ".mlops" / "runs").iterdir())


def test_a_run_that_goes_on_is_not_deleted(project, until):
    project.notebook("import time; time.sleep(60)")
    run = api.train("train.ipynb")
    until(lambda: api.show(run.id).state.value == "RUNNING")
    with pytest.raises(RunError, match=f"run {run.id} is RUNNING") as refused:
        api.delete(run.id)
    assert refused.value.hint == f"end it first: jupyter mlops cancel {run.id}"
    api.cancel(run.id)
    api.delete(run.id)
