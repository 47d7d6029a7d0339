"""Read from MLflow what a run has come to, for a run whose own words are gone.

    python -m mlops_nb.tracking.recall TRACKING_URI RUN_ID [MLFLOW_RUN_ID]

A process of its own: a live session does not import MLflow for it.
"""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec

from mlops_nb import encoding
from mlops_nb.journal import (
    AnyEvent,
    EvaluationReported,
    MetricsLogged,
    ModelEvaluated,
    ModelLogged,
    RunTracked,
)
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import Report

_TIMEOUT_S = 120


def recall(uri: str, run_id: str, mlflow_run_id: str = "") -> tuple[AnyEvent, ...]:
    """Return what MLflow knows of a run as the events that would have said it.

    Args:
        uri: Where MLflow keeps it; where that is out of reach nothing is known.
        run_id: The run of ours.
        mlflow_run_id: Its run in MLflow, where that is known; only the report is then read. A
            run whose training a cluster has skipped has that of an earlier one.
    """
    try:
        told = subprocess.run(
            [sys.executable, "-m", __name__, uri, run_id, mlflow_run_id],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return ()
    lines = told.stdout.splitlines()
    if told.returncode or not lines:
        return ()
    events: tuple[AnyEvent, ...] = msgspec.convert(encoding.loads(lines[-1]), tuple[AnyEvent, ...])
    return events


def _main(uri: str, run_id: str, mlflow_run_id: str) -> None:
    store = Store(uri)
    events: list[AnyEvent] = []
    if not mlflow_run_id:
        mlflow_run_id, model = store.find(run_id)
        if mlflow_run_id:
            events.append(RunTracked(mlflow_run_id=mlflow_run_id, tracking_uri=uri))
            events.append(MetricsLogged(metrics=store.metrics(mlflow_run_id)))
        if model is not None:
            events.append(ModelLogged(model=model))
    events += _evaluation(store, mlflow_run_id) if mlflow_run_id else []
    print(json.dumps(msgspec.to_builtins(events)))


def _evaluation(store: Store, mlflow_run_id: str) -> list[AnyEvent]:
    text = store.read_text(mlflow_run_id, f"{tags.REPORT_ARTIFACT}.json")
    if not text:
        return []
    report = msgspec.convert(encoding.loads(text), Report)
    return [ModelEvaluated(evaluation=report.evaluation), EvaluationReported(report=report)]


if __name__ == "__main__":
    _main(*sys.argv[1:])
