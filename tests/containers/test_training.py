"""The whole training pipeline in the stage images, beside the same run as processes."""

from __future__ import annotations

import json

import mlflow
import pytest

from mlops_nb import api
from mlops_nb.types import RunState
from tests.containers import team as teams

STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")


@pytest.fixture(scope="module")
def team(stage_images, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in teams.session().items():
            patch.setenv(name, value)
        with teams.at_work(tmp_path_factory.mktemp("team"), stage_images) as made:
            yield made


def trained(team, backend: str, **options):
    run = api.train(
        "quickstart.ipynb", backend=backend, wait=True, project=team.project.root, **options
    )
    log = api.logs(run.id, project=team.project.root)
    assert run.state is RunState.SUCCEEDED, (run.error, log, team.cluster.log(run.kfp_run_id or ""))
    return run


@pytest.fixture(scope="module")
def contained(team):
    """The run whose stages were containers."""
    return trained(team, "kubeflow", push=True)


@pytest.fixture(scope="module")
def local(team, contained):
    """The same as processes of this machine."""
    return trained(team, "local")


def test_x(team, contained, local):
    client = mlflow.MlflowClient(team.services["mlflow"].url)
    for run in (contained, local):
        found = client.get_run(run.mlflow_run_id)
        print(json.dumps(found.to_dictionary(), indent=1))
        print(run)
    print({n: (s.refused, len(s.answered)) for n, s in team.services.items()})
    assert 0
