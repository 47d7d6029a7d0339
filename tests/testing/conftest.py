"""A server on a folder, and Kubeflow's own client for it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops_nb.testing import KubeflowServer
from tests.testing import pipelines

if TYPE_CHECKING:
    from pathlib import Path

ENDED = ("SUCCEEDED", "FAILED", "CANCELED")


class User:
    """Somebody with the client that Kubeflow itself gives out."""

    def __init__(self, server: KubeflowServer, packages: Path, until, **login) -> None:
        import kfp

        self.server, self.packages, self.until = server, packages, until
        self.client = kfp.Client(host=server.url, **login)

    def package(self, pipeline: str) -> Path:
        from kfp import compiler

        path = self.packages / f"{pipeline}.yaml"
        if not path.exists():
            compiler.Compiler().compile(getattr(pipelines, pipeline), str(path))
        return path

    def submit(self, pipeline: str, **parameters) -> str:
        """Run a pipeline once; return the run's id."""
        return self.client.create_run_from_pipeline_package(
            str(self.package(pipeline)), arguments=parameters, run_name=f"a {pipeline}"
        ).run_id

    def ended(self, run_id: str):
        """Wait for the end of a run, and return it."""
        return self.until(lambda: self._in(run_id, ENDED))

    def reached(self, run_id: str, task: str, state: str = "RUNNING") -> None:
        """Wait until a task is in a state."""
        self.until(lambda: (task, state) in self.states(run_id))

    def states(self, run_id: str) -> list[tuple[str, str]]:
        details = self.client.get_run(run_id).run_details.task_details
        return [(detail.display_name, detail.state) for detail in details]

    def detail(self, run_id: str, name: str):
        details = self.client.get_run(run_id).run_details.task_details
        return next(detail for detail in details if detail.display_name == name)

    def log(self, run_id: str, task: str) -> str:
        name = self.server.pod(run_id, task).name
        return self.get(f"/apis/v1alpha1/runs/{run_id}/nodes/{name}/log").data.decode(
            errors="replace"
        )

    def environment(self, run_id: str, task: str) -> dict[str, str]:
        """Return the environment that a task of `show` has printed."""
        _, _, text = self.log(run_id, task).partition("ENVIRONMENT ")
        return json.loads(text.splitlines()[0])

    def get(self, path: str, method: str = "GET", body=None):
        """Ask without the client's models, and return the answer, also where it is an error."""
        import urllib3

        headers = {"Content-Type": "application/json"}
        content = None if body is None else json.dumps(body)
        return urllib3.PoolManager().request(
            method, self.server.url + path, body=content, headers=headers, retries=False
        )

    def _in(self, run_id: str, states: tuple[str, ...]):
        run = self.client.get_run(run_id)
        return run if run.state in states else None


@pytest.fixture(scope="session")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packages")


@pytest.fixture
def barrier(tmp_path: Path) -> Path:
    """Return a file that holds `consume` up as long as it is there."""
    path = tmp_path / "barrier"
    path.write_text("wait")
    return path


@pytest.fixture
def serve(tmp_path: Path, packages: Path, until, monkeypatch: pytest.MonkeyPatch):
    """Start a server, with settings, and return a user of it."""
    monkeypatch.setenv("HOME", str(tmp_path))
    servers = []

    def start(login: dict | None = None, **settings) -> User:
        server = KubeflowServer(tmp_path / "cluster", **settings)
        server.start()
        servers.append(server)
        return User(server, packages, until, **(login or {}))

    yield start
    for server in servers:
        _end(server)


def _end(server: KubeflowServer) -> None:
    runs = server._api.runs
    for run in runs._records.all():
        if runs.ledger(run).state() not in ENDED:
            runs._signal(runs.ledger(run))
    server.stop()


@pytest.fixture
def user(serve) -> User:
    """Return a user of a server without settings."""
    return serve()
