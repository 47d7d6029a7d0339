"""A model in a container: beside a process, held to its limits, and gone when it ends."""

from __future__ import annotations

import json
import re
import subprocess
import time

import pytest
import requests

from mlops_nb import api
from mlops_nb.deployment.local import tree
from mlops_nb.deployment.local.records import Place, identity
from mlops_nb.exceptions import ImageError
from mlops_nb.types import DeploymentState, RevisionState, RunState
from tests.vocabulary import PANELS_END, executed, shown

# Minutes of building images of models; the same target without a container: tests/deployment/local.
pytestmark = pytest.mark.faults
SECONDS = 60


def podman(*arguments):
    return subprocess.run(["podman", *arguments], capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def quickstart(base_image, tmp_path_factory):
    """The quickstart's project."""
    root = tmp_path_factory.mktemp("contained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLOPS_NB_CONTAINER_BASE", base_image)
        api.init(root, example="quickstart")
        yield root


@pytest.fixture(scope="module")
def project(quickstart):
    """The quickstart, deployed as a process."""
    for run in (
        api.train("quickstart.ipynb", wait=True, project=quickstart),
        api.deploy("quickstart/1", wait=True, project=quickstart),
    ):
        assert run.state is RunState.SUCCEEDED, run.error
    yield quickstart
    for deployment in api.deployments(project=quickstart):
        api.undeploy(deployment.name, project=quickstart)


def test_the_notebook_serves_from_containers_as_it_does_from_processes(quickstart):
    root = quickstart
    cells = executed(root / "serve.ipynb", target="container", then=PANELS_END)
    answered = json.loads(shown(cells["curl"]))["predictions"]
    assert answered == json.loads(shown(cells["predict"]))
    assert "quickstart is gone" in shown(cells["undeploy"])
    assert containers(root) == []


@pytest.fixture(scope="module")
def contained(project):
    """A canary in a container, beside the process."""
    run = api.deploy("quickstart/1", target="container", traffic="50", wait=True, project=project)
    assert run.state is RunState.SUCCEEDED, run.error
    return project


def deployment(project):
    (found,) = api.deployments("quickstart", project=project)
    return found


def containers(project):
    mark = identity(project / ".mlops" / "deployments") + "/"
    listed = podman("ps", "--all", "--format", "{{.ID}} {{.Labels}}").splitlines()
    return [line.split()[0] for line in listed if f"mlops.deployment:{mark}" in line]


def example(project):
    found = deployment(project)
    token = Place(project / ".mlops" / "deployments", "quickstart").token.read_text()
    headers = {"Authorization": f"Bearer {token}"}
    return requests.get(found.url, headers=headers, timeout=30).json()["example"]


def test_a_container_answers_as_the_process_does(contained):
    found = deployment(contained)
    assert [(r.number, r.percent, bool(r.image)) for r in found.revisions] == [
        (2, 50, True),
        (1, 50, False),
    ]
    request = example(contained)
    one, other = (api.predict("quickstart", request, revision=n, project=contained) for n in (1, 2))
    assert one == other
    assert len(one) == 5


def test_the_image_says_what_it_is_and_what_is_in_it(contained):
    revision = deployment(contained).revisions[0]
    (image,) = json.loads(podman("image", "inspect", revision.image))
    labels, origin = image["Labels"], revision.origin
    assert labels["mlops.package"] == revision.package
    assert labels["mlops.run"] == origin.run_id
    assert labels["org.opencontainers.image.revision"] == origin.code
    assert labels["mlops.model.digest"] == origin.model.digest
    (held,) = containers(contained)
    bill = json.loads(podman("exec", held, "cat", labels["mlops.sbom"]))
    assert bill["bomFormat"] == "CycloneDX"
    names = {component["name"] for component in bill["components"]}
    assert {"scikit-learn", "numpy"} <= names
    installed = podman("exec", held, "python", "-c", INSTALLED).split()
    assert "scikit-learn" in installed
    assert set(installed) <= {re.sub(r"[-_.]+", "-", name.lower()) for name in names}


INSTALLED = """
import importlib.metadata as m
import re
for d in m.distributions(): print(re.sub(r"[-_.]+", "-", d.metadata["Name"].lower()))
"""


def test_a_container_can_do_little(contained):
    (held,) = containers(contained)
    status = podman("exec", held, "cat", "/proc/1/status")
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert lines["Uid"].split()[0] == "1000"
    assert int(lines["CapEff"], 16) == 0
    assert lines["NoNewPrivs"] == "1"
    with pytest.raises(subprocess.CalledProcessError, match="returned non-zero"):
        podman("exec", held, "touch", "/opt/mlops/package/model/more")
    (ports,) = json.loads(podman("inspect", held))
    bound = ports["NetworkSettings"]["Ports"]["8080/tcp"]
    assert [one["HostIp"] for one in bound] == ["127.0.0.1"]


def test_requests_to_a_container_are_logged_here(contained):
    api.predict("quickstart", example(contained), revision=2, project=contained)
    folder = Place(contained / ".mlops" / "deployments", "quickstart").requests(2)
    until(lambda: any(path.stat().st_size for path in folder.rglob("*") if path.is_file()))


def test_a_container_whose_client_was_killed_is_back_once(contained):
    mark = tree.mark(identity(contained / ".mlops" / "deployments"), "quickstart", 2)
    before = containers(contained)
    tree.kill(mark)
    until(lambda: containers(contained) not in ([], before))
    until(lambda: deployment(contained).revisions[0].state is RevisionState.READY)
    assert len(containers(contained)) == 1
    assert deployment(contained).revisions[0].restarts == 1
    assert api.predict("quickstart", example(contained), revision=2, project=contained)


def test_too_little_memory_is_named_and_the_old_revision_stays(contained):
    descriptor = {
        "name": "quickstart",
        "model": "latest",
        "target": "container",
        "resources": {"memory": "64Mi"},
    }
    (contained / "little.yaml").write_text(json.dumps(descriptor))
    before = {r.number: r.percent for r in deployment(contained).revisions}
    run = api.deploy("little.yaml", wait=True, project=contained)
    assert (run.state, run.error.stage, run.error.type) == (
        *(RunState.FAILED, "deploy", "DeploymentError"),
    )
    assert "out of memory" in run.error.message
    assert "raise resources.memory" in run.error.hint
    after = {r.number: r.percent for r in deployment(contained).revisions}
    assert {n: after[n] for n in before} == before
    assert deployment(contained).state is DeploymentState.READY
    assert len(containers(contained)) == 1


def test_an_engine_that_only_builds_is_refused(contained):
    with pytest.raises(ImageError, match="buildah builds images and does not run them"):
        api.deploy(
            "latest",
            target="container",
            settings={"container.engine": "buildah"},
            wait=True,
            project=contained,
        )


def test_nothing_is_left_of_what_is_taken_down(contained):
    api.traffic("quickstart", promote=True, project=contained)
    assert [r.percent for r in deployment(contained).revisions if r.percent] == [100]
    api.undeploy("quickstart", project=contained)
    assert containers(contained) == []


def until(is_so):
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.1)
