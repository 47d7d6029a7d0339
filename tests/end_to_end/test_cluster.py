"""What a team does on a cluster: it trains, evaluates, tunes, watches and updates one model."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import mlflow
import numpy
import pandas
import pytest
from sklearn.dummy import DummyClassifier

from mlops_nb import api
from mlops_nb.deployment import Built, descriptor
from mlops_nb.deployment.kserve import KServeTarget
from mlops_nb.exceptions import (
    ConfigError,
    DeploymentError,
    PreflightError,
    RunError,
    UsageError,
)
from mlops_nb.interfaces import card
from mlops_nb.journal import (
    EvaluationReported,
    MetricsLogged,
    ModelEvaluated,
    ModelLogged,
    RunTracked,
    read_report,
    read_window,
)
from mlops_nb.serving.inference_log import InferenceLog
from mlops_nb.settings import Config
from mlops_nb.testing import KubeflowServer, KubernetesServer
from mlops_nb.tracking import tags
from mlops_nb.tracking.recall import recall
from mlops_nb.types import Origin, RunState, StageState, Traffic
from tests.end_to_end import kubeflow
from tests.vocabulary import Project

STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")
PARAMETERS = "rate: float = 0.5\nparent_model: str = ''\nnew_data: str = ''"
# It logs a model of all classes, so that an update has something to go on from.
CELLS = (
    "import mlflow, numpy\nimport mlops_nb as mlops\n"
    "from sklearn.linear_model import SGDClassifier\nimport helper",
    "rows, model = mlops.new_data(), mlops.parent()\n"
    "model = model or SGDClassifier(loss='log_loss', random_state=0)\n"
    "inputs = rows[['a', 'b']].astype(float)\n"
    "for _ in range(20):\n    model.partial_fit(inputs, rows['label'], classes=[0, 1])",
    "with mlflow.start_run():\n"
    "    mlflow.log_metric('fit_rows', len(rows))\n"
    "    mlflow.log_metric('answer', helper.ANSWER)\n"
    "    mlflow.log_metric('rate_seen', rate)\n"
    "    mlflow.sklearn.log_model(model, name='model', pip_requirements=['scikit-learn'],\n"
    "        input_example=inputs.head(2))",
)
# The first one logs another metric than is asked for.
TRIALS = (
    "import mlflow\nprint('it tries', i)",
    "for step in range(2):\n"
    "    mlflow.log_metric('score' if i else 'other', i + 1.0 + step, step=step)",
    "if i == 2:\n    from sklearn.linear_model import LinearRegression\n"
    "    model = LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0])\n"
    "    mlflow.sklearn.log_model(model, name='model', pip_requirements=['scikit-learn'])",
)
CLAIM = "team"
QUICK = {"tracking.autolog": "false"}


@pytest.fixture(scope="module")
def team(_template, _empty_store, tmp_path_factory):
    """A project whose runs go to a double of a cluster, and that double."""
    folder, store = tmp_path_factory.mktemp("team"), tmp_path_factory.mktemp("mlflow")
    shutil.copy(_empty_store, store / "mlflow.db")
    shutil.copytree(_template, folder / "project", symlinks=True)
    shutil.copytree(_template.parent / "remote", folder / "remote")
    project = Project(folder / "project")
    environments = kubeflow.baked(folder, project.root)
    with (
        kubeflow.mlflow_server(store) as tracking,
        KubeflowServer(
            folder / "cluster",
            claims=[CLAIM],
            secrets={"optuna": {"url": "sqlite:///team.db"}},
            pod_environment={"MLOPS_NB_ENVIRONMENTS": str(environments)},
        ) as server,
    ):
        kubeflow.with_remotes(project, tracking=tracking, url=server.url)
        yield project, server


@pytest.fixture(scope="module")
def trained(team):
    """The project, and a run of the cluster with a model that was registered."""
    project, _ = team
    project.notebook(*CELLS, parameters=PARAMETERS)
    run = train(project)
    assert run.state is RunState.SUCCEEDED, (run.error, api.logs(run.id, project=project.root))
    return project, run


def train(project, **how):
    return api.train(
        "train.ipynb",
        params={"rate": 0.25},
        settings=QUICK,
        wait=True,
        project=project.root,
        **how,
    )


def shown(run, project) -> str:
    """Return the card of a run, as a cell shows it."""
    return card.card(next(api.follow(run.id, project=project.root)))


def test_a_run_goes_from_the_notebook_to_a_model_version(trained, team):
    project, run = trained
    assert {s.name: s.state.value for s in run.stages} == dict.fromkeys(STAGES, "SUCCEEDED")
    assert run.metrics["rate_seen"] == 0.25
    assert "test_accuracy" in run.metrics
    points = {p.name: p.value for p in api.points(run.id, project=project.root)}
    assert points["answer"] == 41
    assert run.provided["data/train.csv"] == run.snapshot.dataset("train").hash
    assert (run.model.name, run.model.version) == ("sample", "1")
    found = mlflow.MlflowClient(run.tracking_uri).get_run(run.mlflow_run_id)
    assert found.data.tags["mlops.run_id"] == run.id
    assert found.data.tags["mlops.kfp.run_id"] == run.kfp_run_id
    assert found.data.params["rate"] == "0.25"
    assert "mlops_nb event" not in api.logs(run.id, project=project.root)
    _, server = team
    uploads = [path for _, path, _ in server.requests if "upload_version" in path]
    assert len(uploads) == 1, "a version is uploaded once"
    published = {p.pipeline: p.uploaded for p in api.publish(project=project.root)}
    assert published.pop("mlops-nb-training") is False
    assert set(published.values()) == {True}


def test_what_is_left_of_a_run_whose_logs_are_lost_is_in_mlflow(trained):
    _, run = trained
    events = {type(event): event for event in recall(run.tracking_uri, run.id)}
    assert events[RunTracked].mlflow_run_id == run.mlflow_run_id
    assert events[MetricsLogged].metrics == run.metrics
    assert events[ModelLogged].model.version == run.model.version
    assert events[ModelEvaluated].evaluation.gates == run.evaluation.gates
    assert events[EvaluationReported].report == read_report(Path(run.evaluation.report))


def test_a_run_of_the_cluster_is_reproduced_here(trained):
    project, run = trained
    verdict = api.reproduce(run.id, project=project.root)
    assert verdict.passed, verdict.reason
    assert api.show(verdict.reproduction_id, project=project.root).backend == "local"


def test_the_report_of_a_training_comes_back_from_its_pod(trained):
    project, run = trained
    report = read_report(Path(run.evaluation.report))
    assert (report.run_id, report.evaluation.tests) == (run.id, ("data/test.csv",))
    assert report.tables[0].metrics["test_accuracy"] == run.metrics["test_accuracy"]
    assert "<html" in Path(run.evaluation.report).read_text()
    assert "confusion" in shown(run, project).lower()


def test_the_next_run_is_unchanged_and_has_the_report_that_mlflow_keeps(trained):
    project, run = trained
    again = train(project)
    assert again.state is RunState.SUCCEEDED
    assert {s.name for s in again.stages if s.state is StageState.SKIPPED} == set(STAGES[2:])
    assert again.mlflow_run_id == run.mlflow_run_id
    assert again.metrics == run.metrics
    assert again.model.version == "1"
    assert again.evaluation.passed == run.evaluation.passed
    assert read_report(Path(again.evaluation.report)).tables == (
        read_report(Path(run.evaluation.report)).tables
    )
    fresh = train(project, cache=False)
    assert {s.name: s.state.value for s in fresh.stages} == dict.fromkeys(STAGES, "SUCCEEDED")
    assert fresh.mlflow_run_id != run.mlflow_run_id


def test_a_model_of_ours_is_evaluated_in_pods_with_the_code_that_made_it(trained, team, json_of):
    project, run = trained
    project.write("helper.py", "raise RuntimeError('code of now')\n")
    project.write("data/june.csv", (project.root / "data/test.csv").read_text())
    api.track("data/june.csv", project=project.root)
    code, found = json_of(
        "evaluate", "sample/1", "--test", "data/june.csv", "--gate", "test_accuracy>=0",
        "--gate", "test_accuracy>=champion", "--wait", "--project", str(project.root),
    )  # fmt: skip
    assert (code, found["state"]) == (0, "SUCCEEDED"), found["error"]
    assert (found["backend"], found["pipeline"]) == ("kubeflow", "evaluation")
    assert found["snapshot"]["code"]["sha"] == run.snapshot.code.sha
    (dataset,) = found["snapshot"]["datasets"]
    assert dataset["sha"] != run.snapshot.code.sha
    assert found["provided"] == {"data/june.csv": dataset["hash"]}
    assert [stage["state"] for stage in found["stages"]] == ["SUCCEEDED"] * 3
    assert found["metrics"]["test_accuracy"] == run.metrics["test_accuracy"]
    assert [gate["passed"] for gate in found["evaluation"]["gates"]] == [True, True]
    report = read_report(Path(found["evaluation"]["report"]))
    said = [finding.message for finding in report.tables[0].findings]
    assert any("are in the training data as well" in message for message in said)
    tracked = mlflow.MlflowClient(found["tracking_uri"]).get_run(found["mlflow_run_id"])
    assert tracked.data.tags[tags.EVALUATED] == run.model.uri
    assert tracked.data.tags[tags.KFP_RUN_ID] == found["kfp_run_id"]
    project.git("checkout", "-q", "--", "helper.py")


def test_a_model_of_others_fails_its_gate_and_that_is_told_here(trained):
    project, _ = trained
    mlflow.set_tracking_uri(Config.load(project.root).tracking_uri)
    mlflow.set_experiment("elsewhere")
    model = DummyClassifier(strategy="constant", constant=1).fit([[0.0], [1.0]], [0, 1])
    with mlflow.start_run():
        logged = mlflow.sklearn.log_model(model, name="model", pip_requirements=["scikit-learn"])
    run = api.evaluate(
        logged.model_uri,
        against="1",
        gate=["test_accuracy>=0.9"],
        settings={"data.target": "label"},
        wait=True,
        project=project.root,
    )
    assert run.state is RunState.SUCCEEDED, (run.error, api.logs(run.id, project=project.root))
    assert (run.backend, run.evaluation.passed) == ("kubeflow", False)
    assert "gate failed: test_accuracy>=0.9" in run.evaluation.refusal
    assert "test_accuracy&gt;=0.9" in shown(run, project)
    (duel,) = read_report(Path(run.evaluation.report)).tables[0].duels
    assert duel.opponent == "against"


def test_what_pods_could_not_evaluate_is_refused_and_nothing_is_left(trained, tmp_path):
    project, run = trained
    refs = project.git("for-each-ref", "refs/mlops")
    project.write("helper.py", "ANSWER = 43\n")
    for given, message in (
        ({"model": "models:/m-1", "push": False}, "is not at origin"),
        ({"model": run.id, "against": str(tmp_path / "model")}, "is on this machine"),
        ({"model": "file:///models/theirs"}, "is on this machine"),
    ):
        with pytest.raises(PreflightError, match=message) as refused:
            api.evaluate(project=project.root, **given)
        assert refused.value.hint
    assert project.git("for-each-ref", "refs/mlops") == refs
    project.git("checkout", "-q", "--", "helper.py")


@pytest.fixture(scope="module")
def tuned(team):
    """The project, and a tuning of the cluster: one trial fails, and the last one is the best."""
    project, _ = team
    project.notebook(*TRIALS, parameters="i: int = 0", path="tuned.ipynb")
    run = api.tune(
        "tuned.ipynb",
        space={"i": [0, 1, 2]},
        objective="score",
        direction="maximize",
        sampler="grid",
        parallel=2,
        settings={
            **QUICK,
            "tuning.storage": "STUDY_URL",
            "kubeflow.secrets_tuning": {"STUDY_URL": "optuna/url"},
        },
        register=True,
        wait=True,
        project=project.root,
    )
    assert run.state is RunState.SUCCEEDED, (run.error, api.logs(run.id, project=project.root))
    return project, run


def test_workers_in_pods_share_the_trials_of_a_tuning(tuned):
    project, run = tuned
    workers = ("worker", "worker-2")
    stages = ("provision-code", "provision-data", "study", *workers, "best", "register")
    assert {s.name: s.state.value for s in run.stages} == dict.fromkeys(stages, "SUCCEEDED")
    states = {t.parameters["i"]: t.state.value for t in run.study.trials}
    assert states == {0: "FAILED", 1: "SUCCEEDED", 2: "SUCCEEDED"}
    assert (run.study.best.value, run.metrics["score"]) == (4.0, 4.0)
    began, other = (run.stage(name) for name in workers)
    assert other.started_at < began.started_at + began.seconds, "they are at work side by side"
    tried = [api.logs(run.id, stage=name, project=project.root).count("trial") for name in workers]
    assert sum(tried) == 2 * 3
    points = [p.value for p in api.points(run.id, project=project.root)]
    assert points == sorted(points)
    assert points[-1] == 4.0
    assert "3 trials: 2 done, 1 failed" in shown(run, project)


def test_the_best_of_them_is_a_model_version_and_all_are_nested_in_mlflow(tuned):
    _, run = tuned
    client, found = mlflow.MlflowClient(run.tracking_uri), children(run)
    assert sorted(c.data.params["i"] for c in found) == ["0", "1", "2"]
    assert {c.data.tags["mlflow.source.git.commit"] for c in found} == {run.snapshot.code.sha}
    assert {c.data.tags[tags.KFP_RUN_ID] for c in found} == {run.kfp_run_id}
    assert {c.info.status for c in found} == {"FINISHED"}
    tracked = client.get_run(run.mlflow_run_id)
    assert tracked.info.status == "FINISHED"
    assert tracked.data.metrics["best_score"] == 4.0
    version = client.get_model_version("sample", run.model.version)
    (best,) = (c for c in found if c.data.params["i"] == "2")
    assert version.run_id == best.info.run_id


def test_a_trial_in_a_pod_is_a_run_here_with_its_own_record(tuned):
    project, run = tuned
    best, failed = (
        api.show(f"{run.id}/{t.number}", project=project.root)
        for i in (2, 0)
        for t in run.study.trials
        if t.parameters["i"] == i
    )
    assert (best.state, best.backend) == (RunState.SUCCEEDED, "kubeflow")
    assert best.snapshot.code == run.snapshot.code
    assert best.snapshot.environment == run.snapshot.environment
    (varied,) = (p for p in best.snapshot.hyperparameters if p.name == "i")
    assert (varied.value, varied.source) == (2, "trial")
    assert best.model.uri == run.model.uri
    curve = [(p.step, p.value) for p in api.points(best.id, project=project.root)]
    assert curve == [(0, 3.0), (1, 4.0)]
    assert "it tries 2" in api.logs(best.id, project=project.root)
    assert "no metric 'score'" in failed.error.message
    assert failed.error.log.startswith(str(project.root))
    for verb in (api.cancel, api.resume, api.delete):
        with pytest.raises(RunError, match="is a trial of run"):
            verb(best.id, project=project.root)


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        ("", "tuning.storage is not set"),
        ("STUDY_URL", "is in no Kubernetes secret"),
    ],
)
def test_a_study_that_pods_could_not_share_is_refused(team, storage, message):
    project, _ = team
    runs = api.runs(project=project.root)
    with pytest.raises(PreflightError, match=message) as refused:
        api.tune(
            "tuned.ipynb", space={"i": [0, 1]}, objective="score", direction="maximize",
            settings={"tuning.storage": storage}, project=project.root,
        )  # fmt: skip
    assert refused.value.hint
    assert api.runs(project=project.root) == runs


@pytest.fixture
def served(trained, tmp_path, monkeypatch):
    """The project, with its model on KServe, and the folder of its log on the team's claim."""
    project, run = trained
    claims = project.root.parent / "cluster" / "claims"
    (claims / CLAIM).mkdir(parents=True, exist_ok=True)
    program = Path(__file__).parents[1] / "deployment" / "kserve" / "service.py"
    image = "registry.example.com/team/sample@sha256:1"
    images = {image: (sys.executable, str(program), "good")}
    with KubernetesServer(tmp_path, images, token="t", claims={CLAIM: claims / CLAIM}) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        monkeypatch.setenv("MLOPS_NB_KSERVE_INGRESS", cluster.url)
        monkeypatch.setenv("MLOPS_NB_KUBEFLOW_VOLUME_CLAIM", CLAIM)
        target = KServeTarget(Config.load(project.root))
        wanted = descriptor.of(
            {"name": "sample", "model": run.id, "kserve": {"log_claim": CLAIM},
             "service": {"start_s": 30}}
        )  # fmt: skip
        origin = Origin(model=run.model, run_id=run.id)
        target.create(wanted, Built(package="0" * 64, image=image), origin)
        target.route("sample", Traffic(percent={1: 100}))
        yield project, claims / CLAIM / target.shared_log("sample", 1).place


