"""Runs on a cluster: the double executes the published pipeline, each stage in a clean process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import mlflow
import pytest
from msgspec import structs

from mlops_nb import api, crash
from mlops_nb.exceptions import LoginError, PreflightError, RunError
from mlops_nb.testing import KubeflowServer
from mlops_nb.types import FiringState, RunState
from tests.end_to_end import kubeflow

if TYPE_CHECKING:
    from pathlib import Path

STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")
# Points of a submission at which its session is killed.
OF_THE_SUBMISSION = ("run recorded", "cluster asked")
SECRET = "hunter2-planted"
DAYS = [datetime(2026, 11, day, 6, tzinfo=timezone.utc).timestamp() for day in range(1, 6)]


@pytest.fixture(scope="module")
def tracking(_empty_store, tmp_path_factory):
    folder = tmp_path_factory.mktemp("mlflow")
    shutil.copy(_empty_store, folder / "mlflow.db")
    with kubeflow.mlflow_server(folder) as url:
        yield url


@pytest.fixture
def cluster(project, tmp_path, tracking):
    """Make a double of a cluster that the project's runs go to."""
    servers = []

    def make(more: str = "", **options) -> KubeflowServer:
        environments = kubeflow.baked(tmp_path, project.root)
        given = {"MLOPS_NB_ENVIRONMENTS": str(environments), **options.pop("environment", {})}
        server = KubeflowServer(tmp_path / "cluster", pod_environment=given, **options)
        server.start()
        servers.append(server)
        kubeflow.with_remotes(project, tracking=tracking, url=server.url, more=more)
        return server

    yield make
    for server in servers:
        server.stop()


@pytest.fixture
def flag(tmp_path):
    """A file that a notebook waits for."""
    return tmp_path / "flag"


def waiting(project, flag: Path) -> None:
    """Write a notebook that logs a metric and then waits for a flag."""
    project.notebook(
        "import mlflow, pathlib, time\nmlflow.log_metric('before', 1.0)\nprint('it waits')",
        f"while not pathlib.Path({str(flag)!r}).exists():\n    time.sleep(0.1)",
        "mlflow.log_metric('after', 2.0)",
    )


def state_of(run, stage):
    return run.stage(stage).state.value


def waits(run_id):
    """Whether the notebook of a run waits for its flag."""
    progress = api.show(run_id).progress
    return progress is not None and progress.done == 1 and progress.total == 3


def mlflow_status(run) -> str:
    return mlflow.MlflowClient(run.tracking_uri).get_run(run.mlflow_run_id).info.status


def test_a_run_lives_through_an_absent_server_and_a_login_that_ends(
    project, cluster, flag, until, monkeypatch
):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", "first-token")
    monkeypatch.setenv("API_KEY", "here it has another value")
    server = cluster(
        'auth = "token"\n[environment]\nsecrets = ["API_KEY"]\n'
        '[kubeflow.secrets_notebook]\nAPI_KEY = "keys/api"\n',
        token="first-token",
        secrets={"keys": {"api": SECRET}},
    )
    waiting(project, flag)
    project.notebook(
        *[c["source"] for c in json.loads((project.root / "train.ipynb").read_text())["cells"]],
        "import os\nprint('the key is', os.environ['API_KEY'])",
    )
    run = api.train("train.ipynb")
    until(lambda: (p := api.show(run.id).progress) and p.done == 1, 90)

    server.fail(status=503, seconds=4)
    away = api.show(run.id)
    assert away.state is RunState.RUNNING
    assert "503" in away.trouble
    server.stop()
    assert "no answer" in api.show(run.id).trouble
    server.start()
    server.expire("second-token")
    with pytest.raises(LoginError) as refused:
        list(api.watch(run.id))
    assert refused.value.hint == "log in: jupyter mlops login"
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", "second-token")
    server.delay(0.3)
    flag.touch()
    *_, ended = api.watch(run.id)
    assert ended.state is RunState.SUCCEEDED, (ended.error, api.logs(run.id))
    assert ended.trouble is None
    assert ended.metrics == {"before": 1.0, "after": 2.0}
    assert [(p.name, p.value) for p in api.points(run.id)] == [("before", 1.0), ("after", 2.0)]
    assert state_of(ended, "evaluate") == "SKIPPED"
    log = api.logs(run.id, stage="train")
    assert log.count("it waits") <= 1
    sent = "".join(f"{path} {body}" for _, path, body in server.requests)
    kept = "".join(
        path.read_text(errors="replace")
        for path in project.root.rglob("*")
        if path.is_file() and ".git" not in path.parts
    )
    assert SECRET not in sent
    assert SECRET not in kept
    assert "second-token" not in kept + sent


