"""Turns and kills, many in a row: a part in the suite, the whole of it by `make faults`."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from mlops_nb import crash, lease
from mlops_nb.deployment.local import standby, tree
from mlops_nb.deployment.local.records import control, identity
from mlops_nb.exceptions import DeploymentError
from tests.deployment.local.conftest import Load

BAD = ("load", "hang", "memory")
KILLS = 50
TURNS = 100
OF_THE_SUPERVISOR = ("writing seen.json", "revision started", "front told", "revision ended")
OF_THE_VERBS = ("writing wanted.json", "revision wanted", "revision ready", "traffic wanted")
SWAP = """
import sys
from pathlib import Path
from mlops_nb.deployment.local import LocalTarget
from mlops_nb.settings import Config
from tests.deployment.local.conftest import Place
place = Place(LocalTarget(Config(root=Path(sys.argv[1]))), Path(sys.argv[2]))
place.route({place.create(): 100})
"""


ROOT = Path(__file__).parents[3]


def long(*values):
    return pytest.param(*values, marks=pytest.mark.faults)


@pytest.mark.parametrize(("turns", "bad"), [(8, 2), long(TURNS, 20)])
def test_turns_and_bad_deployments_cost_no_request(place, turns, bad):
    place.serve()
    every = turns // bad
    begun = time.monotonic()
    with Load(place.target.endpoint("tumours"), pause=0.02) as load:
        for turn in range(turns):
            if turn % every == 0:
                with pytest.raises(DeploymentError) as refused:
                    place.create(BAD[turn // every % len(BAD)], start_s=4.0)
                assert refused.value.message
            serving = place.create()
            place.route({serving: 100})
            place.until(lambda now=str(serving): now in load.answers)
    rate = len(load.answers) / (time.monotonic() - begun)
    print(f"{turns} turns, {bad} bad ones, {len(load.answers)} requests, {rate:.0f}/s")
    assert load.failures == []
    assert len(set(load.answers)) == turns + 1
    assert place.ask()["revision"] == str(serving)


@pytest.mark.parametrize("kills", [4, long(KILLS)])
def test_what_is_killed_is_back_and_nothing_is_left_over(place, kills):
    place.serve()
    port = place.target.endpoint("tumours").url
    chosen = random.Random(7)  # noqa: S311
    taken = [kill_and_return(place, chosen.choice((supervisor, revision))) for _ in range(kills)]
    print(f"{kills} kills, back after {max(taken):.1f} s at the most")
    assert place.target.endpoint("tumours").url == port
    place.until(lambda: len(processes(place)) == 3)
    assert len(listening(place)) == 2


@pytest.fixture
def armed(tmp_path, monkeypatch):
    """Return the file that names the point at which the next process is to die."""
    file = tmp_path / "armed"
    monkeypatch.setenv(crash.CRASH_AT, f"@{file}")
    return file


def test_a_supervisor_that_is_killed_at_a_step_of_a_swap_costs_no_request(armed, place):
    place.serve()
    with Load(place.target.endpoint("tumours"), pause=0.02) as load:
        for point in OF_THE_SUPERVISOR:
            armed.write_text(point)
            serving = place.create()
            place.route({serving: 100})
            place.until(lambda: not armed.exists())
            place.until(lambda: len(processes(place)) == 3)
    assert load.failures == []
    assert place.ask()["revision"] == str(serving)
    assert [r.percent for r in place.target.get("tumours").revisions if r.percent] == [100]


@pytest.mark.parametrize("points", [OF_THE_VERBS[2:], long(OF_THE_VERBS)])
def test_a_verb_that_is_killed_at_a_step_of_a_swap_costs_no_request(place, points):
    place.serve()
    with Load(place.target.endpoint("tumours"), pause=0.02) as load:
        for point in points:
            command = [sys.executable, "-c", SWAP, place.target.root.parent.parent, place.package]
            died = subprocess.run(
                command, cwd=ROOT, env={**os.environ, crash.CRASH_AT: point}, check=False
            )
            assert died.returncode == -signal.SIGKILL
            # The old one or the new one, and what comes next finds nothing in its way.
            (served,) = (r for r in place.target.get("tumours").revisions if r.percent)
            assert served.percent == 100
            serving = place.create()
            place.route({serving: 100})
            place.until(lambda: len(processes(place)) == 3)
    assert load.failures == []
    assert place.ask()["revision"] == str(serving)


@pytest.mark.faults
def test_a_revision_that_hangs_is_started_again(place):
    place.serve()
    before = revision(place)
    os.kill(before, signal.SIGSTOP)
    place.until(lambda: revision(place) not in (None, before), 60)
    place.until(lambda: place.target.get("tumours").revision(1).restarts == 1)
    assert place.ask()["revision"] == "1"


def kill_and_return(place, who):
    """Kill one, wait until the deployment answers as before, and return how long that took."""
    before = who(place)
    os.kill(before, signal.SIGKILL)
    begun = time.monotonic()
    place.until(lambda: who(place) not in (None, before))
    place.until(lambda: place.ask()["revision"] == "1")
    return time.monotonic() - begun


def supervisor(place):
    holder = lease.holder(control(place.target.root) / standby.SUPERVISOR_LEASE)
    return holder.pid if holder and psutil.pid_exists(holder.pid) else None


def revision(place):
    for process in processes(place):
        with suppress(psutil.NoSuchProcess):
            if "--revision" in process.cmdline():
                return process.pid
    return None


def processes(place):
    return [process for process, _ in tree.marked(identity(place.target.root) + "/")]


def listening(place):
    """Return the ports that the deployment's processes listen at."""
    return {
        connection.laddr.port
        for process in processes(place)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
    }
