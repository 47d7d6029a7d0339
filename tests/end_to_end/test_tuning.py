"""A whole tuning: eight trials at once on a fresh store, killed in the middle, and resumed."""

from __future__ import annotations

import os
import signal

import mlflow
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from mlops_nb import api, processes
from mlops_nb.exceptions import RunError
from mlops_nb.journal import RunQueued
from mlops_nb.types import RunState, TrialState

PARAMETERS = "i: int = 0\ngate: str = ''"
# The first logs another metric. The last two log nothing before the gate is open; then one is far
# behind and would go on for ever, and the other one is the best.
CELLS = (
    "import pathlib, time\nimport mlflow\n"
    "assert not pathlib.Path('data/test.csv').exists(), 'the test data are shown'",
    "while i >= 6 and not pathlib.Path(gate).exists():\n    time.sleep(0.05)",
    "name = 'score' if i else 'other'\n"
    "for step in range(3):\n    mlflow.log_metric(name, -1.0 if i == 6 else i + 1.0, step=step)\n"
    "while i == 6:\n    time.sleep(0.05)",
    "if i == 7:\n    from sklearn.linear_model import LinearRegression\n"
    "    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])\n"
    "    mlflow.sklearn.log_model(model, name='model', pip_requirements=['scikit-learn'])",
)
TRIALS = 8


@pytest.fixture(scope="module")
def gate(tmp_path_factory):
    return tmp_path_factory.mktemp("gate") / "open"


@pytest.fixture(scope="module")
def tuned(shared_project, gate):
    """The project, and the id of a tuning whose last trials wait."""
    shared_project.notebook(*CELLS, parameters=PARAMETERS)
    run = api.tune(
        shared_project.root / "train.ipynb",
        space={"i": list(range(TRIALS))},
        objective="score",
        direction="maximize",
        trials=TRIALS,
        parallel=TRIALS,
        sampler="grid",
        params={"gate": str(gate)},
        settings={"tracking.autolog": False},
        register=True,
        project=shared_project.root,
    )
    return shared_project, run.id


@pytest.fixture
def ended(tuned, gate, until, monkeypatch):
    """The tuning when it has ended, in the current folder, also where no other test came before."""
    project, run_id = tuned
    monkeypatch.chdir(project.root)
    # The last two are let on when there is something that one of them is behind.
    until(lambda: (run := api.show(run_id)).state.terminal or first_ended(run), 240)
    gate.touch()
    *_, run = api.watch(run_id)
    assert run.state is RunState.SUCCEEDED, run.error
    return project, run_id


def first_ended(run):
    begun = run.study.trials if run.study is not None else ()
    return len(begun) == TRIALS and run.study.count(TrialState.RUNNING) == 2


def test_none_is_lost_or_doubled_when_it_is_killed_in_the_middle(
    tuned, gate, until, folder_of, monkeypatch
):
    project, run_id = tuned
    monkeypatch.chdir(project.root)
    until(lambda: first_ended(api.show(run_id)), 240)
    folder = folder_of(run_id)
    driver = [e.pid for e in folder.read()[0] if isinstance(e, RunQueued)][-1]
    os.kill(driver, signal.SIGKILL)
    lost = until(lambda: (run := api.show(run_id)).state.terminal and run)
    assert lost.state is RunState.LOST
    assert processes.of_run(run_id) == []
    assert api.show(f"{run_id}/7").state is RunState.LOST
    assert api.show(f"{run_id}/2").state is RunState.SUCCEEDED

    gate.touch()
    run = api.resume(run_id, wait=True)
    assert run.state is RunState.SUCCEEDED, run.error
    states = {t.parameters["i"]: t.state for t in run.study.trials}
    assert states == {
        0: TrialState.FAILED,
        **dict.fromkeys((1, 2, 3, 4, 5, 7), TrialState.SUCCEEDED),
        6: TrialState.PRUNED,
    }
    assert [t.number for t in run.study.trials] == list(range(TRIALS))
    assert run.study.best.value == run.metrics["score"] == 8.0

    study = optuna.load_study(
        study_name="tuning", storage=JournalStorage(JournalFileBackend(str(folder.study)))
    )
    assert sorted(t.params["i"] for t in study.trials) == list(range(TRIALS))
    assert all(t.state.is_finished() for t in study.trials)

    client = mlflow.MlflowClient(tracking_uri=run.tracking_uri)
    (experiment,) = client.search_experiments(filter_string="name = 'sample'")
    children = client.search_runs(
        [experiment.experiment_id], f"tags.mlflow.parentRunId = '{run.mlflow_run_id}'"
    )
    by_value = {int(child.data.params["i"]): child for child in children}
    assert len(children) == len(by_value) == TRIALS
    statuses = {i: child.info.status for i, child in by_value.items()}
    assert statuses == {**dict.fromkeys(range(TRIALS), "FINISHED"), 6: "KILLED"}
    assert {c.data.tags["mlflow.source.git.commit"] for c in children} == {run.snapshot.code.sha}
    assert client.get_run(run.mlflow_run_id).data.metrics["best_score"] == 8.0


