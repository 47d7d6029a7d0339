"""Turns and kills, many in a row: a part in the suite, the whole of it by `make faults`."""

from __future__ import annotations

import os
import random
import signal
import time

import psutil
import pytest

from mlops_nb import lease
from mlops_nb.deployment.local import standby, tree
from mlops_nb.deployment.local.records import control, identity
from mlops_nb.exceptions import DeploymentError
from tests.deployment.local.conftest import Load

BAD = ("load", "hang", "memory")
KILLS = 50
TURNS = 100


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
    pids = [p.pid for p in processes(place) if "--revision" in p.cmdline()]
    return pids[0] if pids else None


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
