"""End the MLflow run of a training that could not end it itself, with all of its metrics.

    python -m mlops_nb.tracking.close TRACKING_URI MLFLOW_RUN_ID STATUS POINTS_FILE

A process of its own: whoever finds a dead run, a live session say, does not import MLflow for it.
Also for people, after a run whose metrics MLflow could not take.
"""

from __future__ import annotations

import contextlib
import shlex
import subprocess
import sys
import time
from pathlib import Path

from mlops_nb.exceptions import TrackingError
from mlops_nb.points_file import PointsFile
from mlops_nb.tracking.forward import Forwarder
from mlops_nb.tracking.store import Store

_TIMEOUT_S = 60
_FORWARD_S = 40
_RETRY_S = 1
DELETED = "DELETED"


def close(
    uri: str, mlflow_run_id: str, status: str, points: Path, *, python: str = sys.executable
) -> None:
    """End the run as FAILED or KILLED, or mark it as DELETED; one out of reach stays as it is."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [python, *_arguments(uri, mlflow_run_id, status, points)],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_TIMEOUT_S,
            check=False,
        )


def command(uri: str, mlflow_run_id: str, status: str, points: Path) -> str:
    """Return what a person types to do the same."""
    return shlex.join(["python", *_arguments(uri, mlflow_run_id, status, points)])


def _arguments(uri: str, mlflow_run_id: str, status: str, points: Path) -> list[str]:
    return ["-m", "mlops_nb.tracking.close", uri, mlflow_run_id, status, str(points)]


def _main(uri: str, mlflow_run_id: str, status: str, points: str) -> None:
    store = Store(uri)
    if status == DELETED:
        store.delete(mlflow_run_id)
        return
    _forward(Forwarder(store, mlflow_run_id, PointsFile(Path(points))))
    store.finish(mlflow_run_id, status)


def _forward(forwarder: Forwarder) -> None:
    """Send what is left; the end of the run is recorded whether or not MLflow takes all of it."""
    deadline = time.monotonic() + _FORWARD_S
    while time.monotonic() < deadline:
        with contextlib.suppress(TrackingError):
            while forwarder.forward() and time.monotonic() < deadline:
                pass
            return
        time.sleep(_RETRY_S)


if __name__ == "__main__":
    _main(*sys.argv[1:])
