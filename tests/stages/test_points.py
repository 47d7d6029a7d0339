"""Metrics on their way: from MLflow's calls into the points file, and from there to MLflow."""

from __future__ import annotations

import contextlib
import math
import sqlite3
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import mlflow
import numpy
import pytest
from mlflow.entities import Metric, Param
from mlflow.exceptions import MlflowException
from mlflow.tracking import fluent
from mlflow.tracking._tracking_service.utils import _get_store
from mlflow.utils.autologging_utils.client import MlflowAutologgingQueueingClient

from mlops_nb.exceptions import TrackingError
from mlops_nb.journal import RUN_FOLDER, MetricsLogged, RunFolder
from mlops_nb.journal.points_file import LoggedPoint, PointsFile, encode
from mlops_nb.stages.diversion import Diversion, Shortcut
from mlops_nb.stages.metrics import Metrics
from mlops_nb.tracking import close
from mlops_nb.tracking.forward import Forwarder
from mlops_nb.tracking.store import Store

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Kernel:
    """What a run's kernel and its stage have, in one process.

    `store` is the stage's own; `client` is the kernel's, whose metrics are diverted. One database
    by two names: MLflow has a store object for each.
    """

    store: Store
    client: Any
    run_id: str
    file: PointsFile
    database: Path
    diversion: Diversion

    def logged(self) -> list[tuple[str, int, float]]:
        return [(p.name, p.step, p.value) for p in self.file.read()[0]]

    def history(self, name: str) -> list[tuple[int, float]]:
        """Return steps and values that MLflow has, in the order of their times."""
        metrics = self.store._connection.client.get_metric_history(self.run_id, name)
        return [(m.step, m.value) for m in sorted(metrics, key=lambda m: (m.timestamp, m.step))]

    def forward(self) -> Forwarder:
        forwarder = Forwarder(self.store, self.run_id, self.file)
        while forwarder.forward():
            pass
        return forwarder


@pytest.fixture(scope="module")
def database(tmp_path_factory):
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    Store(f"sqlite:///{path}")
    return path


@pytest.fixture
def kernel(database, tmp_path, monkeypatch):
    monkeypatch.setenv(RUN_FOLDER, str(tmp_path))
    (tmp_path / "events.jsonl").touch()
    (tmp_path / "mlflow.db").symlink_to(database)
    store = Store(f"sqlite:///{database}")
    run_id = store._connection.client.create_run(store._experiment("one")).info.run_id
    file = PointsFile(tmp_path / "points.jsonl")
    file.begin()
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    mlflow.set_tracking_uri(uri)
    mlflow.start_run(run_id=run_id)
    diversion = Diversion(_get_store(uri), run_id, file, read_wait_s=0.2)
    diversion.install()
    yield Kernel(store, mlflow.MlflowClient(), run_id, file, database, diversion)
    mlflow.end_run()


@contextlib.contextmanager
def locked(database: Path):
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield
        connection.execute("ROLLBACK")


def test_all_ways_to_log_a_metric_end_in_the_file_and_from_there_in_mlflow(kernel):
    mlflow.log_metric("a", 1)
    mlflow.log_metric("a", 2.5, step=3)
    mlflow.log_metric("b", 1, synchronous=False).wait()
    mlflow.log_metrics({"c": 1, "d": 2}, step=1)
    mlflow.log_metrics({"c": 3}, step=2, synchronous=False).wait()
    kernel.client.log_metric(kernel.run_id, "e", True, timestamp=1000, step=7)
    kernel.client.log_batch(kernel.run_id, metrics=[Metric("f", i, 5, i) for i in range(1500)])
    queue = MlflowAutologgingQueueingClient()
    queue.log_metrics(kernel.run_id, {"g": 1.0}, step=0)
    queue.flush(synchronous=True)
    expected = [("a", 0, 1), ("a", 3, 2.5), ("b", 0, 1), ("c", 1, 1), ("d", 1, 2), ("c", 2, 3)]
    expected += [("e", 7, 1), *(("f", i, i) for i in range(1500)), ("g", 0, 1)]

    assert kernel.logged() == expected
    assert kernel.store.metrics(kernel.run_id) == {}
    assert kernel.forward().missing() == 0
    assert kernel.forward().missing() == 0
    for name in "abcdefg":
        assert kernel.history(name) == [(s, v) for n, s, v in expected if n == name]
    (e,) = kernel.store._connection.client.get_metric_history(kernel.run_id, "e")
    assert e.timestamp == 1000


