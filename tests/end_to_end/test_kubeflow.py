from __future__ import annotations

import mlflow
import pytest

from mlops_nb import api
from mlops_nb.testing import KubeflowServer
from mlops_nb.types import RunState
from tests.end_to_end import kubeflow
from tests.end_to_end.conftest import MODEL_CELLS


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    with kubeflow.mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture
def cluster(project, tmp_path, tracking):
    """A double of a cluster that the project's runs go to."""
    environments = kubeflow.baked(tmp_path, project.root)
    server = KubeflowServer(
        tmp_path / "cluster", pod_environment={"MLOPS_NB_ENVIRONMENTS": str(environments)}
    )
    with server:
        kubeflow.with_remotes(project, tracking=tracking, url=server.url)
        yield server


def test_a_run_goes_from_the_notebook_to_a_model_version(project, cluster, tracking):
    project.notebook(*MODEL_CELLS, parameters="rate: float = 0.5")
    run = api.train("train.ipynb", params={"rate": 0.25}, wait=True)
    assert run.state is RunState.SUCCEEDED, (run.error, api.logs(run.id))
    assert {s.name: s.state.value for s in run.stages} == dict.fromkeys(
        ("provision-code", "provision-data", "train", "evaluate", "register"), "SUCCEEDED"
    )
    assert run.metrics["test_accuracy"] == pytest.approx(1.0, abs=0.5)
    assert run.model.version is not None
    found = mlflow.MlflowClient(tracking).get_run(run.mlflow_run_id)
    assert found.data.tags["mlops.run_id"] == run.id
    assert found.data.tags["mlops.kfp.run_id"] == run.kfp_run_id
    assert found.data.params["rate"] == "0.25"
    assert [point.name for point in api.points(run.id)]
