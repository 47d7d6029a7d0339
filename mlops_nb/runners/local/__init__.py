"""Runs on this machine: a driver process per run, with a folder of its own.

The driver holds a lock on a file of the run's folder for as long as it lives. The system lets go
of the lock at any death, so a run without its own end whose lock is free has lost its driver,
whatever became of the process id.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import crash, locks, processes
from mlops_nb.exceptions import RunError
from mlops_nb.journal import (
    RUN_ID,
    RUNS,
    RunFinished,
    RunFolder,
    RunQueued,
    fold,
    new_run,
)
from mlops_nb.runners.ending import end_tracking
from mlops_nb.runners.local import queue
from mlops_nb.runners.records import Records, must_be_resumable, must_be_whole
from mlops_nb.types import Failure, Run, RunRequest, RunState, StageState

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator

    from mlops_nb.settings import Config
    from mlops_nb.types import Point

NAME = "local"
DRIVER = "mlops_nb.runners.local.driver"
CANCEL_TIMEOUT_S = 15
LOCK_TIMEOUT_S = 1


class LocalRunner:
    """Runs pipelines as processes on this machine.

    Args:
        config: The project's settings.
    """

    def __init__(self, config: Config) -> None:
        self.records = Records(config.state_folder / RUNS)
        self.queue = str(config.state_folder / "queue")
        self.places = config.run_parallel or os.cpu_count() or 1

    def submit(self, request: RunRequest) -> Run:
        """Put the run into the queue."""
        folder = self.records.new(request)
        self._start(folder)
        return self.get(request.id)

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, newest first."""
        return self.records.of(NAME)

    def list(self) -> tuple[Run, ...]:
        """Return all runs, newest first."""
        return tuple(self.get(run_id) for run_id in self.ids())

    def get(self, run_id: str) -> Run:
        """Return a run; one whose driver is gone without a word is LOST, and is recorded so."""
        folder = self.records.folder(run_id)
        run = folder.load()
        if run.state.terminal:
            return run
        return self._in_line(run) if locks.is_held(folder.lock) else self._reconcile(folder)

    def _in_line(self, run: Run) -> Run:
        """Return a run with its place in the queue, where it waits in it."""
        line = queue.waiting(self.queue) if run.state is RunState.PENDING else []
        return structs.replace(run, ahead=line.index(run.id) if run.id in line else None)

    def request(self, run_id: str) -> RunRequest:
        """Return what a run was asked for."""
        return self.records.folder(run_id).load_request()

    def watch(
        self, run_id: str, *, interval_s: float = 0.2, ticking: bool = False
    ) -> Iterator[Run]:
        """Yield the run now, and whenever its journal has grown, to its end."""
        folder = self.records.folder(run_id)
        run, offset = new_run(folder.load_request()), 0
        while True:
            held = locks.is_held(folder.lock)
            events, offset = folder.read(offset)
            before, run = run, self._in_line(fold(run, events))
            if events or run.ahead != before.ahead:
                yield folder.with_files(run)
            elif run.state.terminal:
                return
            elif not held:
                # Events that came between the look at the lock and the read are in this one.
                self._reconcile(folder)
            else:
                if ticking:
                    yield folder.with_files(run)
                time.sleep(interval_s)

    def points(self, run_id: str, offset: int = 0) -> tuple[builtins.list[Point], int]:
        """Return the metric points after a byte offset, and the offset to go on from."""
        return self.records.points(run_id, offset)

    def logs(self, run_id: str, stage: str | None = None, *, last_bytes: int | None = None) -> str:
        """Return the log of a stage, or of all stages and then the driver's."""
        return self.records.logs(run_id, stage, last_bytes=last_bytes)

    def cancel(self, run_id: str) -> Run:
        """Ask the driver to end the run; end it ourselves where the driver does not answer."""
        must_be_whole(run_id)
        folder = self.records.folder(run_id)
        run = self.get(run_id)
        if run.state.terminal:
            return run
        pid = _driver_pid(folder)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + CANCEL_TIMEOUT_S
        while locks.is_held(folder.lock) and time.monotonic() < deadline:
            time.sleep(0.05)
        run = folder.load()
        if not run.state.terminal:
            processes.end(run_id, grace_s=0)
            end_tracking(folder, RunState.CANCELED)
            folder.append(RunFinished(state=RunState.CANCELED))
        return folder.load()

    def delete(self, run_id: str) -> None:
        """Delete an ended run's folder, and mark its MLflow run as deleted."""
        self.records.delete(self.get(run_id))

    def resume(self, run_id: str) -> Run:
        """Start the driver again; the engine's cache has the stages that succeeded."""
        must_be_whole(run_id)
        must_be_resumable(self.get(run_id))
        self._start(self.records.folder(run_id))
        return self.get(run_id)

    def _start(self, folder: RunFolder) -> None:
        """Start a process that already holds the run's lock when this returns.

        It waits in the queue, and becomes the driver when the run has a place.
        """
        descriptor = _take(folder)
        try:
            folder.reserve()
            ticket, line = queue.draw_ticket(self.queue, folder.path.name)
            driver = [sys.executable, "-m", DRIVER, str(folder.path)]
            gate = [sys.executable, "-I", "-S", queue.__file__, self.queue, ticket, str(line)]
            try:
                with folder.log("driver").open("ab") as log:
                    process = subprocess.Popen(
                        [*gate, str(self.places), *driver],
                        cwd=folder.path,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=log,
                        start_new_session=True,
                        env={**os.environ, RUN_ID: folder.path.name},
                        pass_fds=(descriptor, line),
                    )
            finally:
                os.close(line)
            crash.point("driver started")
            folder.append(RunQueued(pid=process.pid))
        finally:
            os.close(descriptor)
        # The driver outlives this object on purpose: no wait, and no warning about it.
        process.returncode = 0

    def _reconcile(self, folder: RunFolder) -> Run:
        """Record the end of a run whose driver is gone, once, whoever finds it first."""
        with locks.held_if_free(folder.lock) as alone:
            run = folder.load()
            if run.state.terminal or not alone:
                return run
            processes.end(folder.run_id, grace_s=1)
            running = [s.name for s in run.stages if s.state is StageState.RUNNING]
            error = Failure(
                type="DriverLost",
                message="the run's driver process is gone; it was killed, or the machine stopped",
                hint=f"go on from the last stage that succeeded: "
                f"jupyter mlops resume {folder.run_id.partition('/')[0]}",
                stage=running[0] if running else None,
                log=str(folder.log("driver")),
            )
            end_tracking(folder, RunState.LOST)
            folder.append(RunFinished(state=RunState.LOST, error=error))
            return folder.load()


def _take(folder: RunFolder) -> int:
    """Take the run's lock for a driver, past the moments in which others ask for it."""
    deadline = time.monotonic() + LOCK_TIMEOUT_S
    while (descriptor := locks.take(folder.lock)) is None:
        if time.monotonic() > deadline:
            raise RunError(
                f"run {folder.path.name} was just started by another session",
                hint=f"follow it: jupyter mlops watch {folder.path.name}",
            )
        time.sleep(0.01)
    return descriptor


def _driver_pid(folder: RunFolder) -> int | None:
    started = [event for event in folder.read()[0] if isinstance(event, RunQueued)]
    return started[-1].pid if started else None