# A pod that is a process sees a claim where it is mounted.
@pytest.mark.skipif(not os.access("/", os.W_OK), reason="nothing can be mounted at /mlops here")
def test_a_window_on_a_claim_is_looked_at_in_pods(served, json_of, monkeypatch):
    project, folder = served
    log = InferenceLog(folder, "1", sample=1.0, limit_bytes=1 << 20, dropped=pytest.fail)
    for number in range(40):
        # Of b there are values that the training data do not have.
        rows = pandas.DataFrame({"a": [float(i) for i in range(10)], "b": [number + 10.0] * 10})
        log.add(f"r-{number}", 0.01, rows, numpy.ones(10))
    log.close()
    code, found = json_of("monitor", "sample", "--wait", "--project", str(project.root))
    assert (code, found["state"]) == (3, "SUCCEEDED"), found["error"]
    assert (found["backend"], found["pipeline"]) == ("kubeflow", "monitoring")
    assert [stage["state"] for stage in found["stages"]] == ["SUCCEEDED"] * 3
    assert found["monitoring"]["alarm"] is True
    report = read_window(Path(found["monitoring"]["report"]))
    assert (report.run_id, report.window.rows) == (found["id"], 400)
    assert "b" in {column.name for column in report.columns if column.drifted}
    run = api.show(found["id"], project=project.root)
    assert "DRIFT" in api.logs(run.id, stage="drift", project=project.root)
    assert "b" in shown(run, project)
    client = mlflow.MlflowClient(Config.load(project.root).tracking_uri)
    (experiment,) = client.search_experiments(filter_string="name = 'sample monitoring'")
    (series,) = client.search_runs([experiment.experiment_id])
    kept = {one.path for one in client.list_artifacts(series.info.run_id, "mlops/windows")}
    assert kept == {f"mlops/windows/{run.id}{suffix}" for suffix in (".html", ".json")}

    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_VOLUME_CLAIM", "another")
    with pytest.raises(ConfigError, match="is on the claim team, and pods of a run mount another"):
        api.monitor("sample", project=project.root)
    with pytest.raises(DeploymentError, match="which pods alone see") as refused:
        api.monitor("sample", backend="local", project=project.root)
    assert "--backend kubeflow" in refused.value.hint
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_VOLUME_CLAIM", CLAIM)
    with pytest.raises(UsageError, match="no project that it could start train in"):
        api.monitor("sample", on_drift="train", project=project.root)


