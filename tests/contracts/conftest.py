"""One project with runs of all back-ends, shared by the tests of a module."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from mlops_nb import processes
from mlops_nb.testing import KubeflowServer
from tests.contracts import places as table
from tests.end_to_end import kubeflow
from tests.vocabulary import Project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def shared(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(_template, folder / "project", symlinks=True)
    shutil.copytree(_template.parent / "remote", folder / "remote")
    project = Project(folder / "project")
    project.notebook(*table.CELLS, parameters="plans: str = ''")
    return project


@pytest.fixture(scope="module")
def cluster(shared: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KubeflowServer]:
    """A double of a cluster; its pods reach the same files as this machine."""
    folder = tmp_path_factory.mktemp("cluster")
    environments = kubeflow.baked(folder, shared.root)
    variables = {"MLOPS_NB_ENVIRONMENTS": str(environments)}
    with KubeflowServer(folder / "runs", pod_environment=variables) as server:
        tracking = f"sqlite:///{folder}/mlflow.db"
        kubeflow.with_remotes(shared, tracking=tracking, url=server.url)
        yield server


@pytest.fixture(scope="module")
def places(
    shared: Project, cluster: KubeflowServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, table.Place]]:
    """All back-ends of the project."""
    yield table.places(shared.root, tmp_path_factory.mktemp("plans"))
    for run in shared.root.glob(".mlops/runs/*"):
        processes.end(run.name, grace_s=0)


@pytest.fixture(scope="module", params=table.NAMES)
def place(request: pytest.FixtureRequest, places: dict[str, table.Place]) -> table.Place:
    """One back-end after the other."""
    return places[request.param]
