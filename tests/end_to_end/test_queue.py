"""More runs than places."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from mlops_nb import api, processes
from mlops_nb.types import RunState
from tests.end_to_end.test_endings import process_of


@pytest.fixture
def held(project, monkeypatch, tmp_path):
    """A project with one place, and a notebook that goes on until a flag is there."""
    monkeypatch.setenv("MLOPS_NB_RUN_PARALLEL", "1")
    flag = tmp_path / "flag"
    project.notebook(
        f"import os, time\nwhile not os.path.exists({str(flag)!r}): time.sleep(0.1)",
        parameters="n = 0",
    )
    return flag


def submit(count):
    return [api.train("train.ipynb", params={"n": n}).id for n in range(count)]


def started(run_id):
    return api.show(run_id).state is not RunState.PENDING


@pytest.mark.faults
def test_runs_wait_in_the_order_in_which_they_came(held, until):
    first, second, third = submit(3)
    until(lambda: started(first))
    assert [api.show(run_id).ahead for run_id in (first, second, third)] == [None, 0, 1]
    assert {run.id: run.state.value for run in api.runs()} == {
        first: "RUNNING", second: "PENDING", third: "PENDING",
    }  # fmt: skip
    canceled = api.cancel(second)
    assert canceled.state is RunState.CANCELED
    until(lambda: api.show(third).ahead == 0)
    assert processes.of_run(second) == []

    held.touch()
    seen = [(run.state.value, run.ahead) for run in api.watch(third)]
    assert seen[-1] == ("SUCCEEDED", None)
    assert all(api.show(run_id).state is RunState.SUCCEEDED for run_id in (first, third))
    resumed = api.resume(second, wait=True)
    assert resumed.state is RunState.SUCCEEDED


@pytest.mark.faults
def test_a_killed_process_is_in_nobodys_way(held, until):
    first, second, third = submit(3)
    until(lambda: started(first))
    process_of(second, "queue.py").send_signal(signal.SIGKILL)
    process_of(first, "local.driver").send_signal(signal.SIGKILL)
    held.touch()
    for killed in (first, second):
        until(lambda id=killed: api.show(id).state is RunState.LOST)
    last = until(lambda: (r := api.show(third)).state.terminal and r)
    assert last.state is RunState.SUCCEEDED
    for killed in (first, second):
        assert api.resume(killed, wait=True).state is RunState.SUCCEEDED


def test_two_sessions_share_one_line(held, project, until):
    command = [sys.executable, "-m", "mlops_nb", "train", "train.ipynb"]
    sessions = [
        subprocess.Popen([*command, "--param", f"n={n}"], cwd=project.root, stdout=subprocess.PIPE)
        for n in range(4)
    ]
    assert [session.communicate() and session.returncode for session in sessions] == [0] * 4
    until(lambda: any(started(run.id) for run in api.runs()))
    states = [run.state.value for run in api.runs()]
    assert sorted(states) == ["PENDING", "PENDING", "PENDING", "RUNNING"]
    assert sorted(run.ahead for run in api.runs() if run.ahead is not None) == [0, 1, 2]
    for run in api.runs():
        api.cancel(run.id)
    assert {run.state for run in api.runs()} == {RunState.CANCELED}
    assert all(processes.of_run(run.id) == [] for run in api.runs())