def test_an_update_learns_on_in_pods_and_its_gate_is_told_here(trained):
    project, parent = trained
    for name in ("train", "test"):
        path = project.root / f"data/{name}.csv"
        rows = path.read_text()
        path.unlink()
        path.write_text(rows + "".join(f"{i},{i % 7},{int(i % 7 > 3)}\n" for i in range(100, 130)))
    with pytest.raises(PreflightError, match="is not at origin"):
        api.update(parent=parent.id, push=False, project=project.root)
    run = api.update(parent=parent.id, replay=0.5, settings=QUICK, wait=True, project=project.root)
    assert run.state is RunState.SUCCEEDED, (run.error, api.logs(run.id, project=project.root))
    assert run.backend == "kubeflow"
    assert run.metrics["fit_rows"] == 30 + 0.5 * 60
    assert (run.lineage.run_id, run.lineage.rows) == (parent.id, 30)
    assert {"test_new_accuracy", "test_old_accuracy"} <= set(run.metrics)
    assert [gate.gate for gate in run.evaluation.gates] == [
        "test_new_score>=parent-2%", "test_old_score>=parent-5%",
    ]  # fmt: skip
    registered = run.stage("register").state is StageState.SUCCEEDED
    assert run.evaluation.passed == registered == (run.model.version is not None)
    tracked = mlflow.MlflowClient(run.tracking_uri).get_run(run.mlflow_run_id)
    assert tracked.data.tags[tags.PARENT_MODEL] == "sample/1"
    parts = {table.prefix for table in read_report(Path(run.evaluation.report)).tables}
    assert parts == {"test_", "test_new_", "test_old_"}


