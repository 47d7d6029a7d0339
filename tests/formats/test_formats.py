"""What an earlier release kept is brought to this one's format; a later one's is left alone."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mlops_nb import api, formats
from mlops_nb.exceptions import ConfigError, ProjectError
from mlops_nb.settings import Config
from mlops_nb.types import RunState

# The record of a quickstart's training, as it was written before folders had a format.
RUNS = Path(__file__).parent / "runs"
ID = "20261123-210000-455bb9"


@pytest.fixture
def former(tmp_path):
    """A project of the release before formats."""
    (tmp_path / "mlops.toml").write_text('[project]\nname = "quickstart"\n')
    state = tmp_path / ".mlops"
    shutil.copytree(RUNS, state / "runs")
    (state / "index-0123456789ab.msgpack").write_bytes(b"of another release")
    return tmp_path


def test_what_an_earlier_release_kept_is_brought_here(former):
    state = former / ".mlops"
    before = {p: p.read_bytes() for p in (state / "runs").rglob("*") if p.is_file()}
    (run,) = api.runs(project=former)
    assert (state / "format").read_text() == f"{len(formats.STEPS)}\n"
    assert (run.id, run.state, run.model.version) == (ID, RunState.SUCCEEDED, "1")

    shown = api.show(ID, project=former)
    assert shown.metrics["test_accuracy"] == pytest.approx(0.958, abs=1e-3)
    assert shown.snapshot.parameters["C"] == 1.0
    assert [s.name for s in shown.stages][-1] == "register"
    assert api.points(ID, project=former)[0].name == "cv_accuracy"
    assert {p: p.read_bytes() for p in before} == before

    assert not (state / "index-0123456789ab.msgpack").exists()


def test_it_is_done_once(former):
    done = []
    steps = (*formats.STEPS, (done.append,))
    for _ in range(2):
        formats.settle(former / ".mlops", steps)
    assert done == [former / ".mlops"]
    assert (former / ".mlops" / "format").read_text() == "2\n"


def test_it_goes_on_where_it_was_broken_off(former):
    done = []

    def broken(folder):
        raise OSError("the disk is full")

    with pytest.raises(ProjectError, match="the disk is full"):
        formats.settle(former / ".mlops", ((done.append,), (broken,)))
    formats.settle(former / ".mlops", ((done.append,), (done.append,)))
    assert len(done) == 2


def test_what_a_later_release_keeps_is_left_alone(former):
    state = former / ".mlops"
    (state / "format").write_text("7\n")
    before = sorted(state.rglob("*"))
    with pytest.raises(ProjectError, match="format 7") as refused:
        api.runs(project=former)
    assert refused.value.hint == "pip install --upgrade mlops_nb"
    assert sorted(state.rglob("*")) == before


def test_a_format_that_is_no_number_is_named(former):
    (former / ".mlops" / "format").write_text("new\n")
    with pytest.raises(ProjectError, match="holds 'new"):
        Config.load(former)


def test_a_project_without_state_gets_none_by_a_look(tmp_path):
    (tmp_path / "mlops.toml").write_text("format = 1\n[data]\n")
    Config.load(tmp_path)
    assert not (tmp_path / ".mlops").exists()


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("2", "pip install --upgrade mlops_nb"),
        ('"old"', "write format = 1"),
        ("0", "write format = 1"),
    ],
)
def test_settings_of_another_format_are_refused(tmp_path, written, hint):
    (tmp_path / "mlops.toml").write_text(f"format = {written}\n")
    with pytest.raises(ConfigError, match="has the format") as refused:
        Config.load(tmp_path)
    assert refused.value.hint == hint