@pytest.mark.parametrize(
    "terminated_state", ["FAILED", pytest.param("CANCELED", marks=pytest.mark.faults)]
)
def test_a_run_that_is_canceled_on_the_server_is_canceled_here(
    project, cluster, flag, until, terminated_state
):
    server = cluster(terminated_state=terminated_state)
    waiting(project, flag)
    run = api.train("train.ipynb")
    until(lambda: waits(run.id), 90)
    server.terminate(run.kfp_run_id)
    *_, ended = api.watch(run.id)
    assert ended.state is RunState.CANCELED
    assert state_of(ended, "train") == "CANCELED"
    assert ended.error is None
    assert mlflow_status(ended) == "KILLED"


def test_cancel_ends_the_run_on_the_server(project, cluster, flag, until):
    server = cluster()
    waiting(project, flag)
    run = api.train("train.ipynb")
    until(lambda: waits(run.id), 90)
    ended = api.cancel(run.id)
    assert ended.state is RunState.CANCELED
    assert api.cancel(run.id) == ended
    assert [path for _, path, _ in server.requests if path.endswith(":terminate")] != []
    assert mlflow_status(ended) == "KILLED"


def test_an_evicted_pod_fails_the_run_and_a_resume_goes_on_from_there(
    project, cluster, flag, until
):
    server = cluster()
    waiting(project, flag)
    run = api.train("train.ipynb")
    until(lambda: waits(run.id), 90)
    server.evict(run.kfp_run_id, "train")
    *_, ended = api.watch(run.id)
    assert (ended.state, ended.error.type) == (RunState.FAILED, "StageKilled")
    assert ended.error.stage == "train"
    assert "resources.memory" in ended.error.hint
    assert mlflow_status(ended) == "FAILED"
    code = ended.stage("provision-code")

    flag.touch()
    resumed = api.resume(run.id, wait=True)
    assert resumed.state is RunState.SUCCEEDED, (resumed.error, api.logs(run.id))
    assert resumed.stage("provision-code") == code
    assert resumed.mlflow_run_id != ended.mlflow_run_id
    assert resumed.metrics == {"before": 1.0, "after": 2.0}
    with pytest.raises(RunError, match="nothing to resume"):
        api.resume(run.id)


@pytest.mark.faults
def test_a_run_that_takes_too_long_is_ended(project, cluster, flag, until):
    server = cluster()
    waiting(project, flag)
    run = api.train("train.ipynb", settings={"run.timeout_s": 12})
    *_, ended = api.watch(run.id)
    assert (ended.state, ended.error.type) == (RunState.FAILED, "RunTimeout")
    assert "raise run.timeout_s" in ended.error.hint
    assert [path for _, path, _ in server.requests if path.endswith(":terminate")] != []


def test_a_run_that_the_platform_tracks_already_is_tracked_once(project, cluster, tracking):
    client = mlflow.MlflowClient(tracking)
    given = client.create_run(client.create_experiment("platform")).info.run_id
    cluster(environment={"MLFLOW_RUN_ID": given})
    project.notebook("import mlflow\nmlflow.log_metric('m', 1.0)")
    run = api.train("train.ipynb", wait=True)
    assert run.state is RunState.SUCCEEDED, (run.error, api.logs(run.id))
    assert run.mlflow_run_id == given
    found = client.get_run(given)
    assert found.info.status == "FINISHED"
    assert found.data.tags["mlops.run_id"] == run.id
    ours = client.search_runs(
        [e.experiment_id for e in client.search_experiments()], f"tags.`mlops.run_id` = '{run.id}'"
    )
    assert [one.info.run_id for one in ours] == [given]


def test_a_submission_that_was_cut_off_is_found_again(project, cluster):
    cluster()
    project.notebook("1 + 1")
    command = [sys.executable, "-m", "mlops_nb", "train", "train.ipynb"]
    for point in OF_THE_SUBMISSION:
        environment = {**os.environ, crash.CRASH_AT: point}
        killed = subprocess.run(command, cwd=project.root, env=environment, check=False)
        assert killed.returncode == -signal.SIGKILL
    taken, not_taken = api.runs()
    assert (taken.kfp_run_id is not None, not_taken.kfp_run_id) == (True, None)
    assert taken.trouble is not_taken.trouble is None
    assert not_taken.state is RunState.PENDING
    api.cancel(taken.id)


