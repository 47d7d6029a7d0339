"""End the MLflow run of a training that could not end it itself, or delete it.

    python -m mlops_nb.tracking.close TRACKING_URI MLFLOW_RUN_ID STATUS

A process of its own: whoever finds a dead run, a live session say, does not import MLflow for it.
"""

from __future__ import annotations

import subprocess
import sys

from mlops_nb.tracking.store import Store

_TIMEOUT_S = 60


DELETED = "DELETED"


def close(uri: str, mlflow_run_id: str, status: str, *, python: str = sys.executable) -> None:
    """End the run as FAILED or KILLED, or mark it as DELETED; one out of reach stays as it is."""
    subprocess.run(
        [python, "-m", "mlops_nb.tracking.close", uri, mlflow_run_id, status],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


if __name__ == "__main__":
    _, uri, mlflow_run_id, status = sys.argv
    if status == DELETED:
        Store(uri).delete(mlflow_run_id)
    else:
        Store(uri).finish(mlflow_run_id, status)
