"""Runs of which nothing is left but what is on the disk."""

from __future__ import annotations

import os

from mlops_nb.journal import MetricsLogged, RunQueued, RunStarted
from mlops_nb.runners.local import LocalRunner
from mlops_nb.settings import Config
from mlops_nb.types import RunState
from tests.vocabulary import request


def test_after_a_reboot_a_run_is_lost_though_its_process_id_is_in_use(tmp_path):
    runner = LocalRunner(Config(root=tmp_path))
    folder = runner.records.new(request())
    folder.append(RunQueued(pid=os.getpid()))
    folder.append(RunStarted(pid=os.getpid()))
    folder.append(MetricsLogged(metrics={"loss": 0.5}))
    folder.lock.touch()
    lost = runner.get("one")
    assert (lost.state, lost.error.type) == (RunState.LOST, "DriverLost")
    assert lost.metrics == {"loss": 0.5}
    assert LocalRunner(Config(root=tmp_path)).get("one") == lost
    assert lost.error.hint.endswith("jupyter mlops resume one")
