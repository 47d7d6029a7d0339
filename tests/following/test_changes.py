from __future__ import annotations

import contextlib
from types import SimpleNamespace

import msgspec
import pytest

from mlops_nb import api
from mlops_nb.deployment.local.records import FOLDER, Place
from mlops_nb.following import changes
from mlops_nb.journal import RUNS, MetricsLogged, RunFinished, RunFolder, RunQueued
from mlops_nb.settings import Config
from mlops_nb.testing import Script, play
from mlops_nb.types import Moment, RunState, Summary
from tests.vocabulary import request

ENDED = RunFinished(state=RunState.SUCCEEDED, seconds=2.0)


@pytest.fixture
def config(tmp_path):
    (tmp_path / "mlops.toml").write_text("[project]\nname = 'sample'\n")
    return Config.load(tmp_path)


def ended_run(config, name, *events):
    """Write a run as another process does that began and ended it between two looks."""
    made = RunFolder(config.state_folder / RUNS / name)
    made.create(msgspec.structs.replace(request(), id=name))
    for event in (RunQueued(pid=1), *events, ENDED):
        made.append(event)
    return made


def looked(source):
    return [(change.id, change.data) for change in source.look()]


def test_what_was_there_before_is_no_news(config):
    ended_run(config, "a")
    source = changes.Runs(config)
    assert looked(source) == looked(source) == []


def test_a_run_of_another_process_is_told_of_once(config):
    source = changes.Runs(config)
    looked(source)
    ended_run(config, "a", MetricsLogged(metrics={"loss": 0.5}))
    ((name, glimpse),) = looked(source)
    assert (name, glimpse.run.state, glimpse.run.metrics) == (
        "a",
        RunState.SUCCEEDED,
        {"loss": 0.5},
    )
    assert looked(source) == []


def test_a_run_that_is_gone_is_told_of(config):
    folder = ended_run(config, "a")
    source = changes.Runs(config)
    looked(source)
    folder.path.rename(folder.path.with_name(".deleted-a"))
    assert looked(source) == [("a", None)]


def test_while_nothing_happens_no_run_is_looked_for(config, monkeypatch):
    ended_run(config, "a")
    source = changes.Runs(config)
    looked(source)
    surveys = []
    monkeypatch.setattr(source, "_survey", lambda: surveys.append(1) or iter(()))
    # The folder has just been written to, and might be again within a tick of its clock.
    monkeypatch.setattr(changes, "_TICK_NS", 0)
    for _ in range(9):
        looked(source)
    assert len(surveys) <= 1


@pytest.mark.parametrize("error", [FileNotFoundError, ValueError])
def test_a_look_that_fails_loses_no_end(config, monkeypatch, error):
    """Whatever a look raises, the next survey tells what has become of the run."""
    folder = RunFolder(config.state_folder / RUNS / "a")
    folder.create(msgspec.structs.replace(request(), id="a"))
    source = changes.Runs(config)
    known = SimpleNamespace(
        summaries=lambda: [Summary.of(folder.load())],
        points=lambda _: ([], 0),
        has_folderless=False,
    )
    monkeypatch.setattr(source, "_runner", known)
    monkeypatch.setattr(changes, "_CLUSTER_S", 0.0)

    def once():
        yield Moment(run=folder.load())
        raise error("in the middle of it")

    monkeypatch.setattr(changes.moments, "looks", lambda *_, **__: once())
    assert [glimpse.run.state for _, glimpse in looked(source)] == [RunState.PENDING]
    folder.append(ENDED)
    told = []
    for _ in range(4):
        # It ends between a survey and the next step, which then fails.
        monkeypatch.setattr(source, "_stamp", -1)
        with contextlib.suppress(ValueError):
            told += looked(source)
    assert [glimpse.run.state for _, glimpse in told] == [RunState.SUCCEEDED]


def test_a_run_is_followed_to_its_end(project):
    play(Script(metrics={"loss": (0.5, 0.25)}, logs={"train": "epoch 1\n"}), project=project.root)
    source = api.sources(project=project.root)["run"]
    looked(source)
    run = api.train("train.ipynb", backend="memory")
    seen = [found for _ in range(40) for found in looked(source)]
    assert {name for name, _ in seen} == {run.id}
    assert seen[-1][1].run.state is RunState.SUCCEEDED
    assert seen[-1][1].curves[0].count == 2
    assert "epoch 1" in [glimpse.log for _, glimpse in seen]
    assert len(seen) == len({msgspec.json.encode(glimpse) for _, glimpse in seen})


def test_a_deployment_is_told_of_when_it_is_other_than_before(config):
    source = changes.Deployments(config)
    looked(source)
    place = Place(config.state_folder / FOLDER, "sample")
    place.change(lambda wanted: msgspec.structs.replace(wanted, stopped=True))
    ((name, found),) = looked(source)
    assert (name, found.state.value) == ("sample", "STOPPED")
    assert looked(source) == []
    place.change(lambda wanted: msgspec.structs.replace(wanted, deleted=True))
    assert looked(source) == [("sample", None)]


def test_a_schedule_is_told_of_when_it_is_made_changed_and_forgotten(project):
    source = api.sources(project=project.root)["schedule"]
    assert looked(source) == []
    api.schedule("train.ipynb", cron="0 6 * * *")
    ((name, made),) = looked(source)
    assert (name, made.cron, made.paused) == ("train", "0 6 * * *", False)
    assert looked(source) == []
    api.reschedule(name, pause=True)
    assert [found.paused for _, found in looked(source)] == [True]
    api.unschedule(name)
    assert looked(source) == [("train", None)]
