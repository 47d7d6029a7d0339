"""`%mlops train` in a real kernel, with edits that were never committed."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import mlflow
import nbclient
import nbformat
import pytest

from mlops_nb import api

SESSION = (
    "%load_ext mlops_nb",
    "rate = 0.5",
    "rate = 0.75",
    "%mlops train train.ipynb --wait",
    "import mlops_nb as mlops\nrun = mlops.show()\nrun",
    "print(run.id, run.state.value)",
)


@pytest.fixture(scope="module")
def session(shared_project):
    """What a session left behind that edited a module and a parameter, and trained."""
    from tests.conftest import state

    project = shared_project
    project.write("helper.py", "ANSWER = 42\n")
    project.git("stash", "list")
    before = state(project.root)
    document = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(c) for c in SESSION])
    client = nbclient.NotebookClient(
        document, kernel_name="python3", resources={"metadata": {"path": str(project.root)}}
    )
    client.execute()
    run = api.show(project=project.root)
    return SimpleNamespace(
        project=project, before=before, after=state(project.root), notebook=document, run=run
    )


def test_the_run_succeeded_stage_by_stage(session):
    assert session.run.state.value == "SUCCEEDED"
    assert {s.name: s.state.value for s in session.run.stages} == dict.fromkeys(
        ("provision-code", "provision-data", "train", "evaluate", "register"), "SUCCEEDED"
    )


def test_it_trained_with_the_edited_module_and_the_sessions_value(session):
    assert session.run.metrics["answer"] == 42
    assert session.run.metrics["rate_seen"] == 0.75
    (rate,) = session.run.snapshot.hyperparameters
    assert (rate.default, rate.value, rate.source) == (0.5, 0.75, "session")


def test_index_branch_stash_and_files_are_byte_for_byte_what_they_were(session):
    assert session.after == session.before


def test_the_recorded_commit_has_the_edit(session):
    code = session.run.snapshot.code
    assert code.dirty
    assert session.project.git("show", f"{code.sha}:helper.py") == "ANSWER = 42"


def test_the_cell_shows_the_result(session):
    outputs = session.notebook.cells[3].outputs
    shown = next(o for o in outputs if o.output_type == "display_data")
    assert "SUCCEEDED" in shown.data["text/html"]
    assert "test_accuracy" in shown.data["text/html"]
    assert "SUCCEEDED" in shown.data["text/plain"]
    assert set(shown.data) == {"text/html", "text/plain", "application/vnd.mlops-nb.run+json"}
    assert "register" in session.notebook.cells[4].outputs[0].data["text/html"]


def test_test_metrics_are_computed_and_the_model_has_a_version(session):
    assert 0 < session.run.metrics["test_accuracy"] <= 1
    model = session.run.model
    assert (model.name, model.version, model.alias) == ("sample", "1", "challenger")


def test_the_executed_notebook_is_kept(session):
    executed = nbformat.read(session.run.notebook, as_version=4)
    injected = executed.cells[1]
    assert injected.metadata.tags == ["injected-parameters"]
    assert "rate = 0.75" in injected.source


def test_scratch_is_gone_and_files_are_private(session):
    folder = Path(session.run.notebook).parent
    assert sorted(p.name for p in folder.iterdir()) == [
        "driver.lock", "events.jsonl", "host.sock", "logs", "notebook.ipynb",
        "points.acknowledged", "points.jsonl", "report.html", "report.json", "request.json",
    ]  # fmt: skip
    for path in (session.project.root / ".mlops", folder):
        assert path.stat().st_mode & 0o777 == 0o700


@pytest.fixture(scope="module")
def tracked(session):
    client = mlflow.MlflowClient(tracking_uri=session.run.tracking_uri)
    return SimpleNamespace(client=client, run=client.get_run(session.run.mlflow_run_id))


def test_from_mlflow_alone_one_reads_code_data_environment(session, tracked):
    pins, tags = session.run.snapshot, tracked.run.data.tags
    assert tags["mlflow.source.git.commit"] == pins.code.sha
    assert tags["mlflow.source.git.branch"] == "main"
    assert tags["mlflow.source.name"] == "train.ipynb"
    assert tags["mlops.code.dirty"] == "true"
    assert tags["mlops.dataset.train.hash"] == pins.dataset("train").hash
    assert tags["mlops.dataset.test.hash"] == pins.dataset("test").hash
    assert tags["mlops.environment.hash"] == pins.environment.hash
    assert tags["mlops.run_id"] == session.run.id
    assert tags["mlops.kfp.run_id"]
    inputs = {i.dataset.name: i.dataset.digest for i in tracked.run.inputs.dataset_inputs}
    assert inputs["data/train.csv"] == pins.dataset("train").hash


def test_from_mlflow_alone_one_reads_parameters_and_metrics(tracked):
    assert tracked.run.data.params["rate"] == "0.75"
    assert tracked.run.data.metrics["answer"] == 42
    assert "test_accuracy" in tracked.run.data.metrics
    assert tracked.run.info.status == "FINISHED"


def test_from_mlflow_alone_one_reads_notebook_lock_snapshot_and_model(session, tracked, tmp_path):
    run_id = tracked.run.info.run_id
    artifacts = {
        a.path
        for folder in ("mlops", "notebook")
        for a in tracked.client.list_artifacts(run_id, folder)
    }
    kept = ("environment.lock", "example.json", "profile.json", "report.html", "report.json")
    records = {f"mlops/{name}" for name in (*kept, "snapshot.json")}
    assert artifacts == {*records, "notebook/train.ipynb"}
    path = tracked.client.download_artifacts(run_id, "mlops/snapshot.json", str(tmp_path))
    recorded = json.loads(Path(path).read_text())
    assert recorded["code"]["sha"] == session.run.snapshot.code.sha
    version = tracked.client.get_model_version_by_alias("sample", "challenger")
    assert version.run_id == run_id
    assert version.tags["mlflow.source.git.commit"] == session.run.snapshot.code.sha


def test_one_run_and_no_other(session, tracked):
    experiment = tracked.client.get_experiment_by_name("sample")
    assert len(tracked.client.search_runs([experiment.experiment_id])) == 1


def test_autologging_is_on(tracked):
    assert "training_accuracy_score" in tracked.run.data.metrics