@pytest.fixture
def waiting(team, until, tmp_path):
    """A tuning whose first two trials wait, each in a worker, and the flag that they wait for."""
    project, _ = team
    flag = tmp_path / "flag"
    project.notebook(
        "import mlflow, pathlib, time\nmlflow.log_metric('score', float(i))",
        "while not pathlib.Path(flag).exists():\n    time.sleep(0.1)",
        parameters="i: int = 0\nflag: str = ''",
        path="waits.ipynb",
    )
    run = api.tune(
        "waits.ipynb", space={"i": [0, 1, 2, 3]}, objective="score", direction="maximize",
        sampler="grid", parallel=2, params={"flag": str(flag)}, project=project.root,
        settings={**QUICK, "tuning.storage": "sqlite:///team.db"},
    )  # fmt: skip

    def waits() -> bool:
        found = api.show(run.id, project=project.root)
        begun = [t.number for t in found.study.trials] if found.study else []
        shown = [api.show(f"{run.id}/{number}", project=project.root) for number in begun]
        return len(shown) == 2 and all("score" in trial.metrics for trial in shown)

    until(waits, 240)
    return run, flag


def children(run) -> list:
    """Return the trials of a tuning in MLflow."""
    client = mlflow.MlflowClient(run.tracking_uri)
    (experiment,) = client.search_experiments(filter_string="name = 'sample'")
    query = f"tags.mlflow.parentRunId = '{run.mlflow_run_id}'"
    return client.search_runs([experiment.experiment_id], query)


