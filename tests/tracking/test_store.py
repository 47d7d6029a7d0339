"""Many processes at once on a store that does not exist yet."""

from __future__ import annotations

import subprocess
import sys

import mlflow
import pytest
from sklearn.dummy import DummyRegressor

from mlops_nb.exceptions import TrackingError
from mlops_nb.tracking.store import Store

WRITER = """
import sys
import mlflow.store.model_registry.sqlalchemy_store, mlflow.store.tracking.sqlalchemy_store
from mlops_nb.tracking.store import Store

def together():
    print("ready", flush=True)
    sys.stdin.readline()

uri, number = sys.argv[1], sys.argv[2]
together()
store = Store(uri)
experiment = store._experiment("one")
run = store._connection.client.create_run(experiment)
store.log_metrics(run.info.run_id, {"number": float(number), "endless": float("inf")})
together()
model = {"name": "model", "uri": f"runs:/{run.info.run_id}/model", "alias": "challenger"}
version, made = store.registry.register(**model, mlflow_run_id=run.info.run_id)
assert made and store.registry.register(**model, mlflow_run_id=run.info.run_id) == (version, False)
print(version)
"""
WRITERS = 4


def test_many_writers_at_once_on_a_fresh_store_lose_and_double_nothing(tmp_path):
    uri = f"sqlite:///{tmp_path}/.mlops/mlflow.db"
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, uri, str(number)],
            cwd=tmp_path,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for number in range(WRITERS)
    ]
    for _ in ("open the store", "register"):
        for writer in writers:
            assert writer.stdout.readline() == "ready\n"
        for writer in writers:
            writer.stdin.write("go\n")
            writer.stdin.flush()
    ended = [writer.communicate()[0] for writer in writers]

    assert [writer.returncode for writer in writers] == [0] * WRITERS
    assert sorted(int(out.split()[-1]) for out in ended) == list(range(1, WRITERS + 1))
    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("one")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.metrics["number"] for run in runs) == list(map(float, range(WRITERS)))
    assert all("endless" not in run.data.metrics for run in runs)
    assert len(client.search_model_versions("name = 'model'")) == WRITERS
    assert client.get_model_version_by_alias("model", "challenger").version


def test_the_figures_of_a_deployment_are_steps_of_one_run(tmp_path):
    store = Store(f"sqlite:///{tmp_path}/mlflow.db")
    run = store.series(experiment="one monitoring", deployment="it's")
    assert store.series(experiment="one monitoring", deployment="it's") == run
    assert store.series(experiment="one monitoring", deployment="other") != run
    for at, value in ((1_000.0, 0.1), (2_000.0, 0.3), (2_000.0, 0.3)):
        store.log_step(run, {"psi_max": value, "endless": float("inf")}, at)
    points = mlflow.MlflowClient(tracking_uri=store.uri).get_metric_history(run, "psi_max")
    assert [(point.step, point.value) for point in points] == [(1_000, 0.1), (2_000, 0.3)]
    assert store.metrics(run) == {"psi_max": 0.3}


def test_the_store_of_the_session_stays_what_it_is_and_models_come_from_their_own(tmp_path):
    theirs = f"sqlite:///{tmp_path}/theirs.db"
    mlflow.set_tracking_uri(theirs)
    mlflow.create_experiment("theirs", artifact_location=(tmp_path / "theirs").as_uri())
    mlflow.set_experiment("theirs")
    model = DummyRegressor(strategy="constant", constant=7.0).fit([[0.0]], [7.0])
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(model, name="m", pip_requirements=["scikit-learn"])
    mlflow.register_model(logged.model_uri, "seven")
    ours, store = Store(f"sqlite:///{tmp_path}/ours.db"), Store(theirs)
    mlflow.set_tracking_uri(ours.uri)
    for uri in (logged.model_uri, "models:/seven/1", "models:/seven/latest"):
        assert store.models.load(uri).predict([[1.0]]) == [7.0]
        assert (store.models.fetch(uri, tmp_path / "copy") / "MLmodel").is_file()
        with pytest.raises(TrackingError, match="there is no model at"):
            ours.models.load(uri)
    run_id = mlflow.MlflowClient(theirs).search_logged_models(["1"])[0].source_run_id
    store.registry.register(
        name="eight", uri=logged.model_uri, mlflow_run_id=run_id, alias="champion"
    )
    assert store.models.load("models:/eight@champion").predict([[1.0]]) == [7.0]
    assert mlflow.get_tracking_uri() == ours.uri
