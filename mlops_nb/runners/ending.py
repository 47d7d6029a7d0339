"""End what a training or a tuning leaves open that was ended from outside."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlops_nb.journal import MetricsLogged, RunFinished, RunFolder, executed
from mlops_nb.journal.points_file import latest
from mlops_nb.types import RunState, StageState

if TYPE_CHECKING:
    from mlops_nb.types import Point

# The last three are of a tuning on a cluster, which may have several workers.
_TRACKED = ("train", "tune", "study", "worker", "best")


def end_tracking(folder: RunFolder, state: RunState, *, python: str = sys.executable) -> None:
    """End notebooks and MLflow runs of what was killed, with all that they have logged."""
    from mlops_nb.tracking.close import close

    run = folder.load()
    trials = [t for t in map(folder.trial, folder.trials()) if not t.load().state.terminal]
    running = (s.name for s in run.stages if s.state is StageState.RUNNING)
    if not trials and not any(name.partition("-")[0] in _TRACKED for name in running):
        return
    _end_record(folder)
    for trial in trials:
        _end_record(trial)
        # Whatever ended the tuning, this is no result of the trial's: a resume runs it anew.
        trial.append(RunFinished(state=RunState.LOST))
    uri = run.tracking_uri or folder.load_request().arguments["tracking_uri"]
    status = "KILLED" if state is RunState.CANCELED else "FAILED"
    tracked = run.mlflow_run_id or ""
    close(uri, tracked, status, folder.points, run_id=run.id, python=python)


def _end_record(folder: RunFolder) -> None:
    executed.close(folder.notebook)
    known: dict[str, Point] = {}
    latest(folder.read_points()[0], known)
    if known:
        folder.append(MetricsLogged(metrics={name: point.value for name, point in known.items()}))
