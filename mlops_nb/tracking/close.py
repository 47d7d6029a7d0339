"""End the MLflow run of a training that could not end it itself.

    python -m mlops_nb.tracking.close TRACKING_URI MLFLOW_RUN_ID STATUS

A process of its own: whoever finds a dead run, a live session say, does not import MLflow for it.
"""

from __future__ import annotations

import subprocess
import sys

from mlops_nb.tracking.store import Store

_TIMEOUT_S = 60


def close(uri: str, mlflow_run_id: str, status: str, *, python: str = sys.executable) -> None:
    """End the run as FAILED or KILLED; one that cannot be reached now stays as it is."""
    subprocess.run(
        [python, "-m", "mlops_nb.tracking.close", uri, mlflow_run_id, status],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=_TIMEOUT_S,
        check=False,
    )


if __name__ == "__main__":
    _, uri, mlflow_run_id, status = sys.argv
    Store(uri).finish(mlflow_run_id, status)