def test_two_sessions_that_look_at_once_double_nothing(project, cluster):
    cluster()
    project.notebook("import mlflow\nfor i in range(50):\n    mlflow.log_metric('m', i, step=i)")
    run = api.train("train.ipynb")
    watchers = [threading.Thread(target=lambda: list(api.watch(run.id))) for _ in range(3)]
    for watcher in watchers:
        watcher.start()
    for watcher in watchers:
        watcher.join()
    assert [point.step for point in api.points(run.id)] == list(range(50))
    assert api.show(run.id).state is RunState.SUCCEEDED
    assert structs.asdict(api.show(run.id)) == structs.asdict(api.show(run.id))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"run.push": False}, "is not at origin"),
        ({"tracking.uri": ""}, "a store on this machine"),
        ({"tracking.uri": "sqlite:////tmp/x.db"}, "is a file"),
        ({"environment.secrets": "API_KEY"}, "in no Kubernetes secret"),
        ({"resources.memory": "2 GB"}, "which Kubernetes does not read"),
        ({"kubeflow.auth": "token-file", "kubeflow.token_file": "absent"}, "absent"),
        ({"kubeflow.url": ""}, "kubeflow.url is not set"),
    ],
)
def test_what_the_cluster_could_not_reach_is_refused_and_nothing_is_left(
    project, cluster, settings, message, monkeypatch
):
    monkeypatch.setenv("API_KEY", "x")
    server = cluster()
    project.write("helper.py", "ANSWER = 42\n")
    with pytest.raises(PreflightError, match=message):
        api.train("train.ipynb", settings=settings)
    assert server.requests == []
    assert api.runs() == ()
    assert project.git("for-each-ref", "refs/mlops") == ""


def moved(project, *cells: str) -> str:
    """Commit a notebook and push it, and return the commit."""
    project.notebook(*cells, parameters="rate: float = 0.5")
    project.git("commit", "-qam", "another notebook")
    project.git("push", "-q", "origin", "main")
    return project.git("rev-parse", "HEAD")


def test_a_cluster_fires_what_the_branch_is_at_then(project, cluster, tmp_path, until, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", "of-the-user-and-of-pods")
    token = project.root.parent / "token"
    token.write_text("of-the-user-and-of-pods")
    server = cluster(
        'namespace = "team-a"\nauth = "token"\n',
        token=token.read_text(),
        namespace="team-a",
        environment={"KF_PIPELINES_SA_TOKEN_PATH": str(token)},
    )
    first = moved(project, "import mlflow\nmlflow.log_metric('seen', rate)")
    made = api.schedule(
        "train.ipynb", cron="0 6 * * *", branch="main", params={"rate": 0.25}, fired_by="kubeflow"
    )
    project.notebook("raise ValueError('what is not committed')")

    def fired(day: int):
        server.fire(made.recurring.id, DAYS[day])
        due = f"2026-11-0{day + 1}T06:00:00+00:00"
        return lambda: next(
            (f for f in api.schedules("train").schedules[0].history if f.due == due), None
        )

    def closed(look):
        return until(lambda: (f := look()) and f.state.closed and f, 120)

    firing = closed(fired(0))
    assert (firing.state, firing.code) == (FiringState.SUCCEEDED, first), firing.error
    run = api.show(firing.run_id)
    assert run.state is RunState.SUCCEEDED
    assert run.metrics["seen"] == 0.25
    assert (run.snapshot.code.sha, run.snapshot.code.branch) == (first, "origin/main")
    assert run.snapshot.code.repo == str(project.root)
    assert run.snapshot.dataset("train").sha == first
    assert [one.id for one in api.runs()] == [run.id]
    assert run.kfp_run_id in run.kfp_url

    unchanged = closed(fired(1))
    assert unchanged.state is FiringState.SKIPPED
    assert "nothing has changed since the firing of 2026-11-01T06:00:00+00:00" in unchanged.reason
    assert first[:12] in unchanged.reason

    # The same firing once more, as after a controller that has forgotten what it did.
    server.fire(made.recurring.id, DAYS[0])

    flag = tmp_path / "flag"
    waits = f"while not pathlib.Path({str(flag)!r}).exists():\n    time.sleep(0.1)"
    second = moved(project, "import pathlib, time", waits)
    look = fired(2)
    going_on = until(lambda: (f := look()) and f.code and f, 60)
    assert (going_on.state, going_on.code) == (FiringState.RUNNING, second)
    beside = closed(fired(3))
    assert beside.state is FiringState.SKIPPED
    assert beside.reason == "the firing of 2026-11-03T06:00:00+00:00 was still going on"
    assert api.cancel(going_on.run_id).state is RunState.CANCELED
    assert closed(look).state is FiringState.CANCELED

    subprocess.run(
        ["git", "update-ref", "-d", "refs/heads/main"], cwd=tmp_path / "origin.git", check=True
    )
    gone = closed(fired(4))
    assert (gone.state, gone.error.type) == (FiringState.FAILED, "CodeError")
    assert "has no branch 'main'" in gone.error.message
    assert len(api.schedules("train").schedules[0].history) == 5
    assert {one.id for one in api.runs()} == {firing.run_id, going_on.run_id}
    sent = [json.loads(body) for method, path, body in server.requests
            if method == "POST" and path.endswith("/runs")]  # fmt: skip
    assert len([body for body in sent if body["display_name"] == firing.run_id]) == 1
