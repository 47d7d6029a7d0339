"""A run of what an earlier run has done already."""

from __future__ import annotations

import mlflow
import pytest

from mlops_nb import api
from mlops_nb.types import StageState
from tests.end_to_end.conftest import MODEL_CELLS


def notes(run):
    return {s.name: s.note for s in run.stages if s.state is StageState.SKIPPED}


@pytest.mark.faults
def test_unchanged_stages_are_skipped_and_say_so(project, folder_of, json_of):
    logging = "for step in range(3): mlflow.log_metric('loss', 1 / (step + 1), step=step)"
    project.notebook(*MODEL_CELLS, logging, parameters="rate: float = 0.5")
    first = api.train("train.ipynb", wait=True)
    assert notes(first) == {}
    client = mlflow.MlflowClient(tracking_uri=first.tracking_uri)

    def tracked():
        experiment = client.get_experiment_by_name("sample").experiment_id
        return len(client.search_runs([experiment]))

    again = api.train("train.ipynb", wait=True)
    assert again.state.value == "SUCCEEDED", again.error
    assert notes(again) == {
        "train": f"unchanged since run {first.id}",
        "evaluate": f"unchanged since run {first.id}",
        "register": "version 1 is this model already",
    }
    assert (again.metrics, again.model, again.mlflow_run_id) == (
        first.metrics, first.model, first.mlflow_run_id,
    )  # fmt: skip
    assert tracked() == 1
    assert api.points(again.id) == api.points(first.id) != ()
    assert folder_of(again.id).notebook.read_bytes() == folder_of(first.id).notebook.read_bytes()

    project.write("helper.py", "ANSWER = 40\n")
    changed = api.train("train.ipynb", wait=True)
    assert notes(changed) == {}, changed.error
    project.git("checkout", "-q", "--", "helper.py")
    assert api.reproduce(first.id).passed
    assert tracked() == 3

    api.delete(first.id, force=True)
    code, after = json_of("train", "train.ipynb", "--wait")
    assert (code, after["state"]) == (0, "SUCCEEDED")
    assert {stage["state"] for stage in after["stages"]} == {"SUCCEEDED"}
