from __future__ import annotations

import sys
from pathlib import Path

import pytest
import requests

from mlops_nb.deployment import Built
from mlops_nb.deployment.descriptor import of
from mlops_nb.deployment.kserve import KServeTarget
from mlops_nb.settings import Config
from mlops_nb.testing import KubernetesServer
from mlops_nb.types import Model, Origin, Traffic

HOWS = ("good", "broken", "hanging")
ORIGIN = Origin(model=Model(uri="models:/scores/1"))


def image(how: str) -> str:
    return f"registry.example.com/team/scores@sha256:{how}"


@pytest.fixture
def cluster(tmp_path):
    """A cluster on which an image for each way to behave can be pulled."""
    program = str(Path(__file__).with_name("service.py"))
    images = {image(how): (sys.executable, program, how) for how in HOWS}
    secrets = {"logins": {"password": "s3cret"}}
    with KubernetesServer(tmp_path / "cluster", images, secrets, token="t") as server:
        yield server


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

    def answers(self, requests: int = 1) -> list[int]:
        return [self.ask()["revision"] for _ in range(requests)]


@pytest.fixture
def join(cluster, tmp_path, monkeypatch):
    """Return a function that makes a team with settings of its own."""
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))

    def make(**settled):
        usual = {
            "kserve_ingress": cluster.url,
            "container_registry": "registry.example.com/team",
        }
        return Team(KServeTarget(Config(root=tmp_path, **{**usual, **settled})))

    return make


@pytest.fixture
def team(join):
    return join()