def test_what_is_no_metric_and_what_is_of_another_run_goes_to_mlflow_at_once(kernel):
    now = int(time.time() * 1000)
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("theirs", 1)
        kernel.client.log_batch(child.info.run_id, metrics=[Metric("batch", 1, now, 0)])
    kernel.client.log_batch(
        kernel.run_id, metrics=[Metric("ours", 1, now, 0)], params=[Param("p", "1")]
    )
    mlflow.set_tag("t", "2")

    assert kernel.store.metrics(child.info.run_id) == {"theirs": 1, "batch": 1}
    assert kernel.store._connection.client.get_run(kernel.run_id).data.params == {"p": "1"}
    assert kernel.store._connection.client.get_run(kernel.run_id).data.tags["t"] == "2"
    assert kernel.logged() == [("ours", 0, 1)]


@pytest.mark.parametrize(
    "log",
    [
        lambda client, run_id: mlflow.log_metric("bad\nkey", 1),
        lambda client, run_id: mlflow.log_metric("k", "many"),
        lambda client, run_id: mlflow.log_metrics({"good": 1, "k" * 300: 1}),
        lambda client, run_id: client.log_metric(run_id, "k", 1, timestamp=-1),
        lambda client, run_id: client.log_metric(run_id, "k", 1, step=2**70),
        lambda client, run_id: client.log_batch(
            run_id, [Metric("k", 1, 1, 1)], [Param("p" * 300, "1")]
        ),
    ],
)
def test_what_mlflow_refuses_is_refused_in_the_cell_and_leaves_nothing(kernel, log):
    with pytest.raises((MlflowException, OverflowError)):
        log(kernel.client, kernel.run_id)
    assert kernel.logged() == []


def test_values_without_a_number_are_kept_and_mlflow_gets_no_false_infinity(kernel):
    for step, value in enumerate([math.nan, math.inf, -math.inf, 0.1, 5e-324]):
        mlflow.log_metric("x", value, step=step)
    (nan, *others) = [value for _, _, value in kernel.logged()]
    assert math.isnan(nan)
    assert others == [math.inf, -math.inf, 0.1, 5e-324]
    assert kernel.forward().missing() == 0
    (first, *rest) = kernel.history("x")
    assert math.isnan(first[1])
    assert rest == [(3, 0.1), (4, 5e-324)]


def test_the_last_of_many_without_steps_is_the_latest_in_mlflow(kernel):
    values = [float(value) for value in range(200, 0, -1)]
    for value in values:
        mlflow.log_metric("x", value)
    kernel.forward()
    assert kernel.history("x") == [(0, value) for value in values]
    assert kernel.store.metrics(kernel.run_id) == {"x": 1.0}


def test_a_logged_model_has_its_metrics_and_the_file_has_them_once(kernel):
    mlflow.log_metric("before", 1)
    with contextlib.ExitStack() as stack:
        stack.enter_context(Metrics(kernel.store, kernel.run_id, kernel.file))
        model = mlflow.pyfunc.log_model(
            name="model", python_model=lambda model_input: model_input, pip_requirements=[]
        )
    mlflow.log_metric("after", 2)
    kernel.forward()
    found = kernel.store._connection.client.get_logged_model(model.model_id)
    assert {m.key: m.value for m in found.metrics} == {"before": 1, "after": 2}
    assert kernel.logged() == [("before", 0, 1), ("after", 0, 2)]


def test_a_notebook_reads_what_it_has_logged(kernel):
    experiment = kernel.store._experiment("one")
    with Metrics(kernel.store, kernel.run_id, kernel.file):
        for step in range(3):
            mlflow.log_metric("x", 10 - step, step=step)
            assert mlflow.get_run(kernel.run_id).data.metrics == {"x": 10 - step}
        mlflow.log_metric("y", 1)
        assert [m.value for m in kernel.client.get_metric_history(kernel.run_id, "y")] == [1]
        mlflow.log_metric("y", 2, step=1)
        (found,) = mlflow.search_runs([experiment], "metrics.y = 2", output_format="list")
        assert found.info.run_id == kernel.run_id


