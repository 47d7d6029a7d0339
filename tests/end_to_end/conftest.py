"""Whole runs: real kernels, a real engine, a real MLflow store."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlops_nb.journal import RunFolder
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from tests.vocabulary import Project

MODEL_CELLS = (
    "import mlflow\nimport pandas as pd\nfrom sklearn.linear_model import LogisticRegression\n"
    "import helper",
    "frame = pd.read_csv('data/train.csv')\n"
    "model = LogisticRegression().fit(frame[['a', 'b']].astype(float), frame['label'])",
    "with mlflow.start_run():\n"
    "    mlflow.log_metric('answer', helper.ANSWER)\n"
    "    mlflow.log_metric('rate_seen', rate)\n"
    "    mlflow.sklearn.log_model(model, name='model', pip_requirements=['scikit-learn'],\n"
    "        input_example=frame[['a', 'b']].astype(float).head(2))",
)


@pytest.fixture(scope="session")
def _empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "mlflow.db"
    Store(f"sqlite:///{path}")
    return path


@pytest.fixture
def project(project: Project, _empty_store: Path) -> Project:
    """The same project with a store in it: to make one takes longer than many a test."""
    (project.root / ".mlops").mkdir(mode=0o700)
    shutil.copy(_empty_store, project.root / ".mlops" / "mlflow.db")
    return project


@pytest.fixture(scope="module")
def shared_project(_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that the tests of a module share, with a notebook that trains a model."""
    folder = tmp_path_factory.mktemp("shared")
    shutil.copytree(_template, folder / "project", symlinks=True)
    shutil.copytree(_template.parent / "remote", folder / "remote")
    project = Project(folder / "project")
    project.notebook(*MODEL_CELLS, parameters="rate: float = 0.5")
    project.git("commit", "-qam", "a notebook that trains")
    return project


@pytest.fixture
def folder_of():
    """Return the folder of a run."""

    def folder(run_id: str) -> RunFolder:
        return RunFolder(Path(Config.load().state_folder) / "runs" / run_id)

    return folder
