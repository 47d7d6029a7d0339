from __future__ import annotations

import mlflow
import pytest
from sklearn.linear_model import SGDClassifier

import mlops_nb
from mlops_nb import increment
from mlops_nb.exceptions import UsageError
from mlops_nb.tracking.store import Store
from tests.test_novelty import versions  # noqa: F401  (a fixture)


@pytest.fixture
def run(monkeypatch, versions):  # noqa: F811
    """Be the kernel of an update, whose earlier data had two files."""
    earlier, train = versions
    monkeypatch.setenv(increment.TRAIN, str(train))
    monkeypatch.setenv(increment.EARLIER, str(earlier))
    return monkeypatch


def test_the_rows_that_are_new(run):
    assert list(mlops_nb.new_data()["id"]) == [3]


def test_a_share_of_the_old_rows_comes_along(run):
    run.setenv(increment.REPLAY, "0.5")
    ids = list(mlops_nb.new_data()["id"])
    assert len(ids) == 2
    assert ids[-1] == 3


def test_files_for_data_that_are_no_tables(run):
    assert [path.name for path in mlops_nb.new_data(paths=True)] == ["3.csv"]
    run.setenv(increment.REPLAY, "1")
    assert [path.name for path in mlops_nb.new_data(paths=True)] == ["3.csv", "1.csv", "2.csv"]


def test_rows_by_their_key(run, tmp_path):
    for name, rows in {"earlier": "1,0\n2,0\n", "later": "2,5\n3,0\n"}.items():
        (tmp_path / f"{name}.csv").write_text("id,x\n" + rows)
    run.setenv(increment.TRAIN, str(tmp_path / "later.csv"))
    run.setenv(increment.EARLIER, str(tmp_path / "earlier.csv"))
    run.setenv(increment.KEY, "id")
    assert list(mlops_nb.new_data()["id"]) == [3]
    run.setenv(increment.KEY, "")
    assert list(mlops_nb.new_data()["id"]) == [2, 3]


def test_without_a_parent_it_is_all_of_the_data(project):
    assert mlops_nb.parent() is None
    assert len(mlops_nb.new_data()) == 60


def test_data_that_are_not_there_or_no_tables_say_so(project, run, tmp_path):
    run.setenv(increment.TRAIN, str(tmp_path))
    run.setenv(increment.EARLIER, str(tmp_path))
    (tmp_path / "picture.png").write_text("x")
    run.setenv(increment.TRAIN, str(tmp_path / "picture.png"))
    with pytest.raises(UsageError, match="holds no table"):
        mlops_nb.new_data()
    run.delenv(increment.TRAIN)
    project.write("mlops.toml", '[project]\nname = "sample"\n')
    with pytest.raises(UsageError, match="no training data"):
        mlops_nb.new_data()


def test_the_parent_is_the_library_s_own_model(run, tmp_path):
    store = Store(f"sqlite:///{tmp_path / 'mlflow.db'}")
    mlflow.set_tracking_uri(store.uri)
    mlflow.create_experiment("elsewhere", artifact_location=tmp_path.as_uri())
    mlflow.set_experiment("elsewhere")
    with mlflow.start_run():
        model = SGDClassifier().fit([[0.0], [1.0]], [0, 1])
        logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    run.setenv(increment.PARENT, logged.model_uri)
    run.setenv("MLOPS_RUN_ID", "20260101-000000-abc123")
    mlflow.set_tracking_uri("")
    run.setenv("MLFLOW_TRACKING_URI", store.uri)
    found = mlops_nb.parent()
    assert isinstance(found, SGDClassifier)
    assert found.partial_fit([[2.0]], [1]) is found
