"""The process of one firing: it starts the run, follows it, tries again, and closes the firing.

It may be killed at any moment and started again, and goes on from what it finds: the run's id is
made of the firing's, so that a run which is there is followed, and one which is not is started. It
holds a lock for as long as it lives, so that no firing has two processes at work.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from msgspec import structs

from mlops_nb import backends, crash, lease, occasion
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import BackendError, MlopsError
from mlops_nb.scheduling import notices
from mlops_nb.scheduling.scheduler import IF_CHANGED
from mlops_nb.scheduling.starts import start_of
from mlops_nb.scheduling.store import Store, new_firing, run_id
from mlops_nb.settings import Config
from mlops_nb.types import Failure, Firing, FiringState, Run, RunState, Schedule, StageState

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.types import Snapshot

POLL_S = 1.0
_LONGEST_BACKOFF_S = 3600
_AWAY_S = 30.0
_CLOSES = {
    RunState.SUCCEEDED: FiringState.SUCCEEDED,
    RunState.CANCELED: FiringState.CANCELED,
}


class UnchangedError(MlopsError):
    """There is nothing new to run for."""


def unchanged(schedule: Schedule, pins: Snapshot, since: str) -> UnchangedError:
    """Return what says that the last firing that succeeded, due at `since`, had the same pins."""
    return UnchangedError(
        f"nothing has changed since the firing of {since}: code {pins.code.sha[:12]}, "
        "data, parameters and environment are the same",
        hint=f"run it all the same: jupyter mlops reschedule {schedule.name} --even-if-unchanged",
    )


class OverdueError(MlopsError):
    """The firing takes longer than its schedule allows."""


class Process:
    """Work on one firing.

    Args:
        config: The project's settings.
        schedule: The schedule.
        firing: The firing, as it was claimed.
        poll_s: Time between two looks at the run.
    """

    def __init__(
        self, config: Config, schedule: Schedule, firing: Firing, *, poll_s: float = POLL_S
    ) -> None:
        self.config, self.schedule, self.firing = config, schedule, firing
        self._poll_s = poll_s
        self._store = Store(config)
        self._runner = backends.Everywhere(config)
        self._start = start_of(schedule.pipeline)
        self._run: Run | None = None

    def work(self) -> Firing:
        """Go on until the firing is closed, and return it."""
        if self.firing.started_at is None:
            self._save(started_at=time.time())
        while not self.firing.state.closed:
            self._once()
        return self.firing

    def look(self) -> Firing | None:
        """Start the run of a change, if there is one; return the firing, None for no change."""
        try:
            self._begin(self._accept_change)
        except UnchangedError:
            return None
        except MlopsError as error:
            return self._cannot_look(error)
        return self.work()

    def _once(self) -> None:
        """Make one try, or go on with it."""
        try:
            self._wait()
            self._ended(self._followed() if self._is_there() else self._begun())
        except UnchangedError as error:
            self._close(FiringState.SKIPPED, reason=error.message)
        except OverdueError as error:
            self._end_run()
            self._close(FiringState.FAILED, error=_failure(error))
        except MlopsError as error:
            self._failed(_failure(error))

    def _cannot_look(self, error: MlopsError) -> Firing | None:
        """Record what is wrong as a firing that failed, once and not at every look."""
        if self._store.firing(self.schedule, self.firing.due) is not None:
            self._failed(_failure(error))
            return self.work()
        now = time.time()
        self.firing = structs.replace(self.firing, started_at=now)
        if self._store.claim_change(self.schedule, self.firing, f"error: {error.message}"):
            self._close(FiringState.FAILED, error=_failure(error))
            return self.firing
        return None

    def _wait(self) -> None:
        """Wait for the time of the next try."""
        while self.firing.next_try_at is not None and time.time() < self.firing.next_try_at:
            self._must_be_in_time()
            time.sleep(min(self._poll_s, max(0.0, self.firing.next_try_at - time.time())))
        self._must_be_in_time()

    def _is_there(self) -> bool:
        """Whether the run was started, by this process or by one before it."""
        if not self._runner.has(self.firing.run_id):
            return False
        run = self._runner.get(self.firing.run_id)
        if not self.firing.tries and _never_began(run):
            # The process before this one was killed in the middle of the submission.
            if run.error is not None and run.error.type == "NeverSubmitted":
                self._runner.delete(run.id)
                return False
            self._runner.resume(run.id)
            self._save(tries=1)
        elif self.firing.next_try_at is not None and run.state.terminal:
            self._runner.resume(run.id)
        self._save(state=FiringState.RUNNING, next_try_at=None)
        return True

    def _begun(self) -> Run:
        self._begin(self._accept)
        return self._followed()

    def _begin(self, accept: Callable[[Snapshot], None]) -> None:
        """Start the run, with the commit that the branch is at now, or was when this began."""
        Repository.find(self.config.root).forget(self.firing.run_id)
        pinned = occasion.Occasion(
            run_id=self.firing.run_id,
            commit=self._commit(),
            branch=self.schedule.branch,
            accept=accept,
        )
        with occasion.on(pinned):
            if self._start.call(**self.schedule.arguments, project=self.config.root) is None:
                raise UnchangedError("no data are new", hint="wait for some")
        crash.point("firing submitted")
        self._save(state=FiringState.RUNNING, tries=self.firing.tries + 1, next_try_at=None)

    def _commit(self) -> str | None:
        if self.schedule.frozen is not None or self.schedule.branch is None:
            return self.schedule.frozen
        if self.firing.code is None:
            # Kept before anything is started: another process for this firing takes the same.
            self._save(code=Repository.find(self.config.root).head_of(self.schedule.branch))
        return self.firing.code

    def _accept(self, pins: Snapshot) -> None:
        """Record what was pinned, before anything is submitted.

        Raises:
            UnchangedError: The last firing that succeeded had the same.
        """
        self._save(code=pins.code.sha, snapshot=pins.id)
        crash.point("firing pinned")
        last = self._store.last_success(self.schedule)
        if self.schedule.even_if_unchanged or not self._start.pins or last is None:
            return
        if last.snapshot == pins.id:
            raise unchanged(self.schedule, pins, last.due)

    def _accept_change(self, pins: Snapshot) -> None:
        """Claim the firing of a change.

        Raises:
            UnchangedError: It is none, or another process has claimed it.
        """
        self.firing = structs.replace(
            self.firing, started_at=time.time(), code=pins.code.sha, snapshot=pins.id
        )
        if not self._store.claim_change(self.schedule, self.firing, pins.id):
            raise UnchangedError("nothing has changed", hint="change code or data")

    def _followed(self) -> Run:
        """Follow the run to its end, also past times at which a cluster gives no answer."""
        run: Run | None = None
        while run is None or not run.state.terminal:
            run = self._watched()
        self._run = run
        return run

    def _watched(self) -> Run | None:
        last: Run | None = None
        watched = self._runner.watch(self.firing.run_id, interval_s=self._poll_s, ticking=True)
        try:
            for run in watched:
                last = run
                self._must_be_in_time()
        except BackendError as error:
            # The run may go on without being seen.
            self._save(error=_failure(error))
            time.sleep(_AWAY_S)
        return last

    def _must_be_in_time(self) -> None:
        limit, begun = self.schedule.deadline_s, self.firing.started_at
        if limit and begun is not None and time.time() - begun > limit:
            raise OverdueError(
                f"the firing of {self.firing.due} has taken more than its {limit} s",
                hint=f"give it more: jupyter mlops reschedule {self.schedule.name} --deadline S",
            )

    def _end_run(self) -> None:
        if self._runner.has(self.firing.run_id):
            self._run = self._runner.cancel(self.firing.run_id)

    def _ended(self, run: Run) -> None:
        if run.state in _CLOSES:
            self._close(_CLOSES[run.state], error=run.error)
        else:
            self._failed(run.error)

    def _failed(self, error: Failure | None) -> None:
        """Set the time of the next try, or close the firing where there is none."""
        there = self._runner.has(self.firing.run_id)
        tries = max(1, self.firing.tries) if there else self.firing.tries + 1
        if tries > self.schedule.retries:
            self._save(tries=tries)
            self._close(FiringState.FAILED, error=error)
            return
        pause_s = min(self.schedule.backoff_s * 2 ** (tries - 1), _LONGEST_BACKOFF_S)
        # A run that is there is resumed, which counts when it is; one that is not was a try.
        self._save(
            tries=tries + 1 if there else tries, next_try_at=time.time() + pause_s, error=error
        )

    def _close(self, state: FiringState, **known: Any) -> None:
        """Tell of the end, then record it: who is killed in between tells twice, and not never."""
        crash.point("firing ended")
        known |= {"state": state, "ended_at": time.time(), "next_try_at": None}
        ended = structs.replace(self.firing, **known)
        told = notices.tell(self.config, self.schedule, ended, self._run)
        crash.point("firing told")
        self._save(**known, notices=told)

    def _save(self, **changed: Any) -> None:
        self.firing = structs.replace(self.firing, **changed)
        self._store.save(self.firing)


def main() -> None:
    """Work on the firing that the arguments name: project, schedule, time."""
    root, schedule_id, due, *more = sys.argv[1:]
    config = Config.load(root)
    store = Store(config)
    name = run_id(schedule_id, due)
    held = lease.take(store.lock(name))
    if held is None:
        return
    schedule = store.get(schedule_id)
    firing = store.firing(schedule, due)
    if IF_CHANGED in more and firing is None:
        Process(config, schedule, new_firing(schedule, due)).look()
    elif firing is not None and not firing.state.closed:
        Process(config, schedule, firing).work()
    # Who opens it before it is gone finds the firing closed.
    store.lock(name).unlink(missing_ok=True)
    if not store.log(name).stat().st_size:
        store.log(name).unlink()


def _never_began(run: Run) -> bool:
    waiting = all(stage.state is StageState.PENDING for stage in run.stages)
    return waiting and run.state in (RunState.LOST, RunState.FAILED)


def _failure(error: MlopsError) -> Failure:
    return Failure(type=type(error).__name__, message=error.message, hint=error.hint)


if __name__ == "__main__":
    main()
