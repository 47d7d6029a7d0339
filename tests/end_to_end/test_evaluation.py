"""Models of ours and of others through the evaluation pipeline; what a failed gate stops."""

from __future__ import annotations

from pathlib import Path

import mlflow
import pytest
from sklearn.dummy import DummyClassifier

from mlops_nb import api
from mlops_nb.exceptions import (
    ConfigError,
    DeploymentError,
    PreflightError,
    RunError,
    TrackingError,
    UsageError,
)
from mlops_nb.journal import read_report
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from mlops_nb.types import RunState, StageState


@pytest.fixture(scope="module")
def trained(shared_project):
    """A project that has trained a model with a gate that it could not pass."""
    shared_project.write(
        "mlops.toml",
        (shared_project.root / "mlops.toml").read_text()
        + '[gates]\nrequire = ["answer>=41", "test_accuracy>=1.01"]\n',
    )
    run = api.train("train.ipynb", wait=True, project=shared_project.root)
    return shared_project, run


@pytest.fixture(scope="module")
def foreign(trained, tmp_path_factory):
    """A model that plain MLflow code has logged, in the project's store."""
    project, _ = trained
    store = Store(Config.load(project.root).resolved_tracking_uri)
    mlflow.set_tracking_uri(store.uri)
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    mlflow.create_experiment("elsewhere", artifact_location=elsewhere.as_uri())
    mlflow.set_experiment("elsewhere")
    model = DummyClassifier(strategy="most_frequent").fit([[0.0], [1.0]], [0, 0])
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    mlflow.set_tracking_uri("")
    return store, logged.model_uri


def test_a_failed_gate_leaves_the_model_unregistered_and_the_run_whole(trained):
    _, run = trained
    assert run.state is RunState.SUCCEEDED, run.error
    assert run.stage("register").state is StageState.SKIPPED
    assert run.stage("register").note.startswith("gate failed: test_accuracy>=1.01 (it is ")
    assert [outcome.passed for outcome in run.evaluation.gates] == [True, False]
    assert run.model.version is None
    assert Path(run.evaluation.report).is_file()


def test_it_is_not_deployed_but_by_force_and_that_is_on_record(trained):
    project, run = trained
    before = len(api.runs(project=project.root))
    with pytest.raises(DeploymentError, match="may not be deployed: gate failed") as refused:
        api.deploy(run.id, project=project.root)
    assert "--force" in refused.value.hint
    assert len(api.runs(project=project.root)) == before
    forced = api.deploy(run.id, force=True, project=project.root)
    api.cancel(forced.id, project=project.root)
    assert "deployed by force, although: gate failed" in forced.findings[0].message


def test_a_model_of_ours_is_evaluated_with_its_own_code(trained, json_of):
    project, run = trained
    code, found = json_of(
        "evaluate", run.id, "--gate", "test_accuracy>=0.5", "--wait", "--project", str(project.root)
    )
    assert (code, found["state"]) == (0, "SUCCEEDED"), found["error"]
    assert found["pipeline"] == "evaluation"
    assert found["snapshot"]["code"]["sha"] == run.snapshot.code.sha
    assert found["metrics"]["test_accuracy"] == run.metrics["test_accuracy"]
    assert found["mlflow_run_id"] != run.mlflow_run_id
    report = read_report(Path(found["evaluation"]["report"]))
    messages = [finding.message for finding in report.tables[0].findings]
    assert any("are in the training data as well" in message for message in messages)


def test_a_model_of_others_fails_its_gate_and_the_command_says_so(foreign, trained, json_of):
    project, _ = trained
    project.git("checkout", "-q", "--", "mlops.toml")
    code, found = json_of(
        "evaluate", foreign[1], "--gate", "test_accuracy>=0.9", "--set", "data.target=label",
        "--wait", "--project", str(project.root),
    )  # fmt: skip
    assert (code, found["state"], found["error"]) == (1, "SUCCEEDED", None)
    assert found["evaluation"]["gates"][0]["passed"] is False
    with pytest.raises(DeploymentError, match="gate failed"):
        api.deploy(foreign[1], project=project.root)


def test_what_cannot_be_evaluated_is_refused_before_anything_starts(trained):
    project, run = trained
    before = len(api.runs(project=project.root))
    for error, model, asked in (
        (RunError, "20990101", {}),
        (TrackingError, "nobody/1", {}),
        (ConfigError, run.id, {"gate": ["accuracy is good"]}),
        (TrackingError, run.id, {"against": "7"}),
        (UsageError, run.id, {"settings": {"data.test": ""}}),
        (PreflightError, run.id, {"backend": "kubeflow"}),
    ):
        with pytest.raises(error):
            api.evaluate(model, project=project.root, **asked)
    assert len(api.runs(project=project.root)) == before
    with pytest.raises(ConfigError, match="no gate"):
        api.train(
            "train.ipynb", settings={"gates.require": "accuracy is good"}, project=project.root
        )
