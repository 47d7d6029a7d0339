"""What must not grow with how much there is: counted, and not timed."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from datetime import datetime, timezone
from pathlib import Path

import psutil
import pytest
from msgspec import structs

from mlops_nb import backends, journal
from mlops_nb.api import lookup
from mlops_nb.capture import environment
from mlops_nb.deployment.local import LocalTarget
from mlops_nb.deployment.local.records import Place
from mlops_nb.deployment.local.supervisor import Supervisor
from mlops_nb.following import moments
from mlops_nb.following.series import Series
from mlops_nb.journal import CellStarted, MetricsLogged, folding
from mlops_nb.orders import rollout
from mlops_nb.runners.local import queue
from mlops_nb.runners.records import Records
from mlops_nb.scheduling import desk
from mlops_nb.scheduling.store import Store, new_firing
from mlops_nb.settings import Config
from mlops_nb.types import FiringState, Point, Schedule
from tests.vocabulary import request


def counted(monkeypatch, owner, name):
    """Count the calls of a function, which goes on doing what it does."""
    calls, function = [], getattr(owner, name)

    def call(*arguments, **named):
        calls.append(arguments)
        return function(*arguments, **named)

    monkeypatch.setattr(owner, name, call)
    return calls


def test_records_of_packages_are_read_once(tmp_path, monkeypatch):
    record = tmp_path / "mine-1.dist-info" / "METADATA"
    record.parent.mkdir()
    record.write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    first = environment.read()
    read = counted(monkeypatch, environment, "_read")
    assert environment.read() == first
    assert read == []
    record.write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.1\n")
    assert "mine==1.1" in environment.read().lock
    (record.parent / "direct_url.json").write_text('{"url": "https://host/mine.whl"}')
    assert "mine @ https://host/mine.whl" in environment.read().lock
    assert len(read) == 2


def test_a_point_redraws_one_curve(monkeypatch):
    curves = moments.Curves()
    curves.add([Point(f"m{n}", 0, 0.0, float(n)) for n in range(50)])
    drawn = counted(monkeypatch, Series, "curve")
    curves.add([Point("m7", 1, 1.0, 0.5)])
    assert len(drawn) == 1
    assert [curve.name for curve in curves.now] == [f"m{n}" for n in range(50)]
    assert curves.now[7].points == ((0.0, 7.0), (1.0, 0.5))


def test_metrics_one_after_another_are_folded_at_once(monkeypatch):
    run = journal.new_run(request())
    several = [MetricsLogged(metrics={f"m{n % 60}": n}) for n in range(100)]
    cell = CellStarted(done=0, total=1, source="x")
    events = [*several[:90], cell, *several[90:]]
    singly = run
    for event in events:
        singly = journal.fold(singly, [event])
    changes = counted(monkeypatch, folding, "_changes")
    assert journal.fold(run, events) == singly
    assert len(changes) == 3


def test_a_run_is_found_without_a_look_at_the_others(tmp_path, monkeypatch):
    folders = Records(tmp_path / ".mlops" / "runs")
    ids = [f"20260101-000000-{number:07x}" for number in range(40)]
    for run_id in ids:
        folders.new(structs.replace(request(), id=run_id))
    runner = backends.Everywhere(Config(root=tmp_path))
    looked = counted(monkeypatch, os.path, "isfile")
    assert lookup.resolve(runner, ids[3]) == ids[3]
    assert lookup.resolve(runner, "latest") == ids[-1]
    assert lookup.resolve(runner, "latest/4") == f"{ids[-1]}/4"
    assert len(looked) <= 6


def test_each_target_is_asked_once_for_its_deployments(tmp_path, monkeypatch):
    _deployments(tmp_path, 12)
    asked = counted(monkeypatch, LocalTarget, "names")
    assert len(rollout.deployments(Config(root=tmp_path))) == 12
    assert len(asked) == 1


def test_a_supervisor_reads_only_what_has_changed(tmp_path, monkeypatch):
    places = _deployments(tmp_path, 12)
    supervisor = Supervisor(places[0].root, -1)
    time.sleep(0.1)
    supervisor._follow()
    wanted, seen = (counted(monkeypatch, Place, name) for name in ("wanted", "seen"))
    supervisor._follow()
    assert wanted == seen == []
    changed = places[5].change(lambda known: structs.replace(known, last=3))
    wanted.clear()
    supervisor._follow()
    assert [place.name for (place,) in wanted] == ["d5"]
    assert supervisor.deployed["d5"].wanted == changed


def test_a_list_of_schedules_opens_the_store_as_often_for_many(tmp_path, monkeypatch):
    config = Config(root=tmp_path)
    store, now = Store(config), datetime(2026, 1, 2, tzinfo=timezone.utc)
    opened = counted(monkeypatch, Store, "_connection")
    numbers = []
    for count in (2, 20):
        for number in range(len(numbers) and 2, count):
            _fired(store, f"s{number}", now)
        opened.clear()
        shown = desk.timetable(config, None, now).schedules
        numbers.append(len(opened))
        assert len(shown) == count
        for schedule in shown:
            known = store.history(schedule, 5)
            assert schedule.history == known
            assert [firing.due[8:10] for firing in known] == ["07", "06", "05", "04", "03"]
    assert numbers[0] == numbers[1]


def test_runs_in_line_sleep_until_their_turn(tmp_path, until):
    folder = str(tmp_path / "queue")
    (tmp_path / "queue" / "places").mkdir(parents=True)
    with (tmp_path / "queue" / "places" / "0").open("ab") as place:
        fcntl.flock(place, fcntl.LOCK_EX)
        gates = [_gate(folder, f"run-{number}", tmp_path / f"{number}") for number in range(5)]
        until(lambda: all(_sleeps(gate) for gate in gates[1:]))
        before = [_switches(gate) for gate in gates]
        time.sleep(1.0)
        after = [_switches(gate) for gate in gates]
        # The first one looks for a place; the others are not woken.
        assert after[0] > before[0]
        assert after[1:] == before[1:]
        # One in the middle goes, and nobody takes its place for a turn.
        gates[2].kill()
        gates[2].wait()
        until(lambda: queue.waiting(folder) == ["run-0", "run-1", "run-3", "run-4"])
        assert [gate.poll() for gate in gates] == [None, None, -9, None, None]
    assert [gate.wait(20) for gate in gates] == [0, 0, -9, 0, 0]
    began = [float((tmp_path / f"{number}").read_text()) for number in (0, 1, 3, 4)]
    assert began == sorted(began)
    assert queue.waiting(folder) == []


@pytest.fixture
def until():
    """Wait for something that is to become so."""

    def wait(is_so):
        deadline = time.monotonic() + 20
        while not is_so():
            assert time.monotonic() < deadline
            time.sleep(0.02)

    return wait


def _deployments(root, count):
    """Want deployments that are stopped, so that no process is started for them."""
    (root / ".mlops").mkdir()
    places = [Place(root / ".mlops" / "deployments", f"d{number}") for number in range(count)]
    for place in places:
        place.change(lambda wanted: structs.replace(wanted, stopped=True))
    return places


def _fired(store, name, now):
    schedule = Schedule(
        id=f"id-{name}", name=name, pipeline="train", arguments={}, cron="0 3 * * *",
        created_at=now.isoformat(), python=sys.executable,
    )  # fmt: skip
    store.add(schedule)
    dues = [f"2026-01-{day:02d}T03:00:00+00:00" for day in range(1, 8)]
    done = FiringState.SUCCEEDED
    store.claim(schedule, [new_firing(schedule, due, state=done) for due in dues], now)


def _gate(folder, run_id, began):
    ticket, line = queue.draw_ticket(folder, run_id)
    says = f"import time; open({str(began)!r}, 'w').write(str(time.time()))"
    command = [sys.executable, "-I", "-S", queue.__file__, folder, ticket, str(line), "1"]
    gate = subprocess.Popen([*command, sys.executable, "-c", says], pass_fds=[line])
    os.close(line)
    return gate


def _sleeps(gate):
    """Whether a process waits for a lock of another one."""
    return any("FLOCK" in line and f" {gate.pid} " in line for line in _waits())


def _waits():
    return [line for line in Path("/proc/locks").read_text().splitlines() if "->" in line]


def _switches(gate):
    return psutil.Process(gate.pid).num_ctx_switches().voluntary