def test_a_trial_is_a_run_with_its_pins_and_its_notebook(ended, json_of):
    project, run_id = ended
    tuning = api.show(run_id)
    trial = api.show(f"{run_id}/7")
    assert trial.snapshot.code == tuning.snapshot.code
    assert trial.snapshot.environment == tuning.snapshot.environment
    assert trial.snapshot.datasets == tuning.snapshot.datasets
    assert [d.role for d in trial.snapshot.datasets] == ["train"]
    (varied,) = (p for p in trial.snapshot.hyperparameters if p.name == "i")
    assert (varied.value, varied.source) == (7, "trial")

    pruned = api.show(f"{run_id}/6")
    assert (pruned.state, pruned.error.type) == (RunState.CANCELED, "TrialPruned")
    assert pruned.error.cell == 4
    assert "score" in (project.root / pruned.notebook).read_text()
    silent = api.show(f"{run_id}/0").error
    assert "no metric 'score'" in silent.message
    assert "other" in silent.hint

    code, shown = json_of("show", run_id)
    assert code == 0
    assert [t["state"] for t in shown["study"]["trials"]].count("SUCCEEDED") == 6
    assert (shown["model"]["name"], shown["model"]["version"]) == ("sample", "1")
    assert shown["model"]["uri"] == trial.model.uri
    for verb in (api.cancel, api.resume, api.delete):
        with pytest.raises(RunError, match="is a trial of run"):
            verb(f"{run_id}/5")


def test_it_is_carried_with_its_trials(ended, tmp_path):
    _, run_id = ended
    carried = api.export(run_id, tmp_path / "run.tar.gz")
    elsewhere = tmp_path / "elsewhere"
    api.init(elsewhere)
    tuning = api.import_(carried, project=elsewhere)
    assert tuning.study.best == api.show(run_id).study.best
    for number in range(TRIALS):
        name = f"{run_id}/{number}"
        before, after = api.show(name), api.show(name, project=elsewhere)
        assert (after.state, after.metrics) == (before.state, before.metrics)


@pytest.mark.faults
def test_the_best_trial_comes_out_the_same(ended):
    _, run_id = ended
    with pytest.raises(RunError, match="is a tuning") as refused:
        api.reproduce(run_id)
    assert refused.value.hint.endswith(f"{run_id}/7")
    verdict = api.reproduce(f"{run_id}/7")
    assert verdict.passed, verdict.reason
    compared = {c.name for c in verdict.checks if c.kind in ("metric", "model")}
    assert compared == {"score", "contents"}

    mlflow_run_id = api.show(f"{run_id}/7").mlflow_run_id
    uri = api.show(run_id).tracking_uri
    api.delete(run_id, force=True)
    assert run_id not in {run.id for run in api.runs()}
    client = mlflow.MlflowClient(tracking_uri=uri)
    assert client.get_run(mlflow_run_id).info.lifecycle_stage == "deleted"


def test_a_deadline_ends_what_runs(project):
    project.notebook("import time\ntime.sleep(600)", parameters="rate = 0.5")
    run = api.tune(
        "train.ipynb",
        space={"rate": {"low": 0.1, "high": 1}},
        objective="score",
        direction="minimize",
        deadline=3,
        parallel=1,
        wait=True,
    )
    assert run.state is RunState.FAILED
    assert "no trial came to its end" in run.error.message
    (trial,) = run.study.trials
    assert trial.note == "the tuning came to its deadline of 3 s"
    assert trial.parameters == {"rate": 0.5}, "the notebook's own values are tried first"
    assert api.show(f"{run.id}/0").error.type == "TrialOverdue"
