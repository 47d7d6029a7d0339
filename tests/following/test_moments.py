from __future__ import annotations

import fcntl

import msgspec
import pytest

from mlops_nb import api
from mlops_nb.exceptions import UsageError
from mlops_nb.journal import RunFinished, RunFolder, RunStarted, StageFinished, StageStarted
from mlops_nb.journal.points_file import LoggedPoint, encode
from mlops_nb.types import RunState, StageState
from tests.vocabulary import request


@pytest.fixture
def folder_of(project):
    """Make the folder of a run that goes on for as long as the test does."""
    locks = []

    def make(run_id, **parameters):
        folder = RunFolder(project.root / ".mlops" / "runs" / run_id)
        folder.create(msgspec.structs.replace(request(**parameters), id=run_id))
        locks.append(folder.lock.open("ab"))
        fcntl.flock(locks[-1], fcntl.LOCK_EX)
        folder.append(RunStarted(pid=1))
        return folder

    yield make
    for lock in locks:
        lock.close()


def log(folder, name, *values):
    with folder.points.open("ab") as file:
        file.write(encode(LoggedPoint(name, step, 1.0, v) for step, v in enumerate(values)))


def test_a_moment_has_what_was_logged_so_far(folder_of):
    folder = folder_of("one")
    folder.append(StageStarted(stage="first"))
    log(folder, "loss", 2.0, 1.0)
    folder.log("first").write_text("".join(f"line {i}\n" for i in range(1_000)))
    moments = api.follow("one")
    first = next(moments)
    assert first.run.state is RunState.RUNNING
    assert first.run.stages[0].started_at is not None
    assert first.curves[0].points == ((0, 2.0), (1, 1.0))
    assert first.stage == "first"
    assert first.log.splitlines()[-1] == "line 999"
    assert len(first.log) < 5_000

    log(folder, "f1", 0.5)
    second = next(moment for moment in moments if moment is not first)
    assert [curve.name for curve in second.curves] == ["loss", "f1"]
    folder.append(RunFinished(state=RunState.SUCCEEDED))
    assert list(moments)[-1].run.state is RunState.SUCCEEDED


def test_nothing_new_is_the_same_moment(folder_of):
    folder_of("one")
    moments = api.follow("one")
    assert next(moments) is next(moments)


def test_the_log_is_that_of_the_stage_that_matters(folder_of):
    folder = folder_of("one")
    folder.append(StageFinished(stage="first", state=StageState.SUCCEEDED, seconds=1.0))
    folder.append(StageFinished(stage="second", state=StageState.SKIPPED, seconds=0.0))
    assert next(api.follow("one")).stage == "first"


def test_compare_has_the_curves_of_each_run(folder_of, json_of):
    log(folder_of("one", rate=0.1), "loss", 2.0, 1.0)
    log(folder_of("two", rate=0.2), "loss", 2.0, float("nan"))
    code, printed = json_of("compare", "one", "tw")
    assert code == 0
    assert printed["runs"] == ["one", "two"]
    assert printed["rows"][0] == {
        "kind": "parameter", "name": "rate", "values": [0.1, 0.2], "differs": True,
    }  # fmt: skip
    assert [curves[0]["points"] for curves in printed["curves"]] == [
        [[0, 2.0], [1, 1.0]],
        [[0, 2.0], [1, "NaN"]],
    ]


@pytest.mark.parametrize("ids", [(), ("one",), ("one", "latest"), ("one", "on")])
def test_compare_takes_two_different_runs(folder_of, ids):
    folder_of("one")
    with pytest.raises(UsageError, match="two runs or more"):
        api.compare(*ids)


def test_runs_are_filtered_and_sorted_by_command(folder_of, json_of):
    folder_of("one", rate=0.1)
    folder_of("two", rate=0.2)
    _, printed = json_of("runs", "--where", "rate>0.05", "--sort", "-param.rate", "--limit", "1")
    assert [run["id"] for run in printed["runs"]] == ["two"]
    code, printed = json_of("runs", "--where", "rat>1")
    assert (code, printed["error"]["hint"]) == (2, "did you mean 'rate'?")
