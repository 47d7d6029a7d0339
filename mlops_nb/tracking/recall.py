"""Read from MLflow what a run has come to, for a run whose own words are gone.

    python -m mlops_nb.tracking.recall TRACKING_URI RUN_ID

A process of its own: a live session does not import MLflow for it.
"""

from __future__ import annotations

import json
import subprocess
import sys

import msgspec

from mlops_nb import encoding
from mlops_nb.journal import AnyEvent, MetricsLogged, ModelLogged, RunTracked
from mlops_nb.tracking.store import Store

_TIMEOUT_S = 120


def recall(uri: str, run_id: str) -> tuple[AnyEvent, ...]:
    """Return what MLflow knows of a run as the events that would have said it.

    Args:
        uri: Where MLflow keeps it; where that is out of reach nothing is known.
        run_id: The run of ours.
    """
    try:
        told = subprocess.run(
            [sys.executable, "-m", __name__, uri, run_id],
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


def _main(uri: str, run_id: str) -> None:
    store = Store(uri)
    mlflow_run_id, model = store.find(run_id)
    events: list[AnyEvent] = []
    if mlflow_run_id:
        events.append(RunTracked(mlflow_run_id=mlflow_run_id, tracking_uri=uri))
        events.append(MetricsLogged(metrics=store.metrics(mlflow_run_id)))
    if model is not None:
        events.append(ModelLogged(model=model))
    print(json.dumps(msgspec.to_builtins(events)))


if __name__ == "__main__":
    _main(*sys.argv[1:])