def test_a_read_does_not_wait_for_ever_and_only_once_for_what_does_not_come(kernel, capsys):
    mlflow.log_metric("x", 1)
    assert mlflow.get_run(kernel.run_id).data.metrics == {}
    assert mlflow.get_run(kernel.run_id).data.metrics == {}
    assert capsys.readouterr().err.count("has not got the last metrics yet") == 1


@pytest.fixture
def shortcut(kernel, monkeypatch):
    for module in (mlflow, fluent):
        for name in ("log_metric", "log_metrics"):
            monkeypatch.setattr(module, name, getattr(module, name))
    way = Shortcut(fluent, kernel.run_id, _get_store(), kernel.diversion)
    way.install(mlflow, fluent)
    return kernel


def test_the_usual_call_of_a_loop_is_kept_like_any_other(shortcut):
    logged = [(step, value) for step, value in enumerate([1.0, 0.5, math.nan, math.inf, -0.25])]
    for step, value in logged:
        assert mlflow.log_metric("loss", value, step=step) is None
    mlflow.log_metric("loss", 2.0, step=5, synchronous=False).wait()
    with pytest.raises(MlflowException):
        mlflow.log_metric("no\nname", 1.0, step=0)
    with pytest.raises(MlflowException):
        mlflow.log_metric("loss", 1.0, step=2**70)
    kept = [(point.step, point.value) for point in shortcut.file.read()[0]]
    assert repr(kept) == repr([*logged, (5, 2.0)])


def test_the_shortcut_does_what_mlflow_does(shortcut):
    own = shortcut.run_id
    mlflow.log_metric("a", numpy.array([1.5]))
    mlflow.log_metric("a", "2", 3)
    assert mlflow.log_metric("b", 1) is None
    mlflow.log_metric("b", 2, 1, synchronous=False).wait()
    assert mlflow.log_metrics({"c": 1, "d": 2}, step=1) is None
    mlflow.log_metrics({"c": numpy.float32(0.5)}, 2, synchronous=False).wait()
    mlflow.log_metrics({str(i): i for i in range(1500)})
    mlflow.log_metric("e", 1, timestamp=1000, run_id=own)
    mlflow.log_metrics({"e": 2}, timestamp=2000, run_id=own)
    with mlflow.start_run(nested=True) as child:
        mlflow.log_metric("theirs", 1)
        mlflow.log_metric("theirs_too", 1, run_id=child.info.run_id)
        mlflow.log_metric("ours", 2, run_id=own)
    with pytest.raises(MlflowException):
        mlflow.log_metric("a", "many")

    expected = [("a", 0, 1.5), ("a", 3, 2), ("b", 0, 1), ("b", 1, 2), ("c", 1, 1), ("d", 1, 2)]
    expected += [("c", 2, 0.5), *((str(i), 0, i) for i in range(1500))]
    assert shortcut.logged() == [*expected, ("e", 0, 1), ("e", 0, 2), ("ours", 0, 2)]
    assert [p.at for p in shortcut.file.read()[0] if p.name == "e"] == [1, 2]
    assert shortcut.store.metrics(child.info.run_id) == {"theirs": 1, "theirs_too": 1}


def test_the_shortcut_leaves_metrics_of_models_and_datasets_to_mlflow(shortcut):
    model = mlflow.create_external_model("model")
    data = mlflow.data.from_numpy(numpy.zeros(3))
    mlflow.log_metric("named", 1, model_id=model.model_id)
    mlflow.log_metrics({"data": 2}, dataset=data)
    mlflow.set_active_model(model_id=model.model_id)
    mlflow.log_metrics({"active": 3})
    mlflow.clear_active_model()
    shortcut.forward()
    found = shortcut.store._connection.client.get_logged_model(model.model_id)
    assert {m.key: m.value for m in found.metrics} == {"named": 1, "active": 3}
    run = shortcut.store._connection.client.get_run(shortcut.run_id)
    assert run.data.metrics == {"named": 1, "data": 2, "active": 3}
    assert [d.dataset.digest for d in run.inputs.dataset_inputs] == [data.digest]


def test_a_call_that_names_the_active_run_looks_nothing_up(shortcut):
    mlflow.log_metric("x", 1, run_id=shortcut.run_id)
    mlflow.log_metrics({"x": 2}, run_id=shortcut.run_id)
    assert shortcut.logged() == [("x", 0, 1), ("x", 0, 2)]
    # A lookup would have asked for the points to be sent.
    assert shortcut.file.heed() is False


