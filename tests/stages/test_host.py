"""Stages in processes of their own, without a host that has imported what they need."""

from __future__ import annotations

import socket

import pytest

from mlops_nb import journal
from mlops_nb.exceptions import StageError
from mlops_nb.journal import RunFolder, StageFinished, StageStarted
from mlops_nb.stages import host
from mlops_nb.types import StageState
from tests.vocabulary import request


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The folder of a run that is not the one that this process works for."""
    found = RunFolder(tmp_path / "other")
    found.create(request())
    monkeypatch.delenv(host.STAGE_HOST, raising=False)
    monkeypatch.setenv(journal.RUN_FOLDER, str(tmp_path / "own"))
    return found


def asked(folder, repo):
    inputs = {"volume": str(folder.work), "repo": repo, "sha": "a" * 40, "ref": ""}
    return host.ask("provision-code", inputs, {journal.RUN_FOLDER: str(folder.path)})


def test_a_stage_works_in_the_environment_that_it_is_given(folder):
    with asked(folder, "/absent") as connection, pytest.raises(StageError, match="/absent"):
        host.answer(connection, "provision-code")
    started, finished = folder.read()[0]
    assert isinstance(started, StageStarted)
    assert isinstance(finished, StageFinished)
    assert finished.state is StageState.FAILED
    assert folder.log("provision-code").is_file()


def test_a_stage_whose_process_is_gone_is_told_from_one_that_failed():
    ours, theirs = socket.socketpair()
    theirs.close()
    with ours, pytest.raises(host.KilledError, match="its process was killed"):
        host.answer(ours, "train")
