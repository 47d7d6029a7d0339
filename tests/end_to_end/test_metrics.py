"""A notebook's metrics: what it logged is what a watcher sees and what MLflow has."""

from __future__ import annotations

import contextlib
import math
import shutil
import signal
import sqlite3
from pathlib import Path

import mlflow
import pytest

from mlops_nb import api, processes
from mlops_nb.types import RunState
from tests.end_to_end.kubeflow import mlflow_server

LOG = """
import math, os, time
import mlflow
from mlflow.entities import Metric

run_id = mlflow.active_run().info.run_id
client = mlflow.MlflowClient()
with mlflow.start_run():
    for step in range(1200):
        mlflow.log_metric('loss', 1 / (step + 1), step=step)
for value in (3, 1, 2):
    mlflow.log_metric('no_steps', value)
mlflow.log_metrics({'a': 1, 'b': 2}, step=4)
client.log_batch(run_id, metrics=[Metric('batch', i, 1000 + i, i) for i in range(1001)])
mlflow.log_metrics({'later': 5}, synchronous=False).wait()
with mlflow.start_run(nested=True):
    mlflow.log_metric('child', 3)
for step, value in enumerate((1.5, math.nan, math.inf, -math.inf)):
    mlflow.log_metric('odd', value, step=step)
"""
READ = """
assert mlflow.get_run(run_id).data.metrics['loss'] == 1 / 1200
mlflow.log_metric('loss', 0, step=1200)
assert len(client.get_metric_history(run_id, 'loss')) == 1201
mlflow.log_metric('last', 7)
(found,) = mlflow.search_runs(filter_string='metrics.last = 7', output_format='list')
assert found.info.run_id == run_id
try:
    mlflow.log_metric('refused', 'text')
except mlflow.MlflowException:
    mlflow.log_metric('raised', 1)
"""
FIT = """
import pandas as pd
from sklearn.tree import DecisionTreeClassifier
frame = pd.read_csv('data/train.csv')
DecisionTreeClassifier(random_state=0).fit(frame[['a', 'b']], frame.label)
"""


def history(run, name: str) -> list[tuple[int, float]]:
    """Return the steps and values that MLflow has, in the order of steps and then times."""
    client = mlflow.MlflowClient(tracking_uri=run.tracking_uri)
    metrics = client.get_metric_history(run.mlflow_run_id, name)
    ordered = sorted(metrics, key=lambda metric: (metric.step, metric.timestamp))
    return [(metric.step, metric.value) for metric in ordered]


def points(run, name: str) -> list[tuple[int, float]]:
    return [(point.step, point.value) for point in api.points(run.id) if point.name == name]


def test_what_was_logged_is_what_is_seen_and_kept(project):
    project.notebook(LOG, READ, FIT, parameters="rate = 1")
    run = api.train("train.ipynb", wait=True)
    assert run.state is RunState.SUCCEEDED, run.error
    expected = {
        "loss": [*((step, 1 / (step + 1)) for step in range(1200)), (1200, 0)],
        "no_steps": [(0, 3), (0, 1), (0, 2)],
        "a": [(4, 1)],
        "b": [(4, 2)],
        "batch": [(step, step) for step in range(1001)],
        "later": [(0, 5)],
        "last": [(0, 7)],
        "raised": [(0, 1)],
    }
    for name, logged in expected.items():
        assert points(run, name) == history(run, name) == logged, name
        assert run.metrics[name] == logged[-1][1]

    assert str(points(run, "odd")) == "[(0, 1.5), (1, nan), (2, inf), (3, -inf)]"
    assert str(history(run, "odd")) == "[(0, 1.5), (1, nan)]"
    assert run.metrics["odd"] == -math.inf
    assert points(run, "training_accuracy_score") == history(run, "training_accuracy_score") != []
    assert points(run, "child") == points(run, "refused") == []
    client = mlflow.MlflowClient(tracking_uri=run.tracking_uri)
    (child,) = client.search_runs(
        [client.get_run(run.mlflow_run_id).info.experiment_id],
        f"tags.`mlflow.parentRunId` = '{run.mlflow_run_id}'",
    )
    assert child.data.metrics == {"child": 3}


LOG_500 = (
    "import mlflow, os, signal\n"
    "for step in range(500):\n"
    "    mlflow.log_metric('loss', step / 7, step=step)\n"
)
ALL_500 = [(step, step / 7) for step in range(500)]


