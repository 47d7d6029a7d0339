"""A study in a database, which workers share: no trial is lost, and none is there twice.

MLOPS_TEST_STORAGE names another database than an SQLite file, to try the same on it.
"""

from __future__ import annotations

import multiprocessing
import os
import secrets
import subprocess
import sys

import optuna
import pytest

from mlops_nb.exceptions import ConfigError, StageError
from mlops_nb.tuning import shared, storage
from mlops_nb.tuning.shared import SharedSearch
from mlops_nb.types import Dimension, Plan, TrialState

ADDRESS = os.environ.get("MLOPS_TEST_STORAGE", "sqlite:///team.db")
SPACE = (Dimension(name="rate", kind="float", low=0.0, high=1.0),)


def plan(trials: int, **other) -> Plan:
    given = {"space": SPACE, "sampler": "random", "pruner": "none", **other}
    return Plan(objective="score", direction="maximize", trials=trials, parallel=4, **given)


@pytest.fixture
def tmp_path(tmp_path):
    """A folder that no other test has the name of: it names the study, too."""
    folder = tmp_path / f"study-{secrets.token_hex(6)}"
    folder.mkdir()
    return folder


def begun(folder, wanted: Plan, start=None) -> None:
    shared.begin(storage.opened(ADDRESS, folder), folder.name, wanted, start or {}, "tracked")


def searching(folder, wanted: Plan, worker: int) -> SharedSearch:
    return SharedSearch(storage.opened(ADDRESS, folder), folder.name, wanted, worker)


def work(folder, wanted, worker, results) -> None:
    search = searching(folder, wanted, worker)
    while (trial := search.ask()) is not None:
        search.tell(trial.number, TrialState.SUCCEEDED, trial.parameters["rate"])
        results.put((worker, trial.number, trial.parameters["rate"]))


def test_workers_at_once_try_each_trial_once(tmp_path):
    wanted = plan(16)
    begun(tmp_path, wanted)
    spawning = multiprocessing.get_context("spawn")
    results = spawning.Queue()
    workers = [spawning.Process(target=work, args=(tmp_path, wanted, n, results)) for n in range(2)]
    for worker in workers:
        worker.start()
    done = [results.get(timeout=120) for _ in range(16)]
    for worker in workers:
        worker.join(60)
    assert {worker.exitcode for worker in workers} == {0}
    assert sorted(number for _, number, _ in done) == list(range(16))
    assert len({rate for *_, rate in done}) == 16, "workers have seeds of their own"
    ended = shared.ended(storage.opened(ADDRESS, tmp_path), tmp_path.name)
    assert {trial.number: trial.value for trial in ended} == {n: rate for _, n, rate in done}


def test_what_was_begun_is_begun_once(tmp_path):
    wanted = plan(3)
    begun(tmp_path, wanted, {"rate": 0.25})
    begun(tmp_path, wanted, {"rate": 0.25})
    kept = storage.opened(ADDRESS, tmp_path)
    assert shared.tracked(kept, tmp_path.name) == "tracked"
    assert shared.tracked(kept, "another") == ""
    assert len(optuna.load_study(storage=kept, study_name=tmp_path.name).trials) == 3
    assert searching(tmp_path, wanted, 0).ask().parameters == {"rate": 0.25}


def test_a_worker_takes_up_what_it_had_and_gives_up_what_ends_it_again(tmp_path):
    wanted = plan(3)
    begun(tmp_path, wanted)
    first, other = searching(tmp_path, wanted, 0).ask(), searching(tmp_path, wanted, 1).ask()
    again = searching(tmp_path, wanted, 0)
    assert again.interrupted == [first.number]
    assert again.ask() == first
    third = searching(tmp_path, wanted, 0)
    assert third.ask().number not in (first.number, other.number)
    assert [trial.number for trial in third.given_up] == [first.number]
    assert third.states == [TrialState.FAILED]
    assert third.ask() is None


def test_a_trial_is_pruned_by_what_other_workers_have_reported(tmp_path):
    wanted = plan(6, pruner="median")
    begun(tmp_path, wanted)
    ahead = searching(tmp_path, wanted, 0)
    for _ in range(5):
        trial = ahead.ask()
        assert not ahead.prune(trial.number, 0, 10.0)
        ahead.tell(trial.number, TrialState.SUCCEEDED, 10.0)
    behind = searching(tmp_path, wanted, 1)
    assert behind.prune(behind.ask().number, 0, 1.0)


def test_a_grid_is_tried_point_by_point(tmp_path):
    wanted = plan(2, sampler="grid", space=(Dimension(name="rate", kind="choice", choices=(1, 2)),))
    begun(tmp_path, wanted)
    search = searching(tmp_path, wanted, 0)
    assert [search.ask().parameters for _ in range(2)] == [{"rate": 1}, {"rate": 2}]


def test_an_address_in_a_variable_is_read_where_the_worker_is(tmp_path, monkeypatch):
    with pytest.raises(StageError, match="which this pod does not have") as refused:
        storage.opened("STUDY_URL", tmp_path)
    assert "kubeflow.secrets_tuning" in refused.value.hint
    monkeypatch.setenv("STUDY_URL", ADDRESS)
    assert storage.opened("STUDY_URL", tmp_path).get_all_studies() is not None


def test_a_database_that_is_away_is_told_without_its_password(tmp_path, monkeypatch):
    monkeypatch.setenv("STUDY_URL", "mysql+pymysql://me:hunter2@127.0.0.1:9/study")
    with pytest.raises(StageError, match="cannot be used") as refused:
        storage.opened("STUDY_URL", tmp_path)
    assert "hunter2" not in str(refused.value)
    assert "127.0.0.1" in refused.value.hint


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("", "is not set"),
        ("sqlite:////tmp/study.db", "a file that every pod has of its own"),
        ("postgresql://optuna:hunter2@database/optuna", "has a password in it"),
        ("postgresql+psycopg://optuna@database/optuna", "has no psycopg"),
        ("grpc://optuna:13000", "has no grpcio"),
    ],
)
def test_what_pods_could_not_share_is_refused(address, message):
    with pytest.raises(ConfigError, match=message) as refused:
        storage.must_be_shared(address, {"psycopg2-binary": "2.9"}.__contains__)
    assert refused.value.hint
    assert "hunter2" not in str(refused.value)
    storage.must_be_shared("postgresql://optuna@database/optuna", {"psycopg2-binary"}.__contains__)


@pytest.mark.parametrize("address", ["study.db", "redis://host", "sqlite:///../study.db"])
def test_what_is_no_address_is_refused_with_an_example(address):
    with pytest.raises(ConfigError) as refused:
        storage.must_be_shared(address, lambda _: True)
    assert "postgresql://" in refused.value.hint


def test_reading_an_address_imports_no_optuna():
    code = "import sys, mlops_nb.orders.reach; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
