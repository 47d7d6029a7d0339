"""The process that runs one pipeline with KFP's local engine, to its end.

    python -m mlops_nb.runners.local.driver RUN_FOLDER

It is a process of its own because the engine's configuration is global, its call blocks, and it
leaves `print` and `logging` patched.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import sys
import time
import types
from pathlib import Path
from typing import NoReturn

from mlops_nb import environments, journal, processes
from mlops_nb.exceptions import MlopsError
from mlops_nb.journal import (
    Preparing,
    RunFinished,
    RunFolder,
    RunStarted,
    StageFinished,
    StageKilled,
)
from mlops_nb.pipelines import PIPELINES
from mlops_nb.runners.ending import end_tracking
from mlops_nb.runners.local import DRIVER
from mlops_nb.runners.local.deadline import Deadline
from mlops_nb.stages import DRIVER_PID, STAGE_HOST, host, reuse
from mlops_nb.types import Failure, RunState, Stage, StageState

_OF_AN_ENVIRONMENT = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX")


class _Canceled(BaseException):
    """Somebody asked this driver to end the run."""


class _Overdue(BaseException):
    """The run, or a stage of it, took longer than it may."""


def main(path: str) -> int:
    """Run the pipeline of a run folder.

    Returns:
        The exit code: 0 succeeded, 1 failed, 130 canceled.
    """
    folder = RunFolder(Path(path))
    start = time.monotonic()
    signal.signal(signal.SIGTERM, _cancel)
    signal.signal(signal.SIGINT, _cancel)
    deadline = Deadline(folder)
    signal.signal(signal.SIGALRM, _overdue)
    try:
        _enter_environment(folder)
        deadline.start()
        _prepare(folder, cache=folder.load_request().cache)
        if host.AVAILABLE:
            os.environ[STAGE_HOST] = "1"
            host.start(os.environ, folder.log("host"))
        _run(folder)
    except _Canceled:
        return _end(folder, RunState.CANCELED, start)
    except _Overdue:
        return _end(folder, RunState.FAILED, start, deadline.failure)
    except Exception as error:
        return _end(folder, RunState.FAILED, start, _failure(folder, error))
    shutil.rmtree(folder.work, ignore_errors=True)
    return _end(folder, RunState.SUCCEEDED, start)


def _cancel(*_: object) -> NoReturn:
    _end_processes()
    raise _Canceled


def _overdue(*_: object) -> NoReturn:
    _end_processes()
    raise _Overdue


def _end_processes() -> None:
    """End the run's processes; no further signal is in the way of its end.

    First of all: on its way out of the engine an exception waits for the task that runs.
    """
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
        signal.signal(number, signal.SIG_IGN)
    processes.end(os.environ[journal.RUN_ID])


def _enter_environment(folder: RunFolder) -> None:
    """Begin, and go on as the interpreter of the rebuilt environment where the run wants one.

    The process stays the same, with its id and the run's lock.
    """
    request = folder.load_request()
    place = folder.path.parent.parent / environments.FOLDER
    if Path(sys.prefix).is_relative_to(place):
        return
    folder.append(RunStarted(pid=os.getpid()))
    if not request.rebuild:
        return
    packages = len(request.snapshot.environment.lock)
    folder.append(Preparing(what=f"building an environment of {packages} packages from the lock"))
    python = str(environments.ready(request.snapshot.environment, place))
    own = {name: value for name, value in os.environ.items() if name not in _OF_AN_ENVIRONMENT}
    os.execve(python, [python, "-m", DRIVER, str(folder.path)], own)  # noqa: S606


def _prepare(folder: RunFolder, *, cache: bool) -> None:
    """Set the environment that all processes of the run share."""
    scratch = folder.work / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    python = folder.work / "bin" / "python3"
    python.parent.mkdir(exist_ok=True)
    # The engine rewrites the text "python3" to the interpreter's path wherever it stands, also
    # inside parameters. Named so, the interpreter is found by PATH and the rewriting does nothing.
    python.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    python.chmod(0o700)
    os.environ["PATH"] = f"{python.parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    sys.executable = "python3"
    os.environ.update(
        {
            "TMPDIR": str(scratch),
            journal.RUN_ID: folder.path.name,
            journal.RUN_FOLDER: str(folder.path),
            DRIVER_PID: str(os.getpid()),
            reuse.FOLDER: str(folder.path.parent.parent / "cache") if cache else "",
        }
    )


def _run(folder: RunFolder) -> None:
    request = folder.load_request()
    # The client talks to servers, which this process never does, and is most of the import.
    sys.modules["kfp.client"] = types.ModuleType("kfp.client")
    sys.modules["kfp.client"].Client = None  # type: ignore[attr-defined]
    from kfp import components, local

    local.init(
        runner=local.SubprocessRunner(use_venv=False),
        pipeline_root=str(folder.work / "pipeline"),
        workspace_root=str(folder.work / "scratch"),
        enable_caching=True,
        cache_root=str(folder.work / "cache"),
    )
    pipeline = components.load_component_from_file(str(PIPELINES[request.pipeline].compiled))
    pipeline(**request.arguments)


def _failure(folder: RunFolder, error: Exception) -> Failure:
    log = str(folder.log("driver"))
    if isinstance(error, MlopsError):
        return Failure(type=type(error).__name__, message=error.message, hint=error.hint, log=log)
    return Failure(
        type=type(error).__name__,
        message=f"the engine failed: {error}",
        hint=f"see the driver's log: jupyter mlops logs {folder.path.name} --stage driver",
        log=log,
    )


def _end(folder: RunFolder, state: RunState, start: float, failure: Failure | None = None) -> int:
    """Leave nothing behind but the record."""
    processes.end(folder.path.name)
    _end_killed_stage(folder, state, failure)
    known = folder.load().error
    end = RunFinished(state=state, seconds=time.monotonic() - start, error=known or failure)
    folder.append(end)
    return {RunState.SUCCEEDED: 0, RunState.FAILED: 1, RunState.CANCELED: 130}[state]


def _end_killed_stage(folder: RunFolder, state: RunState, failure: Failure | None) -> None:
    """Say for a stage that could not say it itself that it has ended, here and in MLflow."""
    run = folder.load()
    for stage in run.stages:
        if stage.state is not StageState.RUNNING:
            continue
        # First: who finds this process dead looks for a stage that runs.
        end_tracking(folder, state, python="python3")
        if state is RunState.FAILED:
            killed = _killed(folder, stage.name)
            folder.append(
                StageFinished(
                    stage=stage.name,
                    state=StageState.FAILED,
                    error=failure
                    if failure and failure.stage
                    else _of_killed(folder, stage, killed),
                    peak_memory_bytes=killed.peak_memory_bytes if killed else None,
                )
            )


def _killed(folder: RunFolder, stage: str) -> StageKilled | None:
    events = folder.read()[0]
    found = [e for e in events if isinstance(e, StageKilled) and e.stage == stage]
    return found[-1] if found else None


def _of_killed(folder: RunFolder, stage: Stage, killed: StageKilled | None) -> Failure:
    how = ""
    if killed is not None:
        how = f" by {killed.signal}; it held {killed.peak_memory_bytes / 1e6:,.0f} MB at the most"
    return Failure(
        type="StageKilled",
        message=f"the process of stage {stage.name} was killed{how}",
        hint="often the machine was out of memory: take less data, or end other programs",
        stage=stage.name,
        log=str(folder.log(stage.name)),
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
