"""What every back-end does in the same way; the protocol is in `mlops_nb/runners/__init__.py`."""

from __future__ import annotations

import itertools

import pytest
from msgspec import structs

from mlops_nb import api
from mlops_nb.exceptions import RunError
from mlops_nb.types import RunState, StageState
from tests.contracts.places import NAMES, ORDER, STAGES, VALUES, refusal

UNKNOWN = {
    "get": lambda runner: runner.get("nothing"),
    "request": lambda runner: runner.request("nothing"),
    "watch": lambda runner: list(runner.watch("nothing")),
    "points": lambda runner: runner.points("nothing"),
    "logs": lambda runner: runner.logs("nothing"),
    "logs of a stage": lambda runner: runner.logs("nothing", "train"),
    "cancel": lambda runner: runner.cancel("nothing"),
    "delete": lambda runner: runner.delete("nothing"),
    "resume": lambda runner: runner.resume("nothing"),
}


def test_a_submitted_run_has_the_id_it_was_given(place):
    assert place.submitted.id == place.asked.id
    assert place.submitted.backend == place.name
    assert place.submitted.state in (RunState.PENDING, RunState.RUNNING)
    assert place.submitted.snapshot == place.asked.snapshot


def test_what_was_asked_for_is_kept(place):
    assert place.runner.request(place.submitted.id) == place.asked


def test_an_id_is_taken_once(place):
    before = place.succeeded.run
    with pytest.raises(RunError, match="already") as refused:
        place.runner.submit(structs.replace(place.asked, rebuild=True))
    assert refused.value.hint
    assert place.runner.get(before.id) == before
    assert place.runner.request(before.id) == place.asked


def test_who_watches_sees_a_run_go_forward_to_its_end(place):
    seen = place.succeeded.seen
    assert {run.id for run in seen} == {place.asked.id}
    assert seen[-1].state is RunState.SUCCEEDED, (seen[-1].error, place.runner.logs(seen[-1].id))
    steps = [ORDER[run.state] for run in seen]
    assert steps == sorted(steps)
    assert steps.count(2) == 1, "nothing comes after the end"
    assert all(one != other for one, other in itertools.pairwise(seen))


def test_who_watches_an_ended_run_sees_it_once(place):
    run = place.succeeded.run
    assert list(place.runner.watch(run.id)) == [run]


def test_stages_come_in_the_order_of_the_pipeline(place):
    run = place.succeeded.run
    assert tuple(stage.name for stage in run.stages) == STAGES
    done = {StageState.SUCCEEDED, StageState.SKIPPED}
    assert {stage.state for stage in run.stages} <= done
    assert all(stage.seconds is not None and stage.seconds >= 0 for stage in run.stages)
    code, data, *others = [stage.started_at for stage in run.stages]
    assert others == sorted(others)
    assert max(code, data) <= others[0], "code and data are provisioned side by side"
    assert run.seconds is not None
    assert run.error is None


def test_get_list_and_ids_agree(place):
    ids = [place.succeeded.run.id, place.story.ended.run.id]
    assert list(place.runner.ids()) == sorted(ids, reverse=True)
    assert [run.id for run in place.runner.list()] == sorted(ids, reverse=True)
    assert place.runner.list() == tuple(place.runner.get(id) for id in place.runner.ids())


def test_metrics_come_point_by_point(place):
    run_id = place.succeeded.run.id
    points, end = place.runner.points(run_id)
    assert [(point.name, point.step, point.value) for point in points] == [
        ("answer", step, value) for step, value in enumerate(VALUES)
    ]
    assert place.succeeded.run.metrics == {"answer": VALUES[-1]}
    assert place.succeeded.points == points, "who follows gets each of them once"
    assert place.runner.points(run_id, end) == ([], end)
    assert place.runner.points(run_id, end + 1) == (points, end), "the points have begun anew"


def test_each_stage_has_a_log(place):
    run_id = place.succeeded.run.id
    log = place.runner.logs(run_id, "train")
    assert "said to the log" in log
    assert "said to the log" not in place.runner.logs(run_id, "provision-code")
    assert f"== train\n{log}" in place.runner.logs(run_id)
    assert place.runner.logs(run_id, "train", last_bytes=8) == log[-8:]
    assert place.runner.logs(run_id, last_bytes=8).count("== train\n") == 1


def test_a_stage_that_is_none_has_no_log(place):
    with pytest.raises(RunError, match="no stage 'trian'") as refused:
        place.runner.logs(place.succeeded.run.id, "trian")
    assert all(stage in refused.value.hint for stage in STAGES)


