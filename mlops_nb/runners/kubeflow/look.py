"""One look at a run on the server: what has happened goes into the run's journal here."""

from __future__ import annotations

import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_nb.journal import RunFinished, RunFolder, RunStarted, RunSubmitted, StageFinished
from mlops_nb.pipelines import MONITORING
from mlops_nb.runners.ending import end_tracking
from mlops_nb.runners.kubeflow import nodes
from mlops_nb.runners.kubeflow.client import RefusedError
from mlops_nb.runners.kubeflow.mirror import CACHED, Mirror, take
from mlops_nb.tracking.recall import recall
from mlops_nb.types import Failure, Run, RunRequest, RunState, StageState

if TYPE_CHECKING:
    from mlops_nb.runners.kubeflow.server import Server

# Pipelines whose runs have no MLflow run of their own.
_UNTRACKED = (MONITORING.name,)
# The stage whose report MLflow has as well.
_EVALUATE = "evaluate"
# How long a run of which the server knows nothing may still be on its way there.
_ON_ITS_WAY_S = 60.0


class Look:
    """Brings a run's folder up to date; one session at a time does.

    Args:
        server: Where the run is.
        folder: Its folder here.
    """

    def __init__(self, server: Server, folder: RunFolder) -> None:
        self._server, self._folder = server, folder

    def bring_up_to_date(self) -> None:
        """Journal what has happened since the last look.

        Raises:
            BackendError: The server gives no answer, or refuses.
        """
        run, request = self._folder.load(), self._folder.load_request()
        found = self._find(run, request)
        if found is None:
            return
        state = nodes.state(found)
        if run.state is RunState.PENDING and state is not RunState.PENDING:
            self._folder.append(RunStarted(pid=0))
        canceled = state is RunState.CANCELED
        Mirror(self._server, self._folder).update(found, request.stages, canceled=canceled)
        if state.terminal:
            self._finish(found, state)
        elif request.timeout_s and _age_s(found) > request.timeout_s:
            self._server.terminate(found["run_id"])
            self._overdue(request, found)

    def _find(self, run: Run, request: RunRequest) -> dict[str, Any] | None:
        if run.kfp_run_id is None:
            return self._find_by_name(request)
        try:
            return self._server.run(run.kfp_run_id)
        except RefusedError as error:
            if error.status != 404:
                raise
        end_tracking(self._folder, RunState.LOST)
        self._end(RunState.LOST, "RunDeleted", "somebody has deleted the run on the server")
        return None

    def _find_by_name(self, request: RunRequest) -> dict[str, Any] | None:
        found = self._server.find_run(request.id)
        if found is not None:
            page = self._server.page(found["run_id"])
            self._folder.append(RunSubmitted(kfp_run_id=found["run_id"], kfp_url=page))
            return self._server.run(found["run_id"])
        age = datetime.now(timezone.utc) - datetime.fromisoformat(request.created_at)
        if age.total_seconds() > _ON_ITS_WAY_S:
            message = "the run never reached the server: its submission was interrupted"
            self._end(RunState.FAILED, "NeverSubmitted", message)
        return None

    def _end(self, state: RunState, kind: str, message: str) -> None:
        error = Failure(type=kind, message=message, hint="train again")
        self._folder.append(RunFinished(state=state, error=error))

    def _finish(self, found: dict[str, Any], state: RunState) -> None:
        run = self._folder.load()
        lost = run.mlflow_run_id is None and run.pipeline not in _UNTRACKED
        if state is RunState.SUCCEEDED and (lost or self._unreported(run)):
            uri = self._folder.load_request().arguments["tracking_uri"]
            for event in recall(uri, run.id, run.mlflow_run_id or ""):
                take(self._folder, event)
        if state is not RunState.SUCCEEDED:
            end_tracking(self._folder, state)
        error = run.error
        if state is RunState.FAILED and error is None:
            message = (found.get("error") or {}).get("message") or "it says nothing more"
            error = Failure(
                type="RunFailed",
                message=f"the server says that the run failed: {message}",
                hint=f"see the logs: jupyter mlops logs {run.id}",
            )
        self._folder.append(RunFinished(state=state, seconds=_age_s(found), error=error))

    def _unreported(self, run: Run) -> bool:
        """Whether there is a report of an evaluation that has not come here with the pod's log."""
        evaluated = any(
            s.name == _EVALUATE and (s.state is StageState.SUCCEEDED or s.note == CACHED)
            for s in run.stages
        )
        return evaluated and not self._folder.report.is_file()

    def _overdue(self, request: RunRequest, found: dict[str, Any]) -> None:
        stages = self._folder.load().stages
        stage = next((s.name for s in stages if s.state is StageState.RUNNING), None)
        error = Failure(
            type="RunTimeout",
            message=f"the run took longer than {request.timeout_s} s",
            hint="make it faster, or raise run.timeout_s in mlops.toml",
            stage=stage,
            log=str(self._folder.log(stage or "driver")),
        )
        end_tracking(self._folder, RunState.FAILED)
        if stage is not None:
            failed = StageFinished(stage=stage, state=StageState.FAILED, error=error)
            self._folder.append(failed)
        end = RunFinished(state=RunState.FAILED, seconds=_age_s(found), error=error)
        self._folder.append(end)


def _age_s(found: dict[str, Any]) -> float:
    """Return how long a run has taken, to now where it has not ended."""
    start, end = found.get("created_at"), found.get("finished_at")
    began = seconds(start) if start else time.time()
    ended = seconds(end) if end and not end.startswith("0001") else time.time()
    # A retry's end may not have been written yet.
    return max(0.0, (ended if ended >= began else time.time()) - began)


def seconds(text: str) -> float:
    """Return a time of the server's, in seconds since the epoch."""
    # Go writes as many digits as there are, and Z.
    whole, _, rest = text.removesuffix("Z").partition(".")
    parsed = datetime.fromisoformat(f"{whole}+00:00")
    return parsed.timestamp() + float(f"0.{rest or 0}")
