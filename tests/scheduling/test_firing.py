from __future__ import annotations

import pytest

from mlops_nb import api
from mlops_nb.exceptions import CodeError
from mlops_nb.journal import RUNS, RunStarted
from mlops_nb.runners.records import Records
from mlops_nb.scheduling import firing as firings
from mlops_nb.scheduling.firing import Process
from mlops_nb.scheduling.store import new_firing
from mlops_nb.testing import Script, play
from mlops_nb.types import Failure, FiringState
from tests.scheduling import quick

FAILS = Script(
    fails_at="train", error=Failure(type="ValueError", message="not this time", hint="mend it")
)


@pytest.fixture
def sleeps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Time passes at once where a firing waits; what it waited for is listed."""
    waited, now = [], [1_800_000_000.0]

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        now[0] += seconds

    monkeypatch.setattr(firings.time, "sleep", sleep)
    monkeypatch.setattr(firings.time, "time", lambda: now[0])
    return waited


def commit(office, rate: str) -> str:
    office.project.notebook("print(rate)", parameters=f"rate: float = {rate}")
    office.project.git("commit", "-qam", f"rate {rate}")
    return office.project.git("rev-parse", "HEAD")


def test_a_branch_that_moved_is_pinned_at_its_new_head(office, state_of):
    schedule = office.schedule(branch="main")
    first_sha = office.project.git("rev-parse", "main")
    first = office.fire(schedule)
    second_sha = commit(office, "0.7")
    office.project.write("train.ipynb", "half an edit")
    before = state_of(office.project.root)
    second = office.fire(schedule)

    assert (first.state, second.state) == (FiringState.SUCCEEDED, FiringState.SUCCEEDED)
    assert (first.code, second.code) == (first_sha, second_sha)
    run = api.show(second.run_id)
    assert (run.snapshot.code.sha, run.snapshot.code.branch) == (second_sha, "main")
    assert not run.snapshot.code.dirty
    assert run.snapshot.parameters == {"rate": 0.7}
    assert office.project.git("rev-parse", run.snapshot.code.ref) == second_sha
    assert state_of(office.project.root) == before


def test_nothing_new_is_skipped_and_said(office):
    schedule = office.schedule(branch="main")
    first = office.fire(schedule)
    second = office.fire(schedule)
    assert second.state is FiringState.SKIPPED
    assert second.reason.startswith(f"nothing has changed since the firing of {first.due}")
    assert [run.id for run in api.runs()] == [first.run_id]
    assert office.project.git("for-each-ref", "--format=%(refname)", "refs/mlops").split() == [
        f"refs/mlops/snapshots/{first.run_id}"
    ]


def test_nothing_new_is_run_where_that_is_asked_for(office):
    schedule = office.schedule(branch="main", even_if_unchanged=True)
    assert [office.fire(schedule).state for _ in range(2)] == [FiringState.SUCCEEDED] * 2


def test_what_failed_is_no_reason_to_skip(office):
    play(FAILS)
    schedule = office.schedule(branch="main")
    assert office.fire(schedule).state is FiringState.FAILED
    assert office.fire(schedule).state is FiringState.SUCCEEDED


def test_other_parameters_are_something_new(office):
    schedule = office.schedule(branch="main")
    office.fire(schedule)
    arguments = {**schedule.arguments, "params": {"rate": 0.9}}
    again = office.fire(office.change(schedule, arguments=arguments))
    assert again.state is FiringState.SUCCEEDED
    assert api.show(again.run_id).snapshot.parameters == {"rate": 0.9}


def test_the_working_tree_is_pinned_as_it_is(office):
    schedule = office.schedule()
    office.project.notebook("print(rate)", parameters="rate: float = 0.25")
    fired = office.fire(schedule)
    pins = api.show(fired.run_id).snapshot
    assert (pins.parameters, pins.code.dirty, pins.code.sha) == ({"rate": 0.25}, True, fired.code)
    assert office.fire(schedule).state is FiringState.SKIPPED


def test_a_branch_of_a_remote_is_asked_for_at_the_remote(office, tmp_path):
    office.project.git("clone", "-q", ".", str(tmp_path / "hub"))
    office.project.git("remote", "add", "hub", str(tmp_path / "hub"))
    office.project.git("fetch", "-q", "hub")
    known = office.project.git("rev-parse", "hub/main")
    hub = type(office.project)(tmp_path / "hub")
    hub.notebook("print(rate)", parameters="rate: float = 0.8")
    hub.git("commit", "-qam", "theirs")

    fired = office.fire(office.schedule(branch="hub/main"))
    assert fired.code == hub.git("rev-parse", "main") != known
    assert api.show(fired.run_id).snapshot.parameters == {"rate": 0.8}
    # What the user knows of the remote is the user's to bring up to date.
    assert office.project.git("rev-parse", "hub/main") == known


@pytest.mark.parametrize("branch", ["gone", "nowhere/main"])
def test_a_branch_that_is_gone_is_reported_and_the_next_firing_comes_all_the_same(office, branch):
    schedule, other = office.schedule(branch=branch), office.schedule("other", branch="main")
    failed = office.fire(schedule)
    assert (failed.state, failed.error.type) == (FiringState.FAILED, "CodeError")
    assert branch in failed.error.message
    assert office.fire(other).state is FiringState.SUCCEEDED
    office.project.git("branch", "gone")
    assert office.fire(office.change(schedule, branch="gone")).state is FiringState.SUCCEEDED


def test_a_notebook_that_is_gone_is_reported(office):
    office.project.git("rm", "-q", "train.ipynb")
    office.project.git("commit", "-qm", "gone")
    for schedule in (office.schedule("b", branch="main"), office.schedule("tree")):
        failed = office.fire(schedule)
        assert (failed.state, failed.error.type) == (FiringState.FAILED, "NotebookError")
        assert "train.ipynb" in failed.error.message
        assert "/tmp/mlops-commit" not in failed.error.message


def test_a_run_that_failed_is_resumed_with_more_time_between(office, sleeps):
    play(FAILS, FAILS, Script())
    fired = office.fire(office.schedule(branch="main", retries=2, backoff_s=60))
    assert (fired.state, fired.tries) == (FiringState.SUCCEEDED, 3)
    assert 60 + 120 <= sum(sleeps) < 60 + 120 + 5
    assert [run.id for run in api.runs()] == [fired.run_id]


def test_there_are_no_more_tries_than_were_asked_for(office, sleeps):
    play(FAILS, FAILS, FAILS, Script())
    fired = office.fire(office.schedule(branch="main", retries=2))
    assert (fired.state, fired.tries) == (FiringState.FAILED, 3)
    assert (fired.error.message, fired.error.stage) == ("not this time", "train")


def test_what_could_not_be_started_is_tried_again_too(office, sleeps):
    fired = office.fire(office.schedule(branch="gone", retries=1, backoff_s=5))
    assert (fired.state, fired.tries) == (FiringState.FAILED, 2)
    assert 5 <= sum(sleeps) < 6


def test_a_run_that_takes_too_long_is_canceled(office, sleeps):
    play(Script(stays_at="train"))
    fired = office.fire(office.schedule(branch="main", deadline_s=100, retries=3))
    assert (fired.state, fired.error.type) == (FiringState.FAILED, "OverdueError")
    assert api.show(fired.run_id).state == "CANCELED"


def test_a_run_that_somebody_canceled_is_not_tried_again(office, sleeps):
    play(Script(stays_at="train"))
    schedule = office.schedule(branch="main", retries=3)
    firing = office.due(schedule)
    work = Process(office.config, schedule, firing, poll_s=0.01)
    work._begin(work._accept)
    api.cancel(firing.run_id)
    assert office.fire(schedule, office.kept(schedule, firing)).state is FiringState.CANCELED


def test_a_process_that_comes_after_one_that_was_killed_starts_nothing_twice(office):
    schedule = office.schedule(branch="main")
    firing = office.due(schedule)
    # Killed after the submission, before it could note it.
    work = Process(office.config, schedule, firing)
    work._begin(work._accept)
    office.store.save(firing)
    fired = office.fire(schedule, firing)
    assert (fired.state, fired.run_id) == (FiringState.SUCCEEDED, firing.run_id)
    assert len(api.runs()) == 1


def test_a_run_whose_submission_was_broken_off_is_begun_by_the_next_process(office, monkeypatch):
    schedule = office.schedule(
        branch="main", arguments={"notebook": "train.ipynb", "backend": quick.NAME}
    )
    firing = office.due(schedule)
    monkeypatch.setattr(quick.DiskRunner, "_start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Process(office.config, schedule, firing).work()
    monkeypatch.undo()
    fired = office.fire(schedule, office.kept(schedule, firing))
    assert (fired.state, fired.tries) == (FiringState.SUCCEEDED, 1)
    events = Records(office.config.state_folder / RUNS).folder(fired.run_id).read()[0]
    assert sum(isinstance(event, RunStarted) for event in events) == 1


def interrupted(*_):
    raise KeyboardInterrupt


def test_a_process_that_was_killed_while_it_pinned_leaves_nothing_in_the_way(office):
    schedule = office.schedule(branch="main")
    firing = office.due(schedule)
    office.project.git("update-ref", f"refs/mlops/snapshots/{firing.run_id}", "HEAD")
    assert office.fire(schedule, firing).state is FiringState.SUCCEEDED


def test_the_head_that_a_firing_began_with_stays_its_own(office):
    schedule = office.schedule(branch="main")
    firing = office.due(schedule)
    work = Process(office.config, schedule, firing)
    work._accept = interrupted
    begun = office.project.git("rev-parse", "main")
    with pytest.raises(KeyboardInterrupt):
        work.work()
    commit(office, "0.7")
    assert office.fire(schedule, office.kept(schedule, firing)).code == begun


def test_a_change_is_fired_once_whoever_sees_it(office):
    schedule = office.schedule(cron=None, on_change=True, branch="main")

    def look(due: str):
        return Process(office.config, schedule, new_firing(schedule, due), poll_s=0.01).look()

    first = look("2026-01-01T06:00:00+00:00")
    assert look("2026-01-01T06:01:00+00:00") is None
    sha = commit(office, "0.7")
    second, nothing = look("2026-01-01T06:02:00+00:00"), look("2026-01-01T06:03:00+00:00")
    assert (first.state, second.state) == (FiringState.SUCCEEDED, FiringState.SUCCEEDED)
    assert (second.code, nothing) == (sha, None)
    assert [f.run_id for f in office.store.history(schedule, 9)] == [second.run_id, first.run_id]


def test_a_look_that_fails_is_reported_once(office):
    schedule = office.schedule(cron=None, on_change=True, branch="gone")
    firings = [new_firing(schedule, f"2026-01-01T06:0{n}:00+00:00") for n in range(3)]
    found = [Process(office.config, schedule, firing).look() for firing in firings]
    assert [one and one.state for one in found] == [FiringState.FAILED, None, None]


def test_the_remote_that_does_not_answer_is_named(office):
    office.project.git("remote", "add", "hub", str(office.project.root / "nowhere"))
    from mlops_nb.capture.repository import Repository

    with pytest.raises(CodeError, match="hub gives no answer"):
        Repository.find(office.project.root).head_of("hub/main")
