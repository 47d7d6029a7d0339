"""The process of a firing, and the scheduler, killed at each step: the firing happens once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from mlops_nb import crash
from mlops_nb.journal import RUNS, RunStarted
from mlops_nb.runners.records import Records
from mlops_nb.types import FiringState
from tests.scheduling import quick

POINTS = ("firing pinned", "firing submitted", "firing ended", "firing told")
OF_THE_SUBMISSION = ("snapshot kept", "run pinned", "run folder made", "run recorded")
# Those after which a next process finds the most to do; all of them: make faults.
SHORT = ("firing submitted", "firing told", "run folder made")
CLAIM = """
import sys
from mlops_nb.scheduling.scheduler import Scheduler
Scheduler(sys.argv[1], firing=("-c", "")).tick()
"""
CLAIMED = "firing claimed"


def killed_at(point, *command, log=None):
    environment = {**os.environ, crash.CRASH_AT: point}
    done = subprocess.run(command, env=environment, stdout=log, stderr=log, check=False)
    return done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    "point",
    [p if p in SHORT else pytest.param(p, marks=pytest.mark.faults)
     for p in (*POINTS, *OF_THE_SUBMISSION)],
)  # fmt: skip
def test_a_firing_that_is_killed_at_a_step_happens_once_and_is_told(
    office, point, tmp_path, monkeypatch
):
    told = tmp_path / "told"
    monkeypatch.setenv("MLOPS_NB_NOTIFY_ON", "success")
    monkeypatch.setenv("MLOPS_NB_NOTIFY_COMMAND", f"tee,-a,{told}")
    tree = {} if point == "snapshot kept" else {"branch": "main"}
    schedule = office.schedule(arguments={"notebook": "train.ipynb", "backend": quick.NAME}, **tree)
    firing = office.due(schedule)
    command = (sys.executable, quick.__file__, office.project.root, schedule.id, firing.due)
    with office.store.log(firing.run_id).open("ab") as log:
        assert killed_at(point, *command, log=log)
        assert not office.kept(schedule, firing).state.closed
        assert subprocess.run(command, stdout=log, stderr=log, check=False).returncode == 0
    fired = office.kept(schedule, firing)
    assert fired.state is FiringState.SUCCEEDED, fired.error
    assert [notice.trouble for notice in fired.notices] == [None]
    # Whoever is killed after it has told, tells again.
    assert told.read_text().count('"SUCCEEDED"') == 1 + (point == "firing told")
    records = Records(office.config.state_folder / RUNS)
    assert records.ids() == (firing.run_id,)
    events = records.folder(firing.run_id).read()[0]
    assert sum(isinstance(event, RunStarted) for event in events) == 1


def test_what_a_killed_scheduler_has_claimed_is_claimed_once(office):
    schedule = office.schedule(overlap="parallel", missed="last", until="2026-01-03T00:00:00+00:00")
    command = (sys.executable, "-c", CLAIM, office.project.root)
    assert killed_at(CLAIMED, *command)
    claimed = office.store.history(schedule, 99)
    assert next(firing.due[:10] for firing in claimed) == "2026-01-02"
    subprocess.run(command, check=True)
    assert office.store.history(schedule, 99) == claimed
