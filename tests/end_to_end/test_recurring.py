"""Schedules that a cluster fires: its pods pin the branch, and its server runs what they pinned."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from mlops_nb import api
from mlops_nb.testing import KubeflowServer
from mlops_nb.types import FiringState, RunState
from tests.end_to_end import kubeflow

TOKEN = "token-of-pods"
DAYS = [datetime(2026, 11, day, 6, tzinfo=timezone.utc).timestamp() for day in range(1, 10)]


@pytest.fixture(scope="module")
def tracking(tmp_path_factory):
    with kubeflow.mlflow_server(tmp_path_factory.mktemp("mlflow")) as url:
        yield url


@pytest.fixture
def cluster(project, tmp_path, tracking, monkeypatch):
    """A cluster that knows who asks, and whose pods have a token in a file."""
    (tmp_path / "token").write_text(TOKEN)
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", TOKEN)
    pods = {
        "MLOPS_NB_ENVIRONMENTS": str(kubeflow.baked(tmp_path, project.root)),
        "KF_PIPELINES_SA_TOKEN_PATH": str(tmp_path / "token"),
    }
    with KubeflowServer(
        tmp_path / "cluster", token=TOKEN, namespace="team-a", pod_environment=pods
    ) as server:
        more = 'namespace = "team-a"\nauth = "token"\n'
        kubeflow.with_remotes(project, tracking=tracking, url=server.url, more=more)
        project.git("push", "-q", "origin", "main")
        yield server


def moved(project, *cells: str) -> str:
    """Commit a notebook and push it, and return the commit."""
    project.notebook(*cells, parameters="rate: float = 0.5")
    project.git("commit", "-qam", "another notebook")
    project.git("push", "-q", "origin", "main")
    return project.git("rev-parse", "HEAD")


def test_a_cluster_fires_what_the_branch_is_at_then(project, cluster, tmp_path, until):
    first = moved(project, "import mlflow\nmlflow.log_metric('seen', rate)")
    made = api.schedule(
        "train.ipynb", cron="0 6 * * *", branch="main", params={"rate": 0.25}, fired_by="kubeflow"
    )
    project.notebook("raise ValueError('what is not committed')")

    def fired(day: int):
        cluster.fire(made.recurring.id, DAYS[day])
        due = f"2026-11-0{day + 1}T06:00:00+00:00"
        return lambda: next(
            (f for f in api.schedules("train").schedules[0].history if f.due == due), None
        )

    def closed(look):
        return until(lambda: (f := look()) and f.state.closed and f, 120)

    firing = closed(fired(0))
    assert (firing.state, firing.code) == (FiringState.SUCCEEDED, first), (firing, cluster)
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
    cluster.fire(made.recurring.id, DAYS[0])

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

    project.git("push", "-q", "origin", ":main")
    gone = closed(fired(4))
    assert (gone.state, gone.error.type) == (FiringState.FAILED, "CodeError")
    assert "has no branch 'main'" in gone.error.message
    assert len(api.schedules("train").schedules[0].history) == 5
    assert {one.id for one in api.runs()} == {firing.run_id, going_on.run_id}
    sent = [json.loads(body) for method, path, body in cluster.requests
            if method == "POST" and path.endswith("/runs")]  # fmt: skip
    assert len([body for body in sent if body["display_name"] == firing.run_id]) == 1
