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
from mlops_nb.journal import RunFolder
from mlops_nb.journal.points_file import PointsFile
from mlops_nb.tracking.forward import Forwarder
from mlops_nb.tracking.store import Store

_TIMEOUT_S = 60
_FORWARD_S = 40
_RETRY_S = 1
DELETED = "DELETED"


def close(
    uri: str,
    mlflow_run_id: str,
    status: str,
    points: Path,
    *,
    run_id: str = "",
    python: str = sys.executable,
) -> None:
    """End an MLflow run as FAILED or KILLED, or mark it as DELETED.

    Args:
        uri: Where MLflow keeps it; where that is out of reach, it stays as it is.
        mlflow_run_id: The run, "" where that is not known.
        status: FAILED, KILLED or DELETED.
        points: The file of its metrics.
        run_id: The run of ours; all that it has left open is ended too.
        python: The interpreter to do it with.
    """
    with contextlib.suppress(subprocess.TimeoutExpired):
        subprocess.run(
            [python, *_arguments(uri, mlflow_run_id, status, points), run_id],
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


def _main(uri: str, mlflow_run_id: str, status: str, points: str, run_id: str = "") -> None:
    store = Store(uri)
    if status == DELETED:
        store.delete(mlflow_run_id)
        return
    if mlflow_run_id:
        _finish(store, mlflow_run_id, status, Path(points))
        for trial, child in store.children(mlflow_run_id).items():
            _finish(store, child, status, _points_of(trial, Path(points)))
    # A stage may have been killed before it could say which MLflow run it had made.
    for found in store.unfinished(run_id) if run_id else ():
        store.finish(found, status)


def _points_of(child: str, points: Path) -> Path:
    """Return the points of a trial; what a notebook itself has nested has no file."""
    number = child.partition("/")[2]
    folder = RunFolder(points.parent)
    return folder.trial(int(number)).points if number.isdecimal() else folder.trial(-1).points


def _finish(store: Store, mlflow_run_id: str, status: str, points: Path) -> None:
    _forward(Forwarder(store, mlflow_run_id, PointsFile(points)))
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
