"""The stage on a model that plain MLflow code has logged, without an engine around it."""

from __future__ import annotations

import json

import mlflow
import msgspec
import pandas
import pytest
from sklearn.linear_model import LogisticRegression

from mlops_nb import journal
from mlops_nb.capture import snapshot
from mlops_nb.encoding import plain
from mlops_nb.exceptions import StageError, TrackingError
from mlops_nb.journal import RunFolder
from mlops_nb.settings import Config
from mlops_nb.stages import Skipped, evaluate, provision_code, provision_data, reuse
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import Criteria, Earlier
from tests.vocabulary import request


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    """A store with a good model and a bad one, the bad one the champion; nothing of ours in it."""
    folder = tmp_path_factory.mktemp("tracking")
    store = Store(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_tracking_uri(store.uri)
    mlflow.create_experiment("elsewhere", artifact_location=folder.as_uri())
    mlflow.set_experiment("elsewhere")
    frame = pandas.DataFrame(
        {"a": [float(i) for i in range(60)], "b": [float(i % 7) for i in range(60)]}
    )
    labels = (frame["b"] > 3).astype(int)
    uris = {}
    for name, columns in {"good": ["a", "b"], "bad": ["a"]}.items():
        with mlflow.start_run():
            model = LogisticRegression(C=100).fit(frame[columns], labels)
            uris[name] = mlflow.sklearn.log_model(
                model, name="model", input_example=frame[columns].head(3),
                pip_requirements=["scikit-learn"],
            ).model_uri  # fmt: skip
    for name in ("bad", "good"):
        mlflow.register_model(uris[name], "theirs")
    store.registry.set_alias("theirs", "champion", "1")
    return store, uris


@pytest.fixture
def stage(project, tracking, monkeypatch, tmp_path):
    """Evaluate a model as the stage does; return what it gives and the run's folder."""
    store, _ = tracking
    pins, _ = snapshot.take_code(
        Config.load(project.root), name="20260101-000000-abc123", tests=["data/test.csv"]
    )
    folder = RunFolder(tmp_path / "runs" / "20260101-000000-abc123")
    folder.create(msgspec.structs.replace(request(), id=folder.path.name))
    monkeypatch.setenv(journal.RUN_FOLDER, str(folder.path))
    code = provision_code.run(repo=pins.code.repo, sha=pins.code.sha, ref=pins.code.ref, volume="")[
        "code"
    ]

    def run(uri, *, earlier=None, tests=("data/test.csv",), **criteria):
        data = provision_data.run(
            repo=pins.code.repo, sha=pins.code.sha, train="", test="data/test.csv", other="[]",
            volume="", earlier=plain(msgspec.to_builtins(earlier)) if earlier else "",
        )["data"]  # fmt: skip
        outputs = evaluate.run(
            volume="", code=code, data=data, code_paths="[]", notebook="mlops.toml",
            tests=json.dumps(tests), target="label", tracking_uri=store.uri, experiment="sample",
            mlflow_run_id="", model_uri=uri, snapshot=plain(msgspec.to_builtins(pins)),
            criteria=plain(msgspec.to_builtins(Criteria(**criteria))),
        )  # fmt: skip
        return outputs, folder

    run.sha = pins.code.sha
    return run


def test_a_model_that_nobody_here_trained_passes_its_gate(stage, tracking):
    store, uris = tracking
    outputs, folder = stage(uris["good"], gates=("test_accuracy>=0.9",), slices=("b",))
    assert outputs["refusal"] == ""
    run = folder.load()
    assert run.metrics == json.loads(outputs["metrics"])
    assert run.metrics["test_accuracy"] > 0.9
    assert run.evaluation.passed
    report = journal.read_report(folder.report)
    assert [part.rows for part in report.tables[0].slices][:4] == [9, 9, 9, 9]
    tracked = mlflow.MlflowClient(store.uri).get_run(run.mlflow_run_id)
    assert tracked.data.metrics == run.metrics
    assert tracked.data.tags[tags.GATES] == tags.PASSED
    assert tracked.data.tags[tags.EVALUATED] == uris["good"]
    assert store.read_text(run.mlflow_run_id, "mlops/report.html") == folder.report.read_text()
    assert json.loads(store.read_text(run.mlflow_run_id, "mlops/report.json"))["tables"]


def test_a_model_that_fails_a_gate_is_refused_and_the_registry_says_why(stage, tracking):
    store, uris = tracking
    outputs, folder = stage(
        uris["bad"], gates=("test_accuracy>=0.9", "test_f1>0.1"), name="theirs", version="1"
    )
    assert outputs["refusal"].startswith("gate failed: test_accuracy>=0.9 (it is 0.")
    evaluation = folder.load().evaluation
    assert [outcome.passed for outcome in evaluation.gates] == [False, True]
    assert store.registry.version_tag("theirs", "1", tags.GATES) == outputs["refusal"]


def test_it_is_compared_with_the_champion_on_the_same_rows(stage, tracking):
    outputs, folder = stage(tracking[1]["good"], gates=("test_accuracy>champion",), name="theirs")
    assert outputs["refusal"] == ""
    (duel,) = journal.read_report(folder.report).tables[0].duels
    assert (duel.test, duel.rows) == ("McNemar", 60)
    assert duel.model == tracking[1]["bad"]
    assert duel.only_ours > duel.only_theirs


def test_the_champion_does_not_have_to_beat_itself(stage, tracking):
    outputs, folder = stage(tracking[1]["bad"], gates=("test_accuracy>champion",), name="theirs")
    assert outputs["refusal"] == ""
    assert folder.load().evaluation.gates[0].reason == "it is the champion itself"


def test_an_opponent_that_cannot_be_loaded_fails_the_gate_and_not_the_run(stage, tracking):
    outputs, _ = stage(
        tracking[1]["good"],
        gates=("test_accuracy>=against-0.5",),
        opponents={"against": "models:/m-nowhere"},
    )
    assert "the other model cannot predict these data: there is no model at" in outputs["refusal"]


def test_gates_are_not_passed_where_nothing_was_tested(stage, tracking):
    outputs, _ = stage(tracking[1]["good"], tests=(), gates=("test_accuracy>=0.9",))
    assert "there is no metric test_accuracy" in outputs["refusal"]
    with pytest.raises(Skipped, match="there is no test dataset"):
        stage(tracking[1]["good"], tests=())


def test_rows_that_the_model_has_seen_are_found_in_the_data_of_another_commit(stage, tracking):
    earlier = Earlier(sha=stage.sha, paths=("data/train.csv",))
    _, folder = stage(tracking[1]["good"], earlier=earlier)
    messages = [f.message for f in journal.read_report(folder.report).tables[0].findings]
    assert any("60 of 60 rows are in the training data" in message for message in messages)
    lost = Earlier(sha="0" * 40, paths=("data/train.csv",), needed=False)
    _, folder = stage(tracking[1]["good"], earlier=lost)
    messages = [f.message for f in journal.read_report(folder.report).tables[0].findings]
    assert any("was not checked" in message for message in messages)


def test_what_is_no_model_or_does_not_fit_says_so(stage, tracking):
    with pytest.raises(TrackingError, match="there is no model at models:/m-nowhere"):
        stage("models:/m-nowhere")
    with pytest.raises(StageError, match="classification or regression"):
        stage(tracking[1]["good"], task="guesswork")


def test_what_depends_on_more_than_is_pinned_is_never_reused(tmp_path, monkeypatch):
    monkeypatch.setenv(reuse.FOLDER, str(tmp_path))
    inputs = dict.fromkeys(("tracking_uri", "model_uri", "notebook", "tests", "target"), "x")
    fixed, changing = Criteria(), Criteria(once="20260101-000000-abc123")
    assert evaluate.identity(**inputs, criteria=plain(msgspec.to_builtins(fixed))) is not None
    assert evaluate.identity(**inputs, criteria=plain(msgspec.to_builtins(changing))) is None
    assert reuse._entry("evaluate", evaluate, {**inputs, "criteria": '{"once": "x"}'}) is None


def test_metrics_of_several_datasets_have_names_of_their_own():
    places = ["data/test.csv", "data/test_new.csv", "b/test-new.csv", "more/new year.csv"]
    assert evaluate.prefixes(places) == ["test_", "test_new_", "test_test_new_", "test_new_year_"]
    assert len(set(evaluate.prefixes(["a/x.csv", "b/y.csv", "c/y.csv"]))) == 3