@pytest.mark.faults
def test_a_tuning_that_is_canceled_leaves_nothing_open(team, waiting):
    project, _ = team
    run, _ = waiting
    ended = api.cancel(run.id, project=project.root)
    assert ended.state is RunState.CANCELED
    trials = [api.show(f"{run.id}/{t.number}", project=project.root) for t in ended.study.trials]
    assert [trial.state for trial in trials] == [RunState.LOST] * 2
    assert {child.info.status for child in children(ended)} == {"KILLED"}
    client = mlflow.MlflowClient(ended.tracking_uri)
    assert client.get_run(ended.mlflow_run_id).info.status == "KILLED"


@pytest.mark.faults
def test_a_worker_that_is_evicted_takes_its_trial_up_again(team, waiting):
    project, server = team
    run, flag = waiting
    server.evict(run.kfp_run_id, "worker")
    flag.touch()
    *_, ended = api.watch(run.id, project=project.root)
    assert (ended.state, ended.error.type) == (RunState.FAILED, "StageKilled")
    assert ended.stage("worker-2").state is StageState.SUCCEEDED
    states = [t.state.value for t in ended.study.trials]
    assert sorted(states) == ["RUNNING", "SUCCEEDED", "SUCCEEDED", "SUCCEEDED"]
    (open_,) = (t.number for t in ended.study.trials if t.state.value == "RUNNING")
    assert api.show(f"{run.id}/{open_}", project=project.root).state is RunState.LOST
    assert mlflow.MlflowClient(ended.tracking_uri).get_run(ended.mlflow_run_id).info.status == (
        "FAILED"
    )

    resumed = api.resume(run.id, wait=True, project=project.root)
    assert resumed.state is RunState.SUCCEEDED, resumed.error
    assert [t.number for t in resumed.study.trials] == [0, 1, 2, 3]
    assert {t.state.value for t in resumed.study.trials} == {"SUCCEEDED"}
    assert resumed.study.best.parameters == {"i": 3}
    found = children(resumed)
    assert sorted(child.data.params["i"] for child in found) == ["0", "1", "2", "3"]
    assert {child.info.status for child in found} == {"FINISHED"}
    client = mlflow.MlflowClient(resumed.tracking_uri)
    assert client.get_run(resumed.mlflow_run_id).info.status == "FINISHED"
    verdict = api.reproduce(f"{run.id}/{resumed.study.best.number}", project=project.root)
    assert verdict.passed, verdict.reason
