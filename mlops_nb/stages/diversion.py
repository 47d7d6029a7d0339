"""In the run's kernel: metrics go to the points file, and MLflow gets them from there.

A call of MLflow costs milliseconds and may fail or hang; a line in a file costs microseconds, and
is kept when the kernel dies right after. All ways to log a metric (`log_metric`, `log_metrics`,
`MlflowClient`, autologging, asynchronous or not) end in the methods of one tracking store object,
so these are what is stood in for, for the metrics of the run's own MLflow run. All else, and all of
other runs, goes on to MLflow as ever.
"""

from __future__ import annotations

import functools
import os
import sys
import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_nb.journal.points_file import LoggedPoint, encode
from mlops_nb.types import Point

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from mlops_nb.journal.points_file import PointsFile

READ_WAIT_S = 5.0
_POLL_S = 0.005
_CLOCK_MS = 1000
_BATCH = 1000
_STEPS = range(-(2**63), 2**63)
# What reads the metrics of the run that it names first, or of runs or models that it searches.
_READS = ("get_run", "get_metric_history")
_SEARCHES = ("search_runs", "search_logged_models", "get_logged_model")


class Diversion:
    """Stands in for methods of MLflow's tracking store.

    Args:
        store: The tracking store of the kernel's MLflow.
        run_id: The MLflow run whose metrics go to the file.
        file: The points file.
        read_wait_s: How long a read waits for MLflow to have what was logged before it.
    """

    def __init__(
        self, store: Any, run_id: str, file: PointsFile, *, read_wait_s: float = READ_WAIT_S
    ) -> None:
        from mlflow.utils import validation
        from mlflow.utils.async_logging.run_operations import RunOperations

        self._validation, self._nothing_to_wait_for = validation, RunOperations
        self.run_id, self.file = run_id, file
        self._log_metric, self._log_batch = store.log_metric, store.log_batch
        self._log_metric_async = store.log_metric_async
        self._log_batch_async = store.log_batch_async
        self._store = store
        self._appender = _Appender(file)
        self._valid: set[str] = set()
        self._repeats = _Repeats(file)
        self._wait = _Wait(file, read_wait_s)

    def install(self) -> None:
        """Take the place of the store's methods."""
        for name in ("log_metric", "log_metric_async", "log_batch", "log_batch_async"):
            setattr(self._store, name, getattr(self, name))
        for name in _READS:
            setattr(self._store, name, self._reading(getattr(self._store, name), own_only=True))
        for name in _SEARCHES:
            setattr(self._store, name, self._reading(getattr(self._store, name), own_only=False))

    def log_metric(self, run_id: str, metric: Any) -> None:
        """Log one metric."""
        if run_id != self.run_id or not self._divert_one(metric):
            self._log_metric(run_id, metric)

    def log_metric_async(self, run_id: str, metric: Any) -> Any:
        """Log one metric; there is nothing to wait for."""
        if run_id != self.run_id or not self._divert_one(metric):
            return self._log_metric_async(run_id, metric)
        return self._nothing_to_wait_for([])

    def log_batch(
        self, run_id: str, metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]
    ) -> None:
        """Log the metrics to the file, and the rest to MLflow."""
        if run_id != self.run_id:
            self._log_batch(run_id, metrics, params, tags)
            return
        # What MLflow's store would raise is raised in the cell, before anything is kept.
        self._validation._validate_batch_log_data(metrics, params, tags)
        self._validation._validate_batch_log_limits(metrics, params, tags)
        new, repeated = self._repeats.split(metrics)
        if params or tags or repeated:
            self._log_batch(run_id, repeated, params, tags)
        if not self._divert(new):
            self._log_batch(run_id, new, [], [])

    def log_batch_async(
        self, run_id: str, metrics: Sequence[Any], params: Sequence[Any], tags: Sequence[Any]
    ) -> Any:
        """Log the metrics to the file at once, and the rest to MLflow asynchronously."""
        if run_id != self.run_id:
            return self._log_batch_async(run_id, metrics, params, tags)
        self.log_batch(run_id, metrics, [], [])
        if params or tags:
            return self._log_batch_async(run_id, [], params, tags)
        return self._nothing_to_wait_for([])

    def log_number(self, key: str, value: float, ms: int, step: int) -> bool:
        """Log a number under a key that was valid before; False where that has to be looked at."""
        if key not in self._valid or step not in _STEPS:
            return False
        return self._appender.append_one(key, step, ms, value)

    def _divert_one(self, metric: Any) -> bool:
        self._validation._validate_metric(metric.key, metric.value, metric.timestamp, metric.step)
        self._valid.add(metric.key)
        return self._divert([metric])

    def _divert(self, metrics: Sequence[Any]) -> bool:
        """Append metrics to the file; False where MLflow itself has to take or to refuse them."""
        if any(int(metric.step) not in _STEPS for metric in metrics):
            return False
        return self._appender.append(metrics)

    def _reading(self, read: Callable[..., Any], *, own_only: bool) -> Callable[..., Any]:
        @functools.wraps(read)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            if not own_only or self.run_id in (*args[:1], kwargs.get("run_id")):
                self._wait()
            return read(*args, **kwargs)

        return wrapper


