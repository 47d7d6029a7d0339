"""Follow the points of a notebook while it runs: into the journal, and on to MLflow.

One thread each, because MLflow may take its time or be gone: the journal is fresh all the same, and
the notebook's kernel waits for neither.
"""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from mlops_nb.exceptions import TrackingError
from mlops_nb.journal import MetricsLogged, PointsLogged, emit
from mlops_nb.journal.points_file import encode, latest
from mlops_nb.stages import volume
from mlops_nb.tracking import close
from mlops_nb.tracking.forward import Forwarder

if TYPE_CHECKING:
    from types import TracebackType

    from mlops_nb.journal.points_file import PointsFile
    from mlops_nb.tracking.store import Store
    from mlops_nb.types import Point

JOURNAL_S = 0.5
FORWARD_S = 1.0
FLUSH_S = 60.0
_POLL_S = 0.05


class Metrics:
    """Follows a points file within a `with` block, and at its end sends what is left.

    The end waits for MLflow for as long as it takes points, and for `flush_s` when it takes none.

    Args:
        store: MLflow.
        mlflow_run_id: The run that the points belong to.
        file: The points.
        flush_s: How long the end waits for an MLflow that takes nothing.
    """

    def __init__(
        self, store: Store, mlflow_run_id: str, file: PointsFile, *, flush_s: float = FLUSH_S
    ) -> None:
        self.store, self.mlflow_run_id, self.file = store, mlflow_run_id, file
        self.flush_s = flush_s
        self._forwarder = Forwarder(store, mlflow_run_id, file)
        self._journal = _Journal(file)
        self._trouble: TrackingError | None = None
        self._ended, self._looked_for = threading.Event(), threading.Event()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._publish, "metrics-journal"), (self._forward, "metrics"))
        ]

    def __enter__(self) -> Metrics:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ended_at = time.monotonic()
        self._looked_for.set()
        self._ended.set()
        journal, forward = self._threads
        journal.join()
        while forward.is_alive():
            forward.join(_POLL_S)
            if time.monotonic() > self.flush_s + max(ended_at, self._forwarder.progressed_at):
                break

    def look(self) -> None:
        """Have MLflow asked for metrics that came to it another way, as from a child process."""
        self._looked_for.set()

    def must_be_complete(self) -> None:
        """Refuse to call a run finished whose metrics are not all in MLflow.

        What reads the run later (an evaluation, a comparison, a promotion) reads MLflow, and would
        take a part of the metrics for all of them. Nothing is lost: the hint sends them.

        Raises:
            TrackingError: MLflow has not got them all.
        """
        missing = self._forwarder.missing()
        if missing:
            raise TrackingError(
                f"the notebook ran to its end, but {missing:,} of its metric points are not in "
                f"MLflow: {self._reason()}",
                hint="send them once MLflow is back: "
                + close.command(self.store.uri, self.mlflow_run_id, "FINISHED", self.file.path),
            )

    def _reason(self) -> str:
        if self._trouble is not None:
            return self._trouble.message
        if self._threads[-1].is_alive():
            return f"{self.store.uri} gave no answer for {self.flush_s:g} s"
        if self._forwarder.refused:
            first = self._forwarder.refused[0]
            return f"it refuses {first.name} = {first.value!r} at step {first.step}"
        return "see the stage's log"

    def _publish(self) -> None:
        while not self._ended.wait(JOURNAL_S):
            self._journal.publish()
        self._journal.publish()

    def _forward(self) -> None:
        while True:
            # Asked before the look at the file: what is in it at the end is sent.
            ended = self._ended.is_set()
            try:
                while self._forwarder.forward():
                    pass
                self._find_others()
                self._trouble = None
            except TrackingError as error:
                self._trouble = error
            if ended and self._trouble is None:
                return
            self._rest(till_the_end=not ended)

    def _rest(self, *, till_the_end: bool) -> None:
        until = time.monotonic() + FORWARD_S
        while time.monotonic() < until and not self.file.heed():
            if till_the_end and self._ended.is_set():
                return
            time.sleep(_POLL_S)

    def _find_others(self) -> None:
        if self._looked_for.is_set():
            self._looked_for.clear()
            self._journal.add(self.store.metrics(self.mlflow_run_id))


class _Journal:
    """Journals the latest value of each metric when it has changed."""

    def __init__(self, file: PointsFile) -> None:
        self.file, self.offset = file, 0
        self.latest: dict[str, Point] = {}
        self.seen: dict[str, float] = {}
        self.lock = threading.Lock()

    def publish(self) -> None:
        with self.lock:
            self._read()
            self._emit({name: point.value for name, point in self.latest.items()})

    def add(self, metrics: dict[str, float]) -> None:
        """Publish metrics that are not in the file; those that are have the last word."""
        with self.lock:
            self._read()
            self._emit({k: v for k, v in metrics.items() if k not in self.latest})

    def _read(self) -> None:
        points, self.offset = self.file.read(self.offset)
        latest(points, self.latest)
        if points and volume.in_pod():
            # Nobody outside of the pod sees its file.
            emit(PointsLogged(lines=encode(points).decode()))

    def _emit(self, metrics: dict[str, float]) -> None:
        news = {k: v for k, v in metrics.items() if not _same(self.seen.get(k), v)}
        if news:
            emit(MetricsLogged(metrics=news))
            self.seen.update(news)


def _same(before: float | None, now: float) -> bool:
    return before is not None and (before == now or (math.isnan(before) and math.isnan(now)))
