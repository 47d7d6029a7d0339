from __future__ import annotations

import math
import os

import msgspec
import pytest

from mlops_nb.exceptions import RunError
from mlops_nb.journal import MetricsLogged, RunFinished, RunFolder, RunQueued
from mlops_nb.runners.index import Index, of
from mlops_nb.types import RunState
from tests.vocabulary import request

ENDED = RunFinished(state=RunState.SUCCEEDED, seconds=2.0)


@pytest.fixture
def runs(tmp_path):
    """A folder of runs, and who reads them, with a note of each that was read."""
    return Runs(tmp_path / "runs")


class Runs:
    def __init__(self, folder):
        self.folder, self.read = folder, []
        self.index = Index(folder)

    def add(self, name, *events):
        made = RunFolder(self.folder / name)
        made.create(msgspec.structs.replace(request(), id=name))
        for event in events:
            made.append(event)
        return made

    def get(self, name):
        self.read.append(name)
        return RunFolder(self.folder / name).load()

    def listed(self, index=None):
        """Return the states that a list has, and which runs it has read for it."""
        self.read.clear()
        found = (index or self.index).summaries(self.get)
        return {name: s.state.value for name, s in found.items()}, sorted(self.read)


def test_an_ended_run_is_read_once(runs):
    runs.add("a", ENDED)
    runs.add("b", ENDED)
    both = {"a": "SUCCEEDED", "b": "SUCCEEDED"}
    assert runs.listed() == (both, ["a", "b"])
    assert runs.listed() == (both, [])


def test_a_run_that_goes_on_is_read_each_time(runs):
    runs.add("a")
    assert runs.listed() == runs.listed() == ({"a": "PENDING"}, ["a"])


def test_another_process_reads_what_one_has_kept(runs):
    runs.add("a", ENDED)
    runs.listed()
    assert runs.listed(Index(runs.folder)) == ({"a": "SUCCEEDED"}, [])


def test_processes_learn_from_each_other_without_a_restart(runs):
    other = Index(runs.folder)
    runs.listed(other)
    runs.add("a", ENDED)
    runs.listed()
    assert runs.listed(other) == ({"a": "SUCCEEDED"}, [])


def test_a_run_that_was_resumed_is_read_again(runs):
    folder = runs.add("a", ENDED)
    runs.listed()
    folder.append(RunQueued(pid=1))
    assert runs.listed() == ({"a": "PENDING"}, ["a"])
    folder.append(RunFinished(state=RunState.FAILED))
    assert runs.listed(Index(runs.folder)) == ({"a": "FAILED"}, ["a"])


def test_a_deleted_run_is_not_listed(runs):
    runs.add("a", ENDED)
    runs.listed()
    (runs.folder / "a").rename(runs.folder / ".deleted-a")
    assert runs.listed() == ({}, [])


def test_a_metric_that_is_no_number_is_kept_as_it_is(runs):
    runs.add("a", MetricsLogged(metrics={"loss": math.nan, "gain": math.inf}), ENDED)
    runs.listed()
    metrics = Index(runs.folder).summaries(runs.get)["a"].metrics
    assert math.isnan(metrics["loss"])
    assert metrics["gain"] == math.inf


@pytest.mark.parametrize("keep", [1, 3, 5, 40, -1])
def test_a_file_that_is_torn_costs_time_and_nothing_else(runs, keep):
    runs.add("a", ENDED)
    runs.listed()
    runs.index.path.write_bytes(runs.index.path.read_bytes()[:keep])
    runs.add("b", ENDED)
    both = {"a": "SUCCEEDED", "b": "SUCCEEDED"}
    assert runs.listed(Index(runs.folder))[0] == both
    assert runs.listed(Index(runs.folder))[0] == both


def test_a_file_of_something_else_is_made_anew(runs):
    runs.add("a", ENDED)
    runs.listed()
    runs.index.path.write_bytes(b"\0\0\0\4text" * 9)
    assert runs.listed(Index(runs.folder)) == ({"a": "SUCCEEDED"}, ["a"])
    assert runs.listed(Index(runs.folder)) == ({"a": "SUCCEEDED"}, [])


def test_a_damaged_record_does_not_cost_the_others(runs):
    runs.add("a", ENDED)
    damaged = runs.add("b", ENDED)
    damaged.request.write_text("{")
    for _ in range(2):
        with pytest.raises(RunError, match="cannot be read"):
            runs.listed()
    damaged.request.unlink()
    (runs.folder / "b").rename(runs.folder / ".b")
    assert runs.listed(Index(runs.folder)) == ({"a": "SUCCEEDED"}, [])


def test_dead_entries_are_thrown_away_in_the_end(runs):
    folder = runs.add("a", ENDED)
    sizes = []
    for _ in range(150):
        folder.append(ENDED)
        runs.listed()
        sizes.append(runs.index.path.stat().st_size)
    assert sizes[-1] < max(sizes)
    assert runs.listed(Index(runs.folder)) == ({"a": "SUCCEEDED"}, [])


def test_what_cannot_be_written_is_known_all_the_same(runs):
    runs.add("a", ENDED)
    runs.index.path = runs.folder / "nowhere" / "index"
    runs.listed()
    assert runs.listed() == ({"a": "SUCCEEDED"}, [])


def test_only_the_user_can_read_it(runs):
    runs.add("a", ENDED)
    runs.listed()
    assert runs.index.path.stat().st_mode & 0o077 == 0


def test_a_process_has_one_index_of_a_folder(tmp_path):
    assert of(tmp_path / "runs") is of(tmp_path / "runs")


def test_who_looks_at_the_folder_sees_that_a_run_begins_again(runs):
    folder = runs.add("a", ENDED)
    os.utime(runs.folder, (1, 1))
    folder.append(RunQueued(pid=1))
    assert runs.folder.stat().st_mtime > 1
