"""Runs in memory, as somebody uses them to test a program that trains."""

from __future__ import annotations

import itertools
import subprocess
import sys

import pytest

from mlops_nb import api, testing
from mlops_nb.exceptions import RunError, UsageError
from mlops_nb.settings import Config
from mlops_nb.testing import MemoryRunner, Script
from mlops_nb.types import Model, RunState, StageState


def trained(**settings):
    return api.train("train.ipynb", backend="memory", **settings)


def test_a_run_is_known_to_all_verbs_and_leaves_no_folder(project):
    run = trained(wait=True)
    assert run.state is RunState.SUCCEEDED
    assert {stage.state for stage in run.stages} == {StageState.SUCCEEDED}
    assert run.metrics == {}
    assert run.provided == {data.path: data.hash for data in run.snapshot.datasets}
    assert api.show() == api.show(run.id) == run
    assert api.runs() == (run,)
    assert not (project.root / ".mlops" / "runs").exists()


def test_time_passes_when_somebody_looks(project):
    run = trained()
    assert run.state is RunState.PENDING
    assert api.show(run.id).state is RunState.RUNNING
    looks = [api.show(run.id).stage("provision-code").state for _ in range(2)]
    assert looks == [StageState.RUNNING, StageState.SUCCEEDED]
    assert api.logs(run.id) == ""
    assert api.show(run.id).stage("provision-data").state is StageState.RUNNING


def test_each_attempt_plays_one_script(project):
    model = Model(uri="models:/sample/3", name="sample", version="3")
    testing.play(
        Script(metrics={"loss": (0.5, 0.25)}, fails_at="evaluate"),
        Script(metrics={"loss": 0.125}, model=model),
    )
    first = trained(wait=True)
    assert (first.state, first.error.stage) == (RunState.FAILED, "evaluate")
    assert first.error.hint
    assert [(p.step, p.value) for p in api.points(first.id)] == [(0, 0.5), (1, 0.25)]

    resumed = api.resume(first.id, wait=True)
    assert (resumed.state, resumed.error) == (RunState.SUCCEEDED, None)
    assert resumed.model == model
    assert resumed.stage("train") == first.stage("train"), "it had succeeded"
    assert resumed.metrics == {"loss": 0.25}

    assert trained(wait=True).metrics == {}, "scripts are played once"


def test_the_same_script_is_the_same_run(project):
    def seen():
        testing.play(Script(metrics={"loss": 0.5}, fails_at="register"))
        steps = list(api.watch(trained().id))
        return [(run.state, *(stage.state for stage in run.stages), run.metrics) for run in steps]

    assert seen() == seen()


def test_a_run_that_stays_is_shown_again_to_those_who_want_the_time(project):
    testing.play(Script(stays_at="train", logs={"train": "epoch 1\n"}))
    run_id = trained().id
    runner = MemoryRunner(Config.load())
    ticks = list(itertools.islice(runner.watch(run_id, interval_s=0, ticking=True), 12))
    assert ticks[-1] == ticks[-2]
    assert ticks[-1].stage("train").state is StageState.RUNNING
    assert api.logs(run_id, stage="train") == "epoch 1\n"

    watched = runner.watch(run_id, interval_s=0)
    assert next(watched) == ticks[-1]
    assert api.cancel(run_id).state is RunState.CANCELED
    assert [run.state for run in watched] == [RunState.CANCELED]


def test_who_watches_is_not_shown_that_nothing_happens(project, monkeypatch):
    testing.play(Script(stays_at="train"))
    run_id = trained().id
    naps = iter([lambda: None, lambda: None, lambda: api.cancel(run_id)])
    monkeypatch.setattr("time.sleep", lambda _: next(naps)())
    seen = list(api.watch(run_id))
    assert seen[-1].state is RunState.CANCELED
    assert all(one != other for one, other in itertools.pairwise(seen))
    assert list(naps) == []


def test_who_follows_sees_the_curves(project):
    testing.play(Script(metrics={"loss": (0.5, 0.25, 0.125)}))
    last = list(api.follow(trained().id))[-1]
    assert [(curve.name, curve.count) for curve in last.curves] == [("loss", 3)]


def test_a_model_version_protects_its_run(project):
    testing.play(Script(model=Model(uri="models:/sample/3", name="sample", version="3")))
    run = trained(wait=True)
    with pytest.raises(RunError, match="version 3 of model sample"):
        api.delete(run.id)
    api.delete(run.id, force=True)
    assert api.runs() == ()


@pytest.mark.parametrize(
    "script", [Script(fails_at="trian"), Script(stays_at="trian"), Script(logs={"trian": "x"})]
)
def test_a_script_for_a_stage_that_is_none_is_refused(project, script):
    testing.play(script)
    with pytest.raises(UsageError, match="'trian'") as refused:
        trained()
    assert "train" in refused.value.hint
    assert api.runs() == ()


def test_another_process_knows_nothing_of_it(project):
    trained()
    command = [sys.executable, "-m", "mlops_nb", "runs", "--json"]
    listed = subprocess.run(command, cwd=project.root, capture_output=True, check=True)
    assert b"memory" not in listed.stdout