class _Pinned(NamedTuple):
    step: int
    asked_ms: int
    ms: int
    value: float


class _Appender:
    """Writes points, one `write` a call: lines of threads and forked processes never mix."""

    def __init__(self, file: PointsFile) -> None:
        self.descriptor = file.open()
        self.pinned: dict[str, _Pinned] = {}
        self.torn = b""

    def append(self, metrics: Sequence[Any]) -> bool:
        """Append metrics; False where the disk did not take them."""
        return self._write(encode(map(self._point, metrics)))

    def append_one(self, name: str, step: int, ms: int, value: float) -> bool:
        """Append one point that belongs to no model and no dataset."""
        at = self._pin(name, step, ms, value) / 1000
        return self._write(encode((Point(name, step, at, value),)))

    def _write(self, data: bytes) -> bool:
        try:
            written = os.write(self.descriptor, self.torn + data)
        except OSError:
            return False
        if written != len(self.torn + data):
            self.torn = b"\n"
            return False
        self.torn = b""
        return True

    def _point(self, metric: Any) -> LoggedPoint:
        step, value = int(metric.step), float(metric.value)
        return LoggedPoint(
            metric.key,
            step,
            self._pin(metric.key, step, int(metric.timestamp), value) / 1000,
            value,
            metric.model_id,
            metric.dataset_name,
            metric.dataset_digest,
        )

    def _pin(self, name: str, step: int, ms: int, value: float) -> int:
        """Return the time of a point, a little later where MLflow would else lose the order.

        Of points of one step and one millisecond MLflow calls the largest the latest. Its own
        calls take longer than that; here a loop that logs without steps makes many in one.
        """
        last, pinned = self.pinned.get(name), ms
        if (
            last is not None
            and last.step == step
            and last.asked_ms <= ms <= last.ms
            and abs(time.time() * 1000 - ms) < _CLOCK_MS
        ):
            pinned = last.ms if last.value == value else last.ms + 1
        self.pinned[name] = _Pinned(step, ms, pinned, value)
        return pinned


class _Repeats:
    """Tells the points of a batch that are in the file from those that are new.

    When a model is logged, MLflow logs the metrics of its step a second time, with the model's id.
    """

    def __init__(self, file: PointsFile) -> None:
        self.file, self.offset = file, 0
        self.known: set[int] = set()

    def split(self, metrics: Sequence[Any]) -> tuple[list[Any], list[Any]]:
        if not any(metric.model_id for metric in metrics):
            return list(metrics), []
        points, self.offset = self.file.read(self.offset)
        self.known.update(_identity(p.name, p.step, round(p.at * 1000), p.value) for p in points)
        parts: tuple[list[Any], list[Any]] = ([], [])
        for metric in metrics:
            identity = _identity(metric.key, metric.step, metric.timestamp, metric.value)
            parts[bool(metric.model_id) and identity in self.known].append(metric)
        return parts


class _Wait:
    """Waits until MLflow has what is in the file, so that a notebook reads what it has logged."""

    def __init__(self, file: PointsFile, timeout_s: float) -> None:
        self.file, self.timeout_s = file, timeout_s
        self.stuck_at: int | None = None

    def __call__(self) -> None:
        wanted, deadline = self.file.size(), time.monotonic() + self.timeout_s
        while (there := self.file.acknowledged()) < wanted:
            # One wait is enough to learn that MLflow takes nothing.
            if there == self.stuck_at:
                return
            if time.monotonic() > deadline:
                self.stuck_at = there
                print("mlops_nb: MLflow has not got the last metrics yet", file=sys.stderr)
                return
            self.file.ask()
            time.sleep(_POLL_S)


