"""The time that a run and its stages may take."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

from mlops_nb.types import Failure, StageState

if TYPE_CHECKING:
    from mlops_nb.journal import RunFolder
    from mlops_nb.types import RunRequest, Stage

_POLL_S = 0.5


class Deadline(threading.Thread):
    """Sends this process SIGALRM when its run is overdue; `failure` then says what took too long.

    Args:
        folder: The run.
    """

    def __init__(self, folder: RunFolder) -> None:
        super().__init__(daemon=True, name="deadline")
        self.folder = folder
        self.failure: Failure | None = None
        # When this thread first saw the stage that runs: the clock of the journal may be set.
        self._seen: tuple[str, float | None] | None = None
        self._seen_at = 0.0

    def run(self) -> None:
        """Look at the clock until the run is overdue."""
        request, start = self.folder.load_request(), time.monotonic()
        while request.timeout_s or request.stage_timeout_s:
            took_s = time.monotonic() - start
            self.failure = self._of_run(request, took_s) or self._of_stage(request)
            if self.failure is not None:
                os.kill(os.getpid(), signal.SIGALRM)
                return
            time.sleep(_POLL_S)

    def _of_run(self, request: RunRequest, took_s: float) -> Failure | None:
        if not request.timeout_s or took_s <= request.timeout_s:
            return None
        stage = self._running()
        name = stage.name if stage else None
        return self._failure("RunTimeout", "the run", request.timeout_s, "run.timeout_s", name)

    def _of_stage(self, request: RunRequest) -> Failure | None:
        limit_s, stage = request.stage_timeout_s, self._running()
        if not limit_s or stage is None:
            return None
        if self._seen != (stage.name, stage.started_at):
            self._seen, self._seen_at = (stage.name, stage.started_at), time.monotonic()
        if time.monotonic() - self._seen_at <= limit_s:
            return None
        what = f"stage {stage.name}"
        return self._failure("StageTimeout", what, limit_s, "run.stage_timeout_s", stage.name)

    def _running(self) -> Stage | None:
        stages = self.folder.load().stages
        return next((stage for stage in stages if stage.state is StageState.RUNNING), None)

    def _failure(
        self, kind: str, what: str, limit_s: int, setting: str, stage: str | None
    ) -> Failure:
        return Failure(
            type=kind,
            message=f"{what} took longer than {limit_s} s",
            hint=f"make it faster, or raise {setting} in mlops.toml",
            stage=stage,
            log=str(self.folder.log(stage or "driver")),
        )