def test_a_run_that_fails_says_where_and_why(place):
    run = place.story.failed.run
    assert run.state is RunState.FAILED
    assert (run.error.type, run.error.stage, run.error.cell) == ("ValueError", "train", 3)
    assert "not this time" in run.error.message
    assert run.error.hint
    assert [stage.state for stage in run.stages] == [
        StageState.SUCCEEDED, StageState.SUCCEEDED, StageState.FAILED,
        StageState.PENDING, StageState.PENDING,
    ]  # fmt: skip
    assert run.metrics == {"answer": VALUES[-1]}


def test_a_run_that_goes_on_is_neither_resumed_nor_deleted(place):
    running, refused = place.story.running, place.story.refused
    assert running.state is RunState.RUNNING
    assert running.error is None
    assert f"run {running.id} is RUNNING" in refused["resume"].message
    assert refused["resume"].hint == f"follow it: jupyter mlops watch {running.id}"
    assert f"run {running.id} is RUNNING" in refused["delete"].message
    assert refused["delete"].hint == f"end it first: jupyter mlops cancel {running.id}"


def test_a_run_is_canceled_once(place):
    canceled = place.story.canceled
    assert canceled.state is RunState.CANCELED
    assert canceled.stage("train").state is StageState.CANCELED
    assert canceled.stage("evaluate").state is StageState.PENDING
    assert place.story.again == canceled


def test_a_resumed_run_does_not_do_again_what_has_succeeded(place):
    story = place.story
    assert story.ended.run.state is RunState.SUCCEEDED, story.ended.run.error
    assert story.ended.run.error is None
    attempts = (story.failed.run, story.running, story.canceled, story.ended.run)
    for name in ("provision-code", "provision-data"):
        assert len({run.stage(name) for run in attempts}) == 1
    began = [attempts[i].stage("train").started_at for i in (0, 1, 3)]
    assert began == sorted(set(began))


def test_the_metrics_of_a_resumed_run_are_those_of_its_last_attempt(place):
    story = place.story
    names = {run.mlflow_run_id for run in (story.failed.run, story.running, story.ended.run)}
    assert len(names) == 3
    values = [point.value for point in place.runner.points(story.ended.run.id)[0]]
    assert values == list(VALUES)


def test_a_run_that_has_succeeded_is_not_resumed(place):
    run = place.succeeded.run
    error = refusal(place.runner.resume, run.id)
    assert "has succeeded" in error.message
    assert error.hint == f"see it: jupyter mlops show {run.id}"
    assert place.runner.cancel(run.id) == run, "nor is it canceled"


def test_a_deleted_run_is_gone(place):
    before = place.runner.ids()
    run = place.submit("succeed")
    assert place.runner.ids() == (run.id, *before)
    refusal(place.runner.delete, run.id)
    assert place.runner.cancel(run.id).state is RunState.CANCELED
    place.runner.delete(run.id)
    assert place.runner.ids() == before
    assert refusal(place.runner.get, run.id).hint


@pytest.mark.parametrize("method", UNKNOWN)
def test_a_run_that_is_none_is_refused_with_a_hint(place, method):
    with pytest.raises(RunError, match="there is no run 'nothing'") as refused:
        UNKNOWN[method](place.runner)
    assert refused.value.hint == "list them: jupyter mlops runs"


def test_the_verbs_know_the_runs_of_all_back_ends(places, shared, monkeypatch):
    monkeypatch.chdir(shared.root)
    runs = {name: places[name].succeeded.run for name in NAMES}
    listed = [run.id for run in api.runs()]
    assert listed == sorted(listed, reverse=True)
    assert {run.id for run in runs.values()} <= set(listed)
    for run in runs.values():
        assert api.show(run.id) == run
        assert api.cancel(run.id) == run
        assert "said to the log" in api.logs(run.id, stage="train")
        assert len(api.points(run.id)) == len(VALUES)
        assert list(api.watch(run.id)) == [run]


def test_the_verbs_end_a_run_where_it_is(places, shared, monkeypatch):
    monkeypatch.chdir(shared.root)
    runs = {name: places[name].submit("stay") for name in NAMES}
    assert [run.backend for run in api.runs(limit=3)] == list(reversed(NAMES))
    for name, run in runs.items():
        assert api.cancel(run.id).state is RunState.CANCELED
        assert places[name].runner.get(run.id).state is RunState.CANCELED
        places[name].runner.delete(run.id)
    assert not {run.id for run in runs.values()} & {run.id for run in api.runs()}
