"""What runs inside one task, in a process or in a pod: one module per stage, one function each."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import journal, processes
from mlops_nb.exceptions import MlopsError, StageError
from mlops_nb.journal import RunFolder, StageFinished, StageStarted, emit
from mlops_nb.types import Failure, StageState

if TYPE_CHECKING:
    from collections.abc import Mapping

DRIVER_PID = "MLOPS_DRIVER_PID"
STAGE_HOST = "MLOPS_STAGE_HOST"
# What a hint of a pod says, which does not know the run's id; who mirrors it does.
SOME_RUN = "ID"
Outputs = dict[str, str]


class Skipped(Exception):  # noqa: N818  (it is no error)
    """There is nothing for a stage to do.

    Args:
        reason: Why, for the user.
        outputs: What the stage gives to later ones all the same.
    """

    def __init__(self, reason: str, **outputs: str) -> None:
        super().__init__(reason)
        self.reason, self.outputs = reason, outputs


class StoppedError(StageError):
    """A stage did not come to its end because somebody asked it to stop."""


class FailedElsewhereError(Exception):
    """A stage failed in another process, which has said why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"{failure.type}: {failure.message}")
        self.failure = failure


def execute(stage: str, **inputs: str) -> Outputs:
    """Run a stage: the entry of every pipeline component.

    Args:
        stage: Name of the stage.
        inputs: Its parameters, and the paths of its artifacts.

    Returns:
        The stage's output parameters.
    """
    if STAGE_HOST in os.environ:
        from mlops_nb.stages import host

        if stage in host.STAGES:
            return host.call(stage, inputs)
    return perform(stage, inputs)


def perform(stage: str, inputs: Mapping[str, str]) -> Outputs:
    """Run a stage in this process, and journal how it went."""
    _log_to_file(stage)
    _end_with_driver()
    module = load(stage)
    start = time.monotonic()
    emit(StageStarted(stage=stage))
    try:
        _skip_if_done(stage, module, inputs)
        outputs = _run(stage, module, inputs)
    except Skipped as skipped:
        emit(_finished(stage, StageState.SKIPPED, start, note=skipped.reason))
        return skipped.outputs
    except BaseException as error:
        stopped = isinstance(error, StoppedError)
        state = StageState.CANCELED if stopped else StageState.FAILED
        emit(_finished(stage, state, start, error=failure_of(stage, error)))
        raise
    emit(_finished(stage, StageState.SUCCEEDED, start))
    return outputs


def load(stage: str) -> Any:
    """Return the module of a stage."""
    return import_module(f"{__name__}.{stage.replace('-', '_')}")


def _run(stage: str, module: Any, inputs: Mapping[str, str]) -> Outputs:
    from mlops_nb.stages import reuse, volume

    if "snapshot" in inputs and volume.in_pod():
        from mlops_nb.stages import own_environment

        return own_environment.run(stage, inputs)
    outputs: Outputs = module.run(**inputs)
    if hasattr(module, "identity"):
        reuse.keep(stage, module, inputs, outputs)
    return outputs


def _skip_if_done(stage: str, module: Any, inputs: Mapping[str, str]) -> None:
    """Skip a stage that an earlier run has done with the same inputs."""
    from mlops_nb.stages import reuse

    done = reuse.find(stage, module, inputs) if hasattr(module, "identity") else None
    if done is not None:
        raise Skipped(f"unchanged since run {done.run_id}", **done.outputs)


def _finished(
    stage: str,
    state: StageState,
    start: float,
    *,
    note: str | None = None,
    error: Failure | None = None,
) -> StageFinished:
    return StageFinished(
        stage=stage,
        state=state,
        seconds=time.monotonic() - start,
        note=note,
        error=error,
        peak_memory_bytes=processes.peak_memory_bytes(),
    )


def failure_of(stage: str, error: BaseException) -> Failure:
    """Return how a stage failed, for the record."""
    if isinstance(error, FailedElsewhereError):
        return error.failure
    folder = os.environ.get(journal.RUN_FOLDER)
    log = str(RunFolder(Path(folder)).log(stage)) if folder else None
    if isinstance(error, MlopsError):
        cause, cell = (error.cause, error.cell) if isinstance(error, StageError) else (None, None)
        return Failure(
            type=cause or type(error).__name__,
            message=error.message,
            hint=error.hint,
            stage=stage,
            cell=cell,
            log=log,
        )
    hint = f"see the log of the stage: {_command('logs')} --stage {stage}"
    if isinstance(error, OSError) and error.errno == errno.ENOSPC:
        hint = f"make room on the disk, then: {_command('resume')}"
    return Failure(
        type=type(error).__name__,
        message=str(error) or type(error).__name__,
        hint=hint,
        stage=stage,
        log=log,
    )


def _command(verb: str) -> str:
    folder = os.environ.get(journal.RUN_FOLDER)
    known = RunFolder(Path(folder)).run_id if folder else os.environ.get(journal.RUN_ID, SOME_RUN)
    return f"jupyter mlops {verb} {known}"


def _log_to_file(stage: str) -> None:
    """Send all that this process and its children print to the stage's own log.

    The engine reads a task's output as UTF-8 and dies of anything else.
    """
    folder = os.environ.get(journal.RUN_FOLDER)
    if folder is None:
        return
    log = os.open(RunFolder(Path(folder)).log(stage), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(log, 1)
    os.dup2(log, 2)
    os.close(log)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(message)s", force=True)


def _end_with_driver() -> None:
    """End this stage and all that it started when the driver is gone: nobody would hear of it."""
    pid = os.environ.get(DRIVER_PID)
    if pid is None:
        return

    def watch(driver: int) -> None:
        while processes.is_alive(driver):
            time.sleep(1)
        processes.end(os.environ[journal.RUN_ID])
        os._exit(1)

    threading.Thread(target=watch, args=(int(pid),), daemon=True, name="driver-watch").start()
