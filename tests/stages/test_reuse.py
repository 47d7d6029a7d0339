from __future__ import annotations

import msgspec
import pytest

from mlops_nb import journal
from mlops_nb.journal import MetricsLogged, ModelLogged, RunFolder, StageFinished, StageStarted
from mlops_nb.stages import reuse
from mlops_nb.types import Model, StageState
from tests.vocabulary import request


class Stage:
    whole = True

    def identity(self, **inputs):
        return [inputs["x"]]

    def restore(self, source, outputs, **inputs):
        return self.whole


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Become a run of a project, by its id."""

    def become(run_id):
        folder = RunFolder(tmp_path / "runs" / run_id)
        if not folder.path.exists():
            folder.create(msgspec.structs.replace(request(), id=run_id))
        monkeypatch.setenv(journal.RUN_FOLDER, str(folder.path))
        monkeypatch.setenv(reuse.FOLDER, str(tmp_path / "cache"))
        return folder

    return become


@pytest.fixture
def done(run):
    """A run that did the stage for x = 1."""
    folder = run("first")
    for event in (
        StageStarted(stage="before"),
        MetricsLogged(metrics={"of another stage": 1.0}),
        StageStarted(stage="work"),
        MetricsLogged(metrics={"loss": float("inf")}),
        ModelLogged(model=Model(uri="models:/m-1", digest="d")),
    ):
        folder.append(event)
    reuse.keep("work", Stage(), {"x": "1", "path": "/first"}, {"out": "made"})
    folder.append(StageFinished(stage="work", state=StageState.SUCCEEDED))
    return folder


def test_what_an_earlier_run_has_done_is_found_with_what_it_said(done, run):
    folder = run("second")
    found = reuse.find("work", Stage(), {"x": "1", "path": "/second"})
    assert (found.run_id, found.outputs) == ("first", {"out": "made"})
    assert folder.load().metrics == {"loss": float("inf")}
    assert folder.load().model == Model(uri="models:/m-1", digest="d")


def test_another_input_stage_or_program_is_another_thing(done, run, monkeypatch):
    run("second")
    assert reuse.find("work", Stage(), {"x": "2"}) is None
    assert reuse.find("play", Stage(), {"x": "1"}) is None
    monkeypatch.setattr(reuse, "_program", lambda: "of a later release")
    assert reuse.find("work", Stage(), {"x": "1"}) is None


def test_a_result_that_is_not_whole_is_not_used(done, run, monkeypatch):
    folder = run("second")
    monkeypatch.setattr(Stage, "whole", False)
    assert reuse.find("work", Stage(), {"x": "1"}) is None
    assert folder.load().metrics == {}


def test_a_deleted_run_has_done_nothing(done, run):
    run("second")
    done.request.unlink()
    assert reuse.find("work", Stage(), {"x": "1"}) is None


def test_nothing_is_used_or_kept_where_it_is_not_wanted(done, run, monkeypatch, tmp_path):
    run("second")
    monkeypatch.setenv(reuse.FOLDER, "")
    assert reuse.find("work", Stage(), {"x": "1"}) is None
    before = set((tmp_path / "cache").iterdir())
    reuse.keep("work", Stage(), {"x": "3"}, {})
    assert set((tmp_path / "cache").iterdir()) == before


def test_the_hash_of_the_program_is_that_of_its_files():
    assert len(reuse._program()) == 64