class Shortcut:
    """MLflow's `log_metric` and `log_metrics`, straight to the store where nothing else is asked.

    On their way MLflow makes a client for each call, which costs more than all that is done here,
    and looks up a run that the call names, which would wait for all that was logged before.

    Args:
        fluent: MLflow's module of these functions.
        run_id: The run whose metrics the store's stand-in writes to the file.
        store: The tracking store.
        diversion: What stands in for it.
    """

    def __init__(self, fluent: Any, run_id: str, store: Any, diversion: Diversion) -> None:
        from mlflow.entities import Metric
        from mlflow.environment_variables import MLFLOW_ENABLE_ASYNC_LOGGING
        from mlflow.tracking.metric_value_conversion_utils import (
            convert_metric_value_to_float_if_possible,
        )
        from mlflow.utils.async_logging.run_operations import RunOperations

        self._fluent, self._run_id, self._store = fluent, run_id, store
        self._log_number = diversion.log_number
        self._metric, self._nothing_to_wait_for = Metric, RunOperations
        self._asynchronous = MLFLOW_ENABLE_ASYNC_LOGGING.get
        self._number = convert_metric_value_to_float_if_possible
        self._log_metric, self._log_metrics = fluent.log_metric, fluent.log_metrics

    def install(self, *modules: Any) -> None:
        """Take the place of both functions in these modules."""
        for module in modules:
            module.log_metric = _documented(self.log_metric, self._log_metric)
            module.log_metrics = _documented(self.log_metrics, self._log_metrics)

    def log_metric(
        self,
        key: str,
        value: float,
        step: int | None = None,
        synchronous: bool | None = None,
        timestamp: int | None = None,
        run_id: str | None = None,
        model_id: str | None = None,
        dataset: Any = None,
    ) -> Any:
        """Log one metric to the active run, or to the one that is named."""
        run_id = self._unless_active(run_id)
        if run_id or model_id or dataset or not self._is_plain():
            return self._log_metric(
                key, value, step, synchronous, timestamp, run_id, model_id, dataset
            )
        # The usual call of a training loop: a thousand a second must not be felt.
        usual = type(key) is str and type(value) is float and type(step) is int and not timestamp
        if usual and self._log_number(key, value, _now(), step or 0):
            return self._answer(synchronous)
        self._store.log_metric(self._run_id, self._made(key, value, timestamp or _now(), step))
        return self._answer(synchronous)

    def log_metrics(
        self,
        metrics: dict[str, float],
        step: int | None = None,
        synchronous: bool | None = None,
        run_id: str | None = None,
        timestamp: int | None = None,
        model_id: str | None = None,
        dataset: Any = None,
    ) -> Any:
        """Log metrics of one step and time to the active run, or to the one that is named."""
        run_id = self._unless_active(run_id)
        plain = len(metrics) <= _BATCH and not run_id and not model_id and not dataset
        if not plain or not self._is_plain():
            return self._log_metrics(
                metrics, step, synchronous, run_id, timestamp, model_id, dataset
            )
        at = timestamp or _now()
        made = [self._made(key, value, at, step) for key, value in metrics.items()]
        self._store.log_batch(self._run_id, made, [], [])
        return self._answer(synchronous)

    def _unless_active(self, run_id: str | None) -> str | None:
        run = self._fluent.active_run() if run_id else None
        return None if run is not None and run.info.run_id == run_id else run_id

    def _is_plain(self) -> bool:
        """Whether a metric goes to our run, and to no model: neither an active nor a logged one."""
        run = self._fluent.active_run()
        return (
            run is not None
            and run.info.run_id == self._run_id
            and not (run.outputs and run.outputs.model_outputs)
            and self._fluent.get_active_model_id() is None
        )

    def _made(self, key: str, value: float, ms: int, step: int | None) -> Any:
        return self._metric(key, self._number(value), ms, step or 0)

    def _answer(self, synchronous: bool | None) -> Any:
        waits = not self._asynchronous() if synchronous is None else synchronous
        return None if waits else self._nothing_to_wait_for([])


def _documented(function: Callable[..., Any], original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def call(*args: Any, **kwargs: Any) -> Any:
        return function(*args, **kwargs)

    return call


def _now() -> int:
    return int(time.time() * 1000)


def _identity(name: str, step: int, ms: int, value: float) -> int:
    return hash((name, int(step), int(ms), repr(float(value))))