def test_a_kernel_that_is_killed_loses_no_point_and_a_resume_begins_anew(project, tmp_path):
    flag = tmp_path / "flag"
    project.notebook(
        f"first = not os.path.exists({str(flag)!r})\nopen({str(flag)!r}, 'w').close()\n"
        + "if first:\n    "
        + LOG_500.replace("\n", "\n    ")
        + "os.kill(os.getpid(), signal.SIGKILL)",
        "import mlflow; mlflow.log_metric('loss', -1)",
        parameters="import os",
    )
    run = api.train("train.ipynb", wait=True)
    assert (run.state, run.error.type) == (RunState.FAILED, "DeadKernelError")
    assert points(run, "loss") == history(run, "loss") == ALL_500
    assert run.metrics == {"loss": 499 / 7}

    again = api.resume(run.id, wait=True)
    assert again.state is RunState.SUCCEEDED, again.error
    assert again.mlflow_run_id != run.mlflow_run_id
    assert points(again, "loss") == history(again, "loss") == [(0, -1)]
    assert history(run, "loss") == ALL_500


@contextlib.contextmanager
def locked(database: Path):
    """Hold the lock that any writer of a SQLite database needs."""
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("PRAGMA busy_timeout = 60000")
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def test_a_locked_store_holds_up_no_training_and_loses_no_point(project, until, tmp_path):
    flags = {name: tmp_path / name for name in ("go", "done", "end")}
    project.notebook(
        "import mlflow, os, time\nmlflow.log_metric('loss', -1, step=-1)\n"
        f"while not os.path.exists({str(flags['go'])!r}): time.sleep(0.05)",
        LOG_500 + f"open({str(flags['done'])!r}, 'w').close()",
        f"while not os.path.exists({str(flags['end'])!r}): time.sleep(0.05)",
    )
    run = api.train("train.ipynb")
    until(lambda: api.show(run.id).metrics == {"loss": -1})
    run = api.show(run.id)
    with locked(Path(run.tracking_uri.removeprefix("sqlite:///"))):
        flags["go"].touch()
        # The training goes on, and who watches sees it, while MLflow takes nothing.
        until(flags["done"].exists)
        until(lambda: api.show(run.id).metrics == {"loss": 499 / 7})
        assert len(history(run, "loss")) <= 1
    flags["end"].touch()
    ended = until(lambda: (r := api.show(run.id)).state.terminal and r)
    assert ended.state is RunState.SUCCEEDED, ended.error
    assert points(run, "loss") == history(run, "loss") == [(-1, -1), *ALL_500]


@pytest.mark.faults
def test_a_server_of_mlflow_that_goes_and_comes_back_loses_no_point(
    project, _empty_store, until, tmp_path, monkeypatch
):
    flags = {name: tmp_path / name for name in ("go", "done", "end")}
    project.notebook(
        "import mlflow, os, time\nmlflow.log_metric('loss', -1, step=-1)\n"
        f"while not os.path.exists({str(flags['go'])!r}): time.sleep(0.05)",
        LOG_500 + f"open({str(flags['done'])!r}, 'w').close()",
        f"while not os.path.exists({str(flags['end'])!r}): time.sleep(0.05)",
    )
    place = tmp_path / "mlflow"
    place.mkdir()
    shutil.copy(_empty_store, place / "mlflow.db")
    with mlflow_server(place) as url:
        monkeypatch.setenv("MLOPS_NB_TRACKING_URI", url)
        run = api.train("train.ipynb")
        until(lambda: api.show(run.id).metrics == {"loss": -1})
    flags["go"].touch()
    until(flags["done"].exists, 20)
    until(lambda: api.show(run.id).metrics == {"loss": 499 / 7}, 20)
    refused = api.train("train.ipynb", cache=False, wait=True)
    assert (refused.state, refused.error.type) == (RunState.FAILED, "TrackingError")
    with mlflow_server(place, port=int(url.rpartition(":")[2])):
        flags["end"].touch()
        ended = until(lambda: (r := api.show(run.id)).state.terminal and r, 120)
        assert ended.state is RunState.SUCCEEDED, ended.error
        assert points(ended, "loss") == history(ended, "loss") == [(-1, -1), *ALL_500]


@pytest.mark.faults
def test_a_stage_that_is_killed_loses_no_point(project, until, tmp_path):
    done = tmp_path / "done"
    project.notebook(
        "import mlflow, os, time",
        LOG_500 + f"open({str(done)!r}, 'w').close()\ntime.sleep(300)",
    )
    run = api.train("train.ipynb")
    until(lambda: api.show(run.id).mlflow_run_id)
    until(done.exists)
    kernel = next(p for p in processes.of_run(run.id) if "ipykernel_launcher" in p.cmdline())
    kernel.parent().send_signal(signal.SIGKILL)
    failed = until(lambda: (r := api.show(run.id)).state.terminal and r)
    assert failed.error.type == "StageKilled"
    assert failed.metrics == {"loss": 499 / 7}
    assert points(failed, "loss") == history(failed, "loss") == ALL_500
