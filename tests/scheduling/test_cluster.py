"""Firings whose runs go to a cluster: this machine fires, and the cluster runs."""

from __future__ import annotations

import socket
import subprocess
from contextlib import contextmanager

import pytest

from mlops_nb.scheduling.firing import Process
from mlops_nb.settings import Config
from mlops_nb.testing import KubeflowServer
from mlops_nb.types import FiringState
from tests.scheduling.test_firing import commit, interrupted

SETTINGS = """\
[project]
name = "office"
[run]
backend = "kubeflow"
push = true
[tracking]
uri = "http://127.0.0.1:9"
[kubeflow]
url = "{url}"
[kubeflow.variables]
UV_DEFAULT_INDEX = "http://{index}/simple"
"""


@contextmanager
def silent_server():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield "127.0.0.1:{1}".format(*listener.getsockname())


@pytest.fixture
def cluster(office, tmp_path):
    """A server whose pods get nothing done, for the package index does not answer them."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "origin.git"], check=True)
    office.project.git("remote", "add", "origin", f"file://{tmp_path}/origin.git")
    with KubeflowServer(tmp_path / "cluster") as server, silent_server() as index:
        office.project.write("mlops.toml", SETTINGS.format(url=server.url, index=index))
        office.config = Config.load(office.project.root)
        yield server


def test_a_branch_is_pinned_and_pushed_for_the_cluster_and_submitted_once(
    office, cluster, monkeypatch
):
    schedule = office.schedule(
        branch="main", arguments={"notebook": "train.ipynb"}, deadline_s=1, retries=3
    )
    sha = commit(office, "0.7")
    firing = office.due(schedule)
    work = Process(office.config, schedule, firing, poll_s=0.1)
    # Killed when the server had the run, and nobody had noted that here.
    monkeypatch.setattr(work, "_save", lambda **known: "tries" in known and interrupted())
    with pytest.raises(KeyboardInterrupt):
        work._begin(work._accept)
    fired = office.fire(schedule, firing)

    assert (fired.state, fired.error.type) == (FiringState.FAILED, "OverdueError")
    (run,) = work._runner.list()
    assert (run.id, run.backend, run.state) == (firing.run_id, "kubeflow", "CANCELED")
    assert run.snapshot.code.sha == sha
    arguments = work._runner.request(run.id).arguments
    assert (arguments["code_sha"], arguments["code_repo"]) == (
        sha, office.project.git("remote", "get-url", "origin"),
    )  # fmt: skip
    pushed = office.project.git("ls-remote", "origin", arguments["code_ref"])
    assert pushed.split() == [sha, f"refs/mlops/snapshots/{firing.run_id}"]