def test_lines_of_threads_do_not_mix(kernel):
    def log(name):
        for step in range(300):
            mlflow.MlflowClient().log_metric(kernel.run_id, name, step, step=step)

    threads = [threading.Thread(target=log, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    logged = kernel.logged()
    for name in "abcd":
        assert [p for p in logged if p[0] == name] == [(name, i, i) for i in range(300)]


def test_the_journal_has_the_latest_values_while_the_store_is_locked(kernel, tmp_path, until):
    folder = RunFolder(tmp_path)

    def journaled() -> dict[str, float]:
        metrics: dict[str, float] = {}
        for event in folder.read()[0]:
            assert isinstance(event, MetricsLogged)
            metrics.update(event.metrics)
        return metrics

    with Metrics(kernel.store, kernel.run_id, kernel.file) as metrics:
        with locked(kernel.database):
            for step in range(2500):
                mlflow.log_metrics({"x": step, "y": math.inf}, step=step)
            until(lambda: journaled() == {"x": 2499, "y": math.inf})
            assert kernel.history("x") == []
        mlflow.log_metric("x", -1, step=2500)
    metrics.must_be_complete()
    assert kernel.history("x") == [*((i, i) for i in range(2500)), (2500, -1)]
    assert journaled() == {"x": -1, "y": math.inf}
    assert len(folder.read()[0]) < 50


def test_metrics_that_come_to_mlflow_another_way_are_journaled(kernel, tmp_path):
    with Metrics(kernel.store, kernel.run_id, kernel.file):
        kernel.store.log_metrics(kernel.run_id, {"of_a_child_process": 4})
    (event,) = RunFolder(tmp_path).read()[0]
    assert event.metrics == {"of_a_child_process": 4}


def test_metrics_that_mlflow_cannot_take_are_said_and_sent_by_what_the_hint_says(kernel):
    with locked(kernel.database):
        with Metrics(kernel.store, kernel.run_id, kernel.file, flush_s=0.5) as metrics:
            mlflow.log_metric("x", 1)
        with pytest.raises(
            TrackingError, match="1 of its metric points are not in MLflow"
        ) as error:
            metrics.must_be_complete()
    command = error.value.hint.partition(": ")[2].split()
    assert command[0] == "python"
    subprocess.run([sys.executable, *command[1:]], check=True, capture_output=True)
    assert kernel.history("x") == [(0, 1)]


def test_a_store_that_fails_for_a_while_has_all_in_the_end(kernel):
    def rename(old: str, new: str) -> None:
        with contextlib.closing(sqlite3.connect(kernel.database)) as connection:
            connection.execute(f"ALTER TABLE {old} RENAME TO {new}")

    rename("metrics", "away")
    try:
        with Metrics(kernel.store, kernel.run_id, kernel.file, flush_s=0.1) as metrics:
            for step in range(1500):
                mlflow.log_metric("x", step, step=step)
        with pytest.raises(TrackingError, match="1,500 of its metric points are not in MLflow"):
            metrics.must_be_complete()
    finally:
        rename("away", "metrics")
    with Metrics(kernel.store, kernel.run_id, kernel.file) as metrics:
        mlflow.log_metric("x", 1500, step=1500)
    metrics.must_be_complete()
    assert kernel.history("x") == [(step, step) for step in range(1501)]


def test_points_that_mlflow_refuses_do_not_hold_up_the_others(kernel):
    points = [LoggedPoint("x", i, 1.0 + i, float(i)) for i in range(20)]
    points[7] = LoggedPoint("bad\nkey", 7, 1.0, 7.0)
    kernel.file.path.write_bytes(encode(points))
    with Metrics(kernel.store, kernel.run_id, kernel.file) as metrics:
        pass
    assert kernel.history("x") == [(i, i) for i in range(20) if i != 7]
    with pytest.raises(TrackingError, match=r"1 of .* it refuses bad\nkey = 7.0 at step 7"):
        metrics.must_be_complete()


def test_the_end_of_a_killed_stage_goes_on_from_what_mlflow_has(kernel):
    mlflow.log_metrics({"x": 1})
    kernel.forward()
    mlflow.log_metrics({"x": 2}, step=1)
    close.close(kernel.store.uri, kernel.run_id, "KILLED", kernel.file.path)
    assert kernel.history("x") == [(0, 1), (1, 2)]
    assert kernel.store._connection.client.get_run(kernel.run_id).info.status == "KILLED"
