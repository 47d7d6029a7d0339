from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
import requests

from mlops_nb.deployment import Built
from mlops_nb.deployment.descriptor import of
from mlops_nb.deployment.kserve import KServeTarget
from mlops_nb.settings import Config
from mlops_nb.testing import KubernetesServer
from mlops_nb.types import Model, Origin, Traffic

HOWS = ("good", "broken", "hanging", "slow")
ORIGIN = Origin(model=Model(uri="models:/scores/1"))


def image(how: str) -> str:
    return f"registry.example.com/team/scores@sha256:{how}"


@pytest.fixture
def serve(tmp_path):
    """Return a function that runs a cluster, with an image for each way to behave."""
    program = str(Path(__file__).with_name("service.py"))
    images = {image(how): (sys.executable, program, how) for how in HOWS}
    secrets = {"logins": {"password": "s3cret"}}
    with ExitStack() as running:

        def run(**more):
            server = KubernetesServer(tmp_path / "cluster", images, secrets, token="t", **more)
            return running.enter_context(server)

        yield run


@pytest.fixture
def cluster(serve):
    """A cluster as of today."""
    return serve()


class Team:
    """A target with the words of a test."""

    def __init__(self, target: KServeTarget) -> None:
        self.target = target

    def descriptor(self, **more):
        return of({"name": "scores", "model": "latest", "service": {"start_s": 20}, **more})

    def create(self, how: str = "good", **more):
        built = Built(package="0" * 64, image=image(how))
        return self.target.create(self.descriptor(**more), built, ORIGIN)

    def deploy(self, how: str = "good", **more):
        revision = self.create(how, **more)
        self.route({revision.number: 100})
        return revision

    def route(self, percent):
        return self.target.route("scores", Traffic(percent=percent))

    def percent(self):
        found = self.target.get("scores").revisions
        return {one.number: one.percent for one in found if one.percent}

    def ask(self, number=None):
        """Ask once; return the answer."""
        place = self.target.endpoint("scores", number)
        answer = requests.get(f"{place.url}/v2", headers=place.headers, timeout=20)
        answer.raise_for_status()
        return answer.json()

    @contextmanager
    def asking(self):
        """Ask one after the other while the block lasts; no request may fail."""
        answers, over = [], threading.Event()

        def ask():
            while not over.is_set():
                answers.append(self.ask()["revision"])

        with ThreadPoolExecutor() as pool:
            asked = pool.submit(ask)
            try:
                yield answers
            finally:
                over.set()
                asked.result()

    def answers(self, requests: int = 1) -> list[int]:
        return [self.ask()["revision"] for _ in range(requests)]


@pytest.fixture
def join(request, tmp_path, monkeypatch):
    """Return a function that makes a team with settings of its own, on a cluster."""

    def make(cluster=None, **settled):
        cluster = cluster or request.getfixturevalue("cluster")
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        usual = {
            "kserve_ingress": cluster.url,
            "container_registry": "registry.example.com/team",
        }
        return Team(KServeTarget(Config(root=tmp_path, **{**usual, **settled})))

    return make


@pytest.fixture
def team(join):
    return join()
