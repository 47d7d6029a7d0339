from __future__ import annotations

import json
import math
import subprocess
import sys
import threading
import time
from datetime import datetime, timedelta, timezone

import msgspec
import pytest
from msgspec import structs

from mlops_nb.api import lookup
from mlops_nb.exceptions import RunError
from mlops_nb.files import replace_file
from mlops_nb.journal import (
    CellStarted,
    MetricsLogged,
    RunFinished,
    RunFolder,
    RunStarted,
    StageFinished,
    StageStarted,
    fold,
    new_run,
)
from mlops_nb.runners.local.deadline import Deadline
from mlops_nb.runners.records import Records
from mlops_nb.types import (
    Failure,
    RunState,
    StageState,
)
from tests.capture.strace import needs_strace
from tests.vocabulary import request


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / "one")
    made.create(request(x=math.nan, y=[1, {"z": None}]))
    return made


def test_a_request_is_read_as_it_was_written(folder):
    x, y = folder.load_request().snapshot.hyperparameters
    assert math.isnan(x.value)
    assert y.value == [1, {"z": None}]


def test_a_record_of_an_older_release_is_read(folder):
    record = json.loads(folder.request.read_text())
    del record["pipeline_digest"], record["reproduces"], record["findings"]
    record["of_a_later_release"] = 1
    folder.request.write_text(json.dumps(record))
    assert folder.load().id == "one"


def test_an_event_of_a_later_release_is_passed_over(folder):
    folder.append(RunStarted(pid=1))
    with folder.events.open("a") as file:
        file.write('{"event": "something_new", "at": 1.0}\n')
    folder.append(StageStarted(stage="first"))
    assert folder.load().stage("first").state is StageState.RUNNING


def test_a_damaged_record_is_named(folder):
    folder.request.write_text("{")
    with pytest.raises(RunError, match="the record of run one cannot be read") as refused:
        folder.load()
    assert refused.value.hint.startswith("move it out of the way: mv ")


def test_a_run_is_never_made_twice(folder):
    with pytest.raises(FileExistsError):
        folder.create(request())


def test_a_folder_that_a_killed_process_left_without_a_request_is_taken(tmp_path):
    left = RunFolder(tmp_path / "one")
    left.log("driver").parent.mkdir(parents=True)
    left.create(request())
    assert left.load().id == "one"
    with pytest.raises(FileExistsError):
        left.create(request())


def test_a_clock_that_is_set_back_changes_nothing_of_what_happened(folder):
    folder.append(RunStarted(pid=1, at=2_000_000_000.0))
    folder.append(StageStarted(stage="first", at=1_000.0))
    folder.append(StageFinished(stage="first", state=StageState.SUCCEEDED, seconds=3.0, at=10.0))
    folder.append(RunFinished(state=RunState.SUCCEEDED, seconds=4.0, at=5.0))
    run = folder.load()
    assert (run.state, run.seconds, run.stages[0].seconds) == (RunState.SUCCEEDED, 4.0, 3.0)


def test_a_stage_is_not_overdue_because_a_clock_was_set(folder):
    folder.append(RunStarted(pid=1))
    folder.append(StageStarted(stage="first", at=time.time() - 3600))
    asked = structs.replace(folder.load_request(), stage_timeout_s=10)
    assert Deadline(folder)._of_stage(asked) is None


ACKNOWLEDGED = """
import sys
from pathlib import Path
from mlops_nb.journal import RunFinished, RunFolder
from mlops_nb.types import RunState
from tests.vocabulary import request
folder = RunFolder(Path(sys.argv[1]) / "one")
folder.create(request())
folder.append(RunFinished(state=RunState.SUCCEEDED))
"""


@needs_strace
def test_what_is_acknowledged_is_on_the_disk(tmp_path):
    trace = tmp_path / "trace"
    strace = ["strace", "-qq", "-y", "-e", "trace=fsync", "-o", trace]
    runs = tmp_path / "runs"
    runs.mkdir()
    subprocess.run([*strace, sys.executable, "-c", ACKNOWLEDGED, runs], check=True)
    synced = trace.read_text()
    for path in (runs, runs / "one", runs / "one" / "events.jsonl"):
        assert f"<{path}>" in synced
    assert "/.request.json." in synced


