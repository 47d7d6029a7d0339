"""One revision: its process is started, watched, started again, and ended.

STARTING ── ready ──> READY ── ends, hangs, too much memory ──> STARTING (after a pause)
    └── has never been ready ──> FAILED <── for the fifth time in a row ──┘

An end that others have brought about, by a signal, does not count: it is no fault of the service.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import crash
from mlops_nb.deployment.local import launch, probe, tree
from mlops_nb.deployment.local.records import SeenRevision, tail
from mlops_nb.types import Failure, RevisionState

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

    from mlops_nb.deployment.local.launch import Form
    from mlops_nb.deployment.local.records import Place, WantedRevision

MOST_CRASHES = 5
# A revision that has been well for so long starts to count anew.
STEADY_S = 60.0
_PAUSES_S = (0.0, 0.5, 2.0, 5.0)
_LOOK_S = 0.05
_PROBE_S = 1.0
_PROBE_TIMEOUT_S = 5.0
_MISSED_PROBES = 3
_GRACE_S = 5.0
_TAIL_BYTES = 16_384
_TAIL_LINES = 20


class Ended(Exception):  # noqa: N818 - an event, and no error of ours
    """The process has ended, or was ended, by nobody's wish."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Keeper:
    """Keeps one revision up, or takes it down.

    Args:
        place: The deployment's folder.
        wanted: The revision.
        form: What it runs as.
        seen: What was so when the supervisor came; a process that still runs is taken over.
        is_routed: Whether the front may send it anything, or waits for an answer of it.
    """

    def __init__(
        self,
        place: Place,
        wanted: WantedRevision,
        form: Form,
        seen: SeenRevision | None,
        is_routed: Callable[[], bool],
    ) -> None:
        self.place = place
        self.wanted = wanted
        self.form = form
        self.is_routed = is_routed
        self.seen = seen or SeenRevision(number=wanted.number, attempt=wanted.attempt)
        self.process: subprocess.Popen[bytes] | None = None
        self.task: asyncio.Task[None] | None = None
        self.stopping = False
        self.limit_bytes = launch.memory_limit_bytes(wanted.descriptor)

    @property
    def is_running(self) -> bool:
        """Whether something is going on, be it the end."""
        return self.task is not None and not self.task.done()

    def want(self, wanted: WantedRevision, *, up: bool) -> None:
        """Start or stop the revision, as it is wanted."""
        self.wanted = wanted
        if up and not self.is_running and self._is_worth_it():
            self._start()
        elif up and not self.stopping and self.seen.attempt != wanted.attempt:
            # It runs, which is all that was asked for.
            self._say(attempt=wanted.attempt)
        elif not up and not self.stopping and (self.is_running or self.seen.pid):
            self._stop()
        elif not up and not self.is_running and self.seen.state is not RevisionState.FAILED:
            self._say(state=RevisionState.STOPPED)

    def check(self) -> None:
        """Raise what has gone wrong in here, which is nothing that was planned for."""
        if self.task is not None and self.task.done() and not self.task.cancelled():
            self.task.result()

    def _is_worth_it(self) -> bool:
        failed = self.seen.state is RevisionState.FAILED
        return not failed or self.seen.attempt != self.wanted.attempt

    def _start(self) -> None:
        if self.seen.attempt != self.wanted.attempt:
            self._say(attempt=self.wanted.attempt, crashes=0, error=None)
        self.stopping = False
        self.task = asyncio.create_task(self._keep())

    def _stop(self) -> None:
        self.stopping = True
        if self.seen.state is not RevisionState.FAILED:
            self._say(state=RevisionState.STOPPED)
        if self.task is not None:
            self.task.cancel()
        self.task = asyncio.create_task(self._end())

    def _say(self, **changes: object) -> None:
        self.seen = structs.replace(self.seen, **changes)

    async def _keep(self) -> None:
        while True:
            try:
                await self._serve()
            except Ended as ended:
                await asyncio.to_thread(self.form.kill)
                if not self._goes_on(ended):
                    return
            await asyncio.sleep(self._pause_s())

    async def _serve(self) -> None:
        """Have a process serve, until it does not any more."""
        if not self._lives():
            await self._launch()
        if self.seen.state is not RevisionState.READY:
            await self._become_ready()
        await self._watch()

    async def _launch(self) -> None:
        self._say(state=RevisionState.STARTING, pid=None)
        # A supervisor that was killed may have left a process that it had not written down.
        await asyncio.to_thread(self.form.kill)
        try:
            self.process, port = self.form.start(self.wanted)
        except OSError as error:
            raise Ended("ServiceFailed", f"it cannot be started: {error}") from error
        crash.point("revision started")
        pid = self.process.pid
        self._say(pid=pid, started=tree.started(pid), engine=self.wanted.engine, port=port)

    async def _become_ready(self) -> None:
        start_s = self.wanted.descriptor.service.start_s
        deadline = time.monotonic() + start_s
        while True:
            ready = await self._answers("/v2/health/ready")
            self._must_live()
            # Also what is ready: its model may have come in between two looks.
            await self._must_fit()
            if ready:
                break
            if time.monotonic() > deadline:
                raise Ended("StartTimeout", f"it was not ready after {start_s:g} s")
            await asyncio.sleep(_LOOK_S)
        self._say(state=RevisionState.READY, proven=True, error=None)

    async def _watch(self) -> None:
        missed, since, asked = 0, time.monotonic(), time.monotonic()
        while True:
            self._must_live()
            now = time.monotonic()
            if self.seen.crashes and now - since > STEADY_S:
                self._say(crashes=0)
            if now - asked > _PROBE_S:
                await self._must_fit()
                missed = 0 if await self._answers("/v2/health/live") else missed + 1
                asked = time.monotonic()
            if missed >= _MISSED_PROBES:
                self._must_live()
                raise Ended("ServiceHangs", f"it did not answer {missed} probes in a row")
            await asyncio.sleep(_LOOK_S)

    async def _answers(self, path: str) -> bool:
        """Ask, and look meanwhile whether there is anybody to answer."""
        token = self.place.token.read_text()
        asking = asyncio.create_task(
            probe.answers(self.seen.port, path, token, timeout_s=_PROBE_TIMEOUT_S)
        )
        try:
            while not asking.done():
                await asyncio.wait([asking], timeout=_LOOK_S)
                self._must_live()
            return asking.result()
        finally:
            asking.cancel()

    def _must_live(self) -> None:
        if self.process is not None and self.process.pid == self.seen.pid:
            code = self.process.poll()
            if code is not None:
                raise Ended(*self.form.end(code))
        elif not self._lives():
            # Of a process that was taken over nobody learns the exit code. The next one is our own.
            raise Ended(launch.KILLED, "it ended")

    async def _must_fit(self) -> None:
        if self.seen.pid is None:
            return
        held = await asyncio.to_thread(self.form.held_bytes, self.seen.pid, self.limit_bytes)
        if held > self.limit_bytes:
            memory = self.wanted.descriptor.resources.memory
            message = (
                f"it is out of memory: it held {held >> 20} MiB, and resources.memory is {memory}"
            )
            raise Ended("OutOfMemory", message)

    def _goes_on(self, ended: Ended) -> bool:
        crashes = self.seen.crashes + (ended.kind != launch.KILLED)
        again = self.seen.proven and crashes < MOST_CRASHES
        state = RevisionState.STARTING if again else RevisionState.FAILED
        self._say(pid=None, crashes=crashes, state=state, error=self._failure(ended, crashes))
        if again:
            self._say(restarts=self.seen.restarts + 1)
        return again

    def _failure(self, ended: Ended, crashes: int) -> Failure:
        path = self.place.log(self.wanted.number)
        lines = tail(path, _TAIL_BYTES).splitlines()[-_TAIL_LINES:]
        often = f" ({crashes} times in a row)" if crashes > 1 else ""
        message = "\n".join([f"revision {self.wanted.number}: {ended.message}{often}", *lines])
        hint = "raise resources.memory" if ended.kind == "OutOfMemory" else f"read {path}"
        return Failure(type=ended.kind, message=message, hint=hint, log=str(path))

    def _pause_s(self) -> float:
        return _PAUSES_S[min(self.seen.crashes, len(_PAUSES_S)) - 1] if self.seen.crashes else 0.0

    async def _end(self) -> None:
        """Let it answer what it has, ask it to end, and then end whatever is left."""
        drain_s = self.wanted.descriptor.service.drain_s
        deadline = time.monotonic() + drain_s
        while self.is_routed() and time.monotonic() < deadline and self._lives():
            await asyncio.sleep(_LOOK_S)
        if self._lives():
            self._signal()
        deadline = time.monotonic() + drain_s + _GRACE_S
        while self._lives() and time.monotonic() < deadline:
            await asyncio.sleep(_LOOK_S)
        await asyncio.to_thread(self.form.kill)
        crash.point("revision ended")
        if self.process is not None:
            self.process.poll()
        self._say(pid=None)
        self.stopping = False

    def _lives(self) -> bool:
        if self.process is not None and self.process.pid == self.seen.pid:
            return self.process.poll() is None
        return tree.is_same(self.seen.pid, self.seen.started, self.form.mark)

    def _signal(self) -> None:
        if self.seen.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.seen.pid, signal.SIGTERM)
