"""End what a training leaves open that was ended from outside."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlops_nb import executed
from mlops_nb.journal import MetricsLogged, RunFolder
from mlops_nb.points_file import latest
from mlops_nb.types import RunState, StageState

if TYPE_CHECKING:
    from mlops_nb.types import Point


def end_tracking(folder: RunFolder, state: RunState, *, python: str = sys.executable) -> None:
    """End notebook and MLflow run of a training that was killed, with all that it has logged."""
    from mlops_nb.tracking.close import close

    run = folder.load()
    if not any(s.name == "train" and s.state is StageState.RUNNING for s in run.stages):
        return
    executed.close(folder.notebook)
    known: dict[str, Point] = {}
    latest(folder.read_points()[0], known)
    if known:
        folder.append(MetricsLogged(metrics={name: point.value for name, point in known.items()}))
    uri = run.tracking_uri or folder.load_request().arguments["tracking_uri"]
    status = "KILLED" if state is RunState.CANCELED else "FAILED"
    tracked = run.mlflow_run_id or ""
    close(uri, tracked, status, folder.points, run_id=run.id, python=python)
