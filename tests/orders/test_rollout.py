"""Where the deployments of a project are looked for, and what is said of where they run."""

from __future__ import annotations

import subprocess

import pytest

from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.exceptions import DeploymentError
from mlops_nb.orders import rollout
from mlops_nb.settings import Config
from mlops_nb.types import Model


@pytest.fixture
def root(tmp_path):
    """A repository with a file."""
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    (tmp_path / "a.py").write_text("a = 1\n")
    return tmp_path


def request(root, **settings):
    return rollout.request(
        Descriptor(name="scores", model="models:/scores/1"),
        rollout.Found(model=Model(uri="models:/scores/1")),
        Config(root=root, **settings),
        run_id="20260101-000000-aaaaaa",
        created_at="2026-01-01T00:00:00+00:00",
        own_code=False,
    )


def test_a_deployment_runs_here_and_says_so_where_runs_go_elsewhere(root):
    found = request(root, run_backend="kubeflow")
    assert found.backend == "local"
    assert any("runs on this machine" in one.message for one in found.findings)


def test_nothing_is_said_where_runs_are_here(root):
    assert not any("runs on this machine" in one.message for one in request(root).findings)


def test_a_cluster_that_the_settings_name_is_asked_for_deployments(tmp_path, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "absent"))
    assert rollout.names(Config(root=tmp_path)) == []
    with pytest.raises(DeploymentError, match="kubeconfig"):
        rollout.names(Config(root=tmp_path, kserve_namespace="team"))