def test_ids_of_one_instant_differ_and_sort_by_time(monkeypatch):
    moment = datetime(2026, 10, 25, 2, 30, tzinfo=timezone.utc)
    monkeypatch.setattr(lookup, "now", lambda: moment)
    ids = {lookup.new_id() for _ in range(200)}
    assert len(ids) > 195
    monkeypatch.setattr(lookup, "now", lambda: moment + timedelta(seconds=1))
    assert lookup.new_id() > max(ids)


def test_files_are_the_users_own(folder):
    assert folder.path.stat().st_mode & 0o777 == 0o700
    assert folder.events.stat().st_mode & 0o777 == 0o600
    assert folder.request.stat().st_mode & 0o777 == 0o600


def test_events_fold_into_the_run(folder):
    assert folder.load().state is RunState.PENDING
    folder.append(RunStarted(pid=1))
    folder.append(StageStarted(stage="first"))
    folder.append(CellStarted(done=1, total=3, source="x"))
    folder.append(MetricsLogged(metrics={"a": 1.0, "b": math.nan}))
    folder.append(MetricsLogged(metrics={"a": math.inf}))
    run = folder.load()
    assert run.state is RunState.RUNNING
    assert run.stage("first").state is StageState.RUNNING
    assert (run.progress.done, run.progress.total) == (1, 3)
    assert run.metrics["a"] == math.inf
    assert math.isnan(run.metrics["b"])


def test_an_end_closes_the_stage_that_ran(folder):
    for event in (RunStarted(pid=1), StageStarted(stage="first")):
        folder.append(event)
    folder.append(RunFinished(state=RunState.CANCELED, seconds=2.0))
    run = folder.load()
    assert [s.state for s in run.stages] == [StageState.CANCELED, StageState.PENDING]
    assert run.seconds == 2.0


def test_a_resumed_run_forgets_its_error_and_keeps_what_was_done(folder):
    error = Failure(type="E", message="m", hint="h", stage="second")
    events = [
        RunStarted(pid=1),
        StageFinished(stage="first", state=StageState.SUCCEEDED, seconds=1.0),
        StageFinished(stage="second", state=StageState.FAILED, seconds=1.0, error=error),
        RunFinished(state=RunState.FAILED, seconds=3.0),
    ]
    failed = fold(new_run(request()), events)
    assert failed.error == error
    resumed = fold(failed, [RunStarted(pid=2)])
    assert resumed.error is None
    assert [s.state for s in resumed.stages] == [StageState.SUCCEEDED, StageState.PENDING]
    ended = fold(resumed, [RunFinished(state=RunState.SUCCEEDED, seconds=4.0)])
    assert ended.seconds == 7.0


def test_a_torn_last_line_is_not_read_and_comes_when_it_is_whole(folder):
    folder.append(RunStarted(pid=1))
    whole = folder.events.read_bytes()
    with folder.events.open("ab") as file:
        file.write(whole[:10])
    events, offset = folder.read()
    assert len(events) == 1
    with folder.events.open("ab") as file:
        file.write(whole[10:])
    assert len(folder.read(offset)[0]) == 1


def test_lines_of_many_writers_never_mix(folder):
    def write(number):
        for step in range(100):
            folder.append(MetricsLogged(metrics={f"{number}-{step}": float(step)}))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(folder.load().metrics) == 800


def test_a_file_is_replaced_as_a_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "f"
    replace_file(path, b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        replace_file(path, b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_trials_are_runs_in_the_folder_of_their_tuning(tmp_path):
    records = Records(tmp_path)
    tuning = records.new(request())
    trial = tuning.trial(3)
    trial.create(msgspec.structs.replace(request(), id=f"{tuning.run_id}/3"))
    assert records.ids() == (tuning.run_id,)
    assert trial.run_id == f"{tuning.run_id}/3"
    assert records.folder(trial.run_id).load().id == trial.run_id
    assert tuning.trials() == [3]


@pytest.mark.parametrize("number", ["", "4", "03", "-1", "../../..", "3/", "3/../3", "\u0663"])
def test_what_is_no_trial_is_not_found(tmp_path, number):
    records = Records(tmp_path)
    tuning = records.new(request())
    tuning.trial(3).create(msgspec.structs.replace(request(), id=f"{tuning.run_id}/3"))
    with pytest.raises(RunError, match="there is no run"):
        records.folder(f"{tuning.run_id}/{number}")
