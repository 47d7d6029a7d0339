from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from msgspec import structs

from mlops_nb.journal import RUNS, RunFolder, RunStarted
from mlops_nb.runners.records import Records
from mlops_nb.scheduling import store
from mlops_nb.scheduling.scheduler import Scheduler
from mlops_nb.types import FiringState

HERE = Path(__file__).parent
SIX = datetime(2026, 1, 1, 6, tzinfo=timezone.utc)


class Clock:
    """The time, as a test says."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now.timestamp()


@pytest.fixture
def clock() -> Clock:
    return Clock(SIX - timedelta(hours=1))


@pytest.fixture
def scheduler(office, tmp_path, clock):
    """A scheduler of which each process of a firing writes down that it was started."""
    script = tmp_path / "started.py"
    script.write_text("import sys\nopen(__file__ + '.txt', 'a').write(sys.argv[3] + '\\n')\n")
    made = Scheduler(office.project.root, firing=(str(script),), clock=clock)
    made.started = lambda: Path(f"{script}.txt").read_text().split()
    yield made
    made._let_go()


def history(office, schedule):
    return [(f.due[:16], f.state.value) for f in office.store.history(schedule, 99)]


def test_each_firing_gets_a_process(office, scheduler, clock, until):
    schedule = office.schedule()
    scheduler.tick()
    assert history(office, schedule) == []
    clock.now = SIX
    scheduler.tick()
    assert history(office, schedule) == [("2026-01-01T06:00", "DUE")]
    assert until(lambda: Path(f"{scheduler._firing[0]}.txt").exists() and scheduler.started()) == [
        "2026-01-01T06:00:00+00:00"
    ]


def test_the_wait_ends_when_the_next_is_due(office, scheduler, clock):
    office.schedule()
    scheduler.tick()
    clock.now = SIX - timedelta(seconds=0.25)
    assert scheduler.tick() == pytest.approx(0.25)


def test_a_clock_that_is_set_back_doubles_nothing_and_stops_nothing(office, scheduler, clock):
    schedule = office.schedule(cron="0 * * * *", missed="skip", overlap="parallel")
    # A year ahead by mistake, then back.
    for now in (SIX, SIX + timedelta(days=365), SIX + timedelta(minutes=1)):
        clock.now = now
        scheduler.tick()
    clock.now = SIX + timedelta(minutes=60)
    scheduler.tick()
    dues = [firing.due for firing in office.store.history(schedule, 2000)]
    assert len(dues) == len(set(dues))
    seven = office.store.firing(schedule, "2026-01-01T07:00:00+00:00")
    assert seven is not None and seven.state is FiringState.DUE


def test_one_that_cannot_be_fired_stops_no_other(office, scheduler, clock):
    broken = office.schedule("a-broken", timezone="Mars/Olympus")
    nonsense = office.schedule("b-nonsense", cron="every now and then")
    good = office.schedule("c-good")
    clock.now = SIX
    scheduler.tick()
    assert history(office, good) == [("2026-01-01T06:00", "DUE")]
    for schedule in (broken, nonsense):
        kept = office.store.get(schedule.name)
        assert kept.paused
        assert kept.trouble


def test_a_schedule_that_rests_is_not_fired(office, scheduler, clock):
    schedule = office.schedule(paused=True)
    clock.now = SIX
    scheduler.tick()
    assert history(office, schedule) == []


def test_an_interpreter_that_is_gone_is_reported(office, scheduler, clock):
    scheduler._config = scheduler._config.override(notify_command=("true",))
    schedule, good = office.schedule(python="/nowhere/python"), office.schedule("good")
    clock.now = SIX
    scheduler.tick()
    (failed,) = office.store.history(schedule, 9)
    assert (failed.state, failed.error.type) == (FiringState.FAILED, "OSError")
    assert "/nowhere/python" in failed.error.message
    assert [(notice.event, notice.to) for notice in failed.notices] == [("failure", "true")]
    assert history(office, good) == [("2026-01-01T06:00", "DUE")]


def test_a_process_that_crashes_again_and_again_is_given_up(
    office, clock, tmp_path, until, monkeypatch
):
    script = tmp_path / "crashes.py"
    script.write_text("raise SystemExit('no way')\n")
    made = Scheduler(office.project.root, firing=(str(script),), clock=clock)
    # The time between two processes doubles; here it passes at once.
    ahead = iter(range(0, 10**9, 1000))
    monkeypatch.setattr(time, "monotonic", lambda: float(next(ahead)))
    schedule = office.schedule()
    clock.now = SIX

    def failed():
        made.tick()
        (found,) = office.store.history(schedule, 9)
        return found.state is FiringState.FAILED and found

    while not (found := failed()):
        threading.Event().wait(0.05)
    made._let_go()
    assert found.error.type == "FiringCrashed"
    assert "no way" in Path(found.error.log).read_text()


@pytest.mark.parametrize(("overlap", "processes"), [("queue", 1), ("parallel", 3)])
def test_what_is_made_up_takes_turns_unless_it_may_not(
    office, scheduler, clock, overlap, processes
):
    schedule = office.schedule(cron="0 * * * *", missed="all", overlap=overlap)
    clock.now = datetime(2026, 1, 1, 3, 30, tzinfo=timezone.utc)
    scheduler.tick()
    assert [state for _, state in history(office, schedule)] == ["DUE"] * 3
    assert len(scheduler._memory.children) == processes


def test_of_two_one_fires_and_the_other_takes_over(office, until):
    office.schedule()
    said: list[str] = []
    first, second = Scheduler(office.project.root), Scheduler(office.project.root, say=said.append)
    first.start()
    until(lambda: first.fires)
    second.start()
    until(lambda: said)
    assert said == [f"process {os.getpid()} fires already; this one takes over when it ends"]
    assert not second.fires
    first.stop()
    until(lambda: second.fires)
    second.stop()
    assert not second.fires


def test_a_lease_that_was_removed_counts_no_more(office):
    office.schedule(paused=True)
    first, second = Scheduler(office.project.root), Scheduler(office.project.root)
    first._once()
    office.store.lease.unlink()
    second._once()
    first._once()
    assert (first.fires, second.fires) == (False, True)
    second._let_go()


def test_a_store_that_cannot_be_read_is_said_and_tried_again(office):
    schedule = office.schedule(cron="* * * * *")
    said = []
    made = Scheduler(office.project.root, say=said.append, firing=("-c", ""))
    path = office.store.folder / "schedules.db"
    good = path.read_bytes()
    path.write_bytes(b"no database, but twice as long as the header of one " * 99)
    made._once()
    assert "cannot fire" in said[-1]
    path.write_bytes(good)
    made._once()
    assert office.store.history(schedule, 9)
    made._let_go()


def test_what_was_skipped_long_ago_is_forgotten_and_what_ran_is_not(office, monkeypatch):
    monkeypatch.setattr(store, "KEPT", 2)
    schedule = office.schedule()
    states = [FiringState.SUCCEEDED, *[FiringState.SKIPPED] * 5]
    for state in states:
        office.store.save(structs.replace(office.due(schedule), state=state))
    office.due(schedule)
    kept = [state for _, state in reversed(history(office, schedule))]
    assert kept == ["SUCCEEDED", "SKIPPED", "SKIPPED", "DUE"]


def test_a_project_without_schedules_is_left_alone(office):
    made = Scheduler(office.project.root)
    made.tick()
    assert not office.store.folder.exists()


def exactly_once(office, until, *, schedules: int, firings: int, kills: int) -> None:
    """Let three schedulers fire while they, and processes of firings, are killed at random."""
    start, every_s = datetime.now(timezone.utc).replace(microsecond=0), 2
    last = start + timedelta(seconds=every_s * firings)
    made = [
        office.schedule(
            f"s{number}", cron=None, every_s=every_s, created_at=start.isoformat(),
            until=last.isoformat(), missed="all", overlap="parallel", even_if_unchanged=True,
            branch="main", arguments={"notebook": "train.ipynb", "backend": "disk"},
        )
        for number in range(schedules)
    ]  # fmt: skip

    def begin() -> subprocess.Popen:
        return subprocess.Popen([sys.executable, HERE / "crowd.py", office.project.root])

    dice = random.Random(7)  # noqa: S311
    crowd, killed = [begin() for _ in range(3)], 0

    def closed() -> int:
        rows = [f for s in made for f in office.store.history(s, firings + 9)]
        return sum(f.state.closed for f in rows)

    while killed < kills or datetime.now(timezone.utc) < last:
        time.sleep(dice.uniform(0, 2 * every_s * firings / kills))
        victim = dice.randrange(3)
        crowd[victim].kill()
        crowd[victim].wait()
        crowd[victim] = begin()
        # And one of the processes that it has left behind.
        for lock in list(office.store.folder.glob("firings/*.lock"))[: dice.randrange(2)]:
            kill_holder(lock)
        killed += 1
    until(lambda: closed() == schedules * firings, timeout_s=300)
    for process in crowd:
        process.kill()
        process.wait()

    expected = {(start + timedelta(seconds=every_s * n)).isoformat() for n in range(1, firings + 1)}
    records = Records(office.config.state_folder / RUNS)
    ids = []
    for schedule in made:
        rows = office.store.history(schedule, firings + 9)
        assert {row.due for row in rows} == expected
        failed = {row.due: row.error for row in rows if row.state is not FiringState.SUCCEEDED}
        assert failed == {}
        ids += [row.run_id for row in rows]
    assert sorted(ids) == sorted(records.ids())
    assert {starts(records.folder(run_id)) for run_id in ids} == {1}


def starts(folder: RunFolder) -> int:
    return sum(isinstance(event, RunStarted) for event in folder.read()[0])


def kill_holder(lock: Path) -> None:
    from mlops_nb import lease

    holder = lease.holder(lock)
    if holder is not None and holder.pid > 1:
        try:
            os.kill(holder.pid, signal.SIGKILL)
        except ProcessLookupError:
            return


def test_each_firing_happens_once_though_schedulers_are_killed(office, until):
    exactly_once(office, until, schedules=2, firings=6, kills=8)


@pytest.mark.faults
def test_five_hundred_firings_and_a_hundred_kills(office, until):
    exactly_once(office, until, schedules=5, firings=100, kills=100)
