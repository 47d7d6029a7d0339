"""Fires schedules: claims what is due, and sees to it that each open firing has a process.

Any number of processes may run one for a project. The one that holds the lease fires; another takes
over as soon as the system has let go of the lease, at whatever death. It keeps nothing in memory
that matters: what is due follows from the clock and the store, and a firing that has lost its
process gets another one, which goes on where that was.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import crash, lease
from mlops_nb.exceptions import UsageError
from mlops_nb.journal import RUN_FOLDER, RUN_ID
from mlops_nb.scheduling import missed, notices, timing
from mlops_nb.scheduling.store import Store, StoreError, new_firing
from mlops_nb.settings import Config
from mlops_nb.types import Failure, Firing, FiringState, Schedule

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FIRING = ("-m", "mlops_nb.scheduling.firing")
IF_CHANGED = "--if-changed"
_LONGEST_WAIT_S = 1.0
_SHORTEST_WAIT_S = 0.02
_MOST_CRASHES = 5


@dataclass
class _Child:
    """The process of a firing, as far as this scheduler has started it."""

    process: subprocess.Popen[bytes] | None = None
    crashes: int = 0
    not_before: float = 0.0


@dataclass
class _Memory:
    """What only saves work: a scheduler that starts anew does without."""

    now: datetime | None = None
    stands_by: bool = False
    next_due: dict[str, tuple[Schedule, datetime | None]] = field(default_factory=dict)
    children: dict[str, _Child] = field(default_factory=dict)
    looked: dict[str, float] = field(default_factory=dict)


class Scheduler:
    """Fires the schedules of a project, in a thread or in the foreground.

    Args:
        project: A folder of the project.
        firing: Arguments of the interpreter that are the process of a firing.
        clock: Tells the time, in seconds since the epoch.
        say: Is told what is fired, a line each.
    """

    def __init__(
        self,
        project: Path | str | None = None,
        *,
        firing: Sequence[str] = FIRING,
        clock: Callable[[], float] = time.time,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self._config = Config.load(project)
        self._store = Store(self._config)
        self._firing, self._clock, self._say = tuple(firing), clock, say
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._lease: int | None = None
        self._memory = _Memory()

    @property
    def fires(self) -> bool:
        """Whether this is the one of all schedulers of the project that fires."""
        return self._lease is not None

    def start(self) -> None:
        """Run in a thread, which does not keep the process alive."""
        self._thread = threading.Thread(target=self.run, name="mlops-scheduler", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; firings that have begun go on, in processes of their own."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def run(self) -> None:
        """Fire until `stop` is called."""
        try:
            while not self._stop.is_set():
                self._stop.wait(self._once())
        finally:
            self._let_go()

    def tick(self) -> float:
        """Claim what is due, and start what is open; return the seconds to the next look."""
        if not self._store.exists:
            return _LONGEST_WAIT_S
        now = datetime.fromtimestamp(self._clock(), timezone.utc)
        if self._memory.now is not None and now < self._memory.now:
            # The clock was set back.
            self._memory.next_due.clear()
        self._memory.now = now
        ours = (one for one in self._store.all() if one.fired_by == "scheduler")
        schedules = {schedule.id: schedule for schedule in ours}
        going_on = self._store.open()
        waits = [self._decide(s, now, going_on) for s in schedules.values() if not s.paused]
        self._work(schedules, now)
        return max(_SHORTEST_WAIT_S, min([_LONGEST_WAIT_S, *waits]))

    def _once(self) -> float:
        if self._lease is not None and lease.is_lost(self._store.lease, self._lease):
            # Somebody has removed the folder, and another scheduler may hold a new one.
            os.close(self._lease)
            self._lease = None
        if not self.fires:
            self._lease = self._take()
            if not self.fires:
                self._stand_by()
                return _LONGEST_WAIT_S
            self._say(f"process {os.getpid()} fires the schedules of {self._config.root}")
        try:
            return self.tick()
        except (StoreError, OSError) as error:
            # A full disk or a store that another has locked: what is due stays due.
            self._say(f"cannot fire: {error}; trying again")
            return _LONGEST_WAIT_S

    def _stand_by(self) -> None:
        """Say once who fires instead."""
        holder = lease.holder(self._store.lease)
        if holder is not None and not self._memory.stands_by:
            self._memory.stands_by = True
            self._say(f"process {holder.pid} fires already; this one takes over when it ends")

    def _take(self) -> int | None:
        if not self._store.exists:
            return None
        return lease.take(self._store.lease)

    def _let_go(self) -> None:
        for child in self._memory.children.values():
            if child.process is not None:
                # It outlives this object on purpose: no wait, and no warning about it.
                child.process.returncode = 0
        if self._lease is not None:
            os.close(self._lease)
            self._lease = None

    def _decide(self, schedule: Schedule, now: datetime, going_on: Sequence[Firing]) -> float:
        """Claim what has become due of a schedule, and return the seconds to its next firing."""
        try:
            due = self._next(schedule, now)
            if due is None:
                return _LONGEST_WAIT_S
            if due > now:
                return (due - now).total_seconds()
            since = self._store.decided(schedule)
            own = [firing for firing in going_on if firing.schedule_id == schedule.id]
            firings = missed.decide(schedule, since, now, own)
            self._store.claim(schedule, firings, now)
            crash.point("firing claimed")
            for firing in firings:
                self._say(_line(schedule, firing))
        except UsageError as error:
            self._trouble(schedule, error)
        self._memory.next_due.pop(schedule.id, None)
        return _SHORTEST_WAIT_S

    def _next(self, schedule: Schedule, now: datetime) -> datetime | None:
        """Return when a schedule is due after all that was decided, None for never."""
        known, due = self._memory.next_due.get(schedule.id, (None, None))
        if known != schedule:
            since = self._store.decided(schedule)
            if since > now:
                # Decided by a clock that was ahead. What was fired then has its row, and stays one.
                since = now
                self._store.claim(schedule, (), now)
            due = next(timing.dues(schedule, since), None)
            self._memory.next_due[schedule.id] = (schedule, due)
        return due

    def _trouble(self, schedule: Schedule, error: UsageError) -> None:
        """Pause a schedule that cannot be fired, and say why; the others go on."""
        self._say(f"{schedule.name} is paused: {error.message}")
        self._store.change(structs.replace(schedule, paused=True, trouble=error.message))

    def _work(self, schedules: dict[str, Schedule], now: datetime) -> None:
        going_on = self._store.open()
        self._reap({firing.run_id: firing for firing in going_on}, schedules)
        alive = 0
        for firing in _turns(going_on, schedules):
            if lease.holder(self._store.lock(firing.run_id)) is not None:
                alive += 1
            elif alive < self._config.schedule_parallel:
                alive += 1
                self._start(schedules[firing.schedule_id], firing)
        self._look(schedules, {firing.schedule_id for firing in going_on}, now)

    def _reap(self, going_on: dict[str, Firing], schedules: dict[str, Schedule]) -> None:
        """Note the ends of processes; a firing whose process crashes again and again has failed."""
        for run_id, child in list(self._memory.children.items()):
            if child.process is None or child.process.poll() is None:
                continue
            code, child.process = child.process.returncode, None
            if run_id not in going_on:
                del self._memory.children[run_id]
            elif code:
                child.crashes += 1
                child.not_before = time.monotonic() + 2.0**child.crashes
                firing = going_on[run_id]
                if child.crashes >= _MOST_CRASHES and firing.schedule_id in schedules:
                    self._give_up(schedules[firing.schedule_id], firing, code)

    def _give_up(self, schedule: Schedule, firing: Firing, code: int) -> None:
        log = self._store.log(firing.run_id)
        error = Failure(
            type="FiringCrashed",
            message=f"the firing's process ended {_MOST_CRASHES} times, at last with code {code}",
            hint=f"see what it says: cat {log}",
            log=str(log),
        )
        self._fail(schedule, firing, error)

    def _start(self, schedule: Schedule, firing: Firing, *more: str) -> None:
        child = self._memory.children.setdefault(firing.run_id, _Child())
        if child.process is not None or time.monotonic() < child.not_before:
            return
        try:
            child.process = begin(self._config, schedule, firing, *more, command=self._firing)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            self._no_interpreter(schedule, firing, error)

    def _no_interpreter(self, schedule: Schedule, firing: Firing, error: OSError) -> None:
        failure = Failure(
            type="OSError",
            message=f"{schedule.python} cannot be started: {error.strerror}",
            hint="schedule it again from an environment that is there",
        )
        self._fail(schedule, firing, failure)

    def _fail(self, schedule: Schedule, firing: Firing, error: Failure) -> None:
        """Close a firing that has no process which could, and tell of it as one does."""
        failed = structs.replace(
            firing, state=FiringState.FAILED, error=error, ended_at=self._clock()
        )
        told = notices.tell(self._config, schedule, failed, None)
        self._store.save(structs.replace(failed, notices=told))

    def _look(self, schedules: dict[str, Schedule], busy: set[str], now: datetime) -> None:
        """Let schedules that wait for a change see whether there is one."""
        for schedule in schedules.values():
            waits = schedule.on_change and not schedule.paused
            if not waits or (schedule.id in busy and schedule.overlap != "parallel"):
                continue
            last = self._memory.looked.get(schedule.id)
            if last is not None and 0 <= now.timestamp() - last < self._config.schedule_poll_s:
                continue
            if schedule.until and now > datetime.fromisoformat(schedule.until):
                continue
            self._memory.looked[schedule.id] = now.timestamp()
            self._start(schedule, new_firing(schedule, timing.iso(now)), IF_CHANGED)


def begin(
    config: Config,
    schedule: Schedule,
    firing: Firing,
    *more: str,
    command: Sequence[str] = FIRING,
) -> subprocess.Popen[bytes]:
    """Start the process of a firing; where there is one already, the new one ends at once.

    Raises:
        OSError: The schedule's interpreter cannot be started.
    """
    with Store(config).log(firing.run_id).open("ab") as log:
        return subprocess.Popen(
            [schedule.python, *command, str(config.root), schedule.id, firing.due, *more],
            # Not the project's folder, whose modules would stand before the library's.
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            env={k: v for k, v in os.environ.items() if k not in (RUN_ID, RUN_FOLDER)},
        )


def _turns(going_on: Sequence[Firing], schedules: dict[str, Schedule]) -> list[Firing]:
    """Return the firings whose turn it is: of a schedule one after another, unless in parallel."""
    turns, seen = [], set()
    for firing in going_on:
        schedule = schedules.get(firing.schedule_id)
        if schedule is None:
            continue
        if schedule.overlap == "parallel" or firing.schedule_id not in seen:
            turns.append(firing)
        seen.add(firing.schedule_id)
    return turns


def _line(schedule: Schedule, firing: Firing) -> str:
    what = firing.reason or f"fires, run {firing.run_id}"
    return f"{firing.due} {schedule.name}: {what}"
