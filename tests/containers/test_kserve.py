"""A model on KServe, by the whole pipeline: its image is built, pushed, applied, verified, asked.

The cluster is a double, whose pods are containers of this machine.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping

import pytest

from mlops_nb import api
from mlops_nb.settings import Config
from mlops_nb.testing import KubernetesServer
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import RunState
from tests.containers import registry
from tests.containers.test_revisions import podman, until

# Two minutes, nearly all for images: the target itself is tested on pods that are processes.
pytestmark = pytest.mark.faults
MARK = "mlops.test.kserve"
RUN = f"""exec podman run --rm --no-healthcheck --tmpfs /tmp --user 1000 --read-only \\
    --cap-drop all --label {MARK} --publish "127.0.0.1:$MLOPS_SERVING_PORT:8080" "$0" "$@"
"""


class Images(Mapping):
    """What can be pulled: the images that were pushed, each with the command of a container.

    The registry of the tests keeps no layers: an image is run from where it was built.
    """

    def __init__(self, pushed):
        self.pushed = pushed
        self.seen = {}
        engine = ("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF")
        self.engine = [f"{name}={os.environ[name]}" for name in engine]

    def __getitem__(self, image):
        repository, _, digest = image.removeprefix(f"{self.pushed.address}/").partition("@")
        tags = {d: name for name, d in self.pushed.manifests.items() if name.startswith(repository)}
        if digest not in self.seen:
            # As the engine has it, without the time of the push; a later build may take the name.
            built = f"localhost/{tags[digest].rpartition('/')[2].rpartition('-')[0]}"
            self.seen[digest] = podman("image", "inspect", "--format", "{{.Id}}", built).strip()
        # The pod's port is known when it starts.
        return ["env", *self.engine, "sh", "-c", RUN, self.seen[digest]]

    def __iter__(self):
        return iter(self.pushed.manifests.values())

    def __len__(self):
        return len(self.pushed.manifests)


@pytest.fixture(scope="module")
def pushed(base_image):
    """A registry that takes images."""
    with registry.running() as found:
        yield found


@pytest.fixture(scope="module")
def cluster(pushed, tmp_path_factory):
    """A cluster that can pull what is in the registry."""
    folder = tmp_path_factory.mktemp("cluster")
    with KubernetesServer(folder, Images(pushed), token="t") as server:
        yield server
    for held in podman("ps", "--all", "--quiet", "--filter", f"label={MARK}").split():
        # It may be gone by now.
        subprocess.run(["podman", "rm", "--force", held], check=False, capture_output=True)


@pytest.fixture(scope="module")
def project(base_image, pushed, cluster, tmp_path_factory):
    """The quickstart, trained, with the settings that a team has."""
    root = tmp_path_factory.mktemp("served")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        patch.setenv("MLOPS_NB_TRACKING_AUTOLOG", "false")
        api.init(root, example="quickstart")
        with (root / "mlops.toml").open("a") as settings:
            settings.write(
                f'\n[container]\nbase = "{base_image}"\nregistry = "{pushed.address}/team"\n'
                f'\n[kserve]\ningress = "{cluster.url}"\n'
            )
        run = api.train("quickstart.ipynb", wait=True, project=root)
        assert run.state is RunState.SUCCEEDED, run.error
        yield root


@pytest.fixture(scope="module")
def served(project):
    """Its model, deployed."""
    run = api.deploy(target="kserve", wait=True, project=project)
    assert run.state is RunState.SUCCEEDED, run.error
    return project


def percent(project):
    (found,) = api.deployments("quickstart", project=project)
    return {one.number: one.percent for one in found.revisions if one.percent}


def example(project):
    """Return the request that the run recorded, and what its model made of it."""
    (run,) = [one for one in api.runs(project=project) if one.pipeline == "training"]
    store = Store(Config.load(project).resolved_tracking_uri)
    found = json.loads(store.read_text(run.mlflow_run_id, tags.EXAMPLE_ARTIFACT))
    return found["request"], found["predictions"]


def test_the_service_predicts_what_the_run_predicted(served, pushed):
    request, predictions = example(served)
    assert api.predict("quickstart", request, project=served) == predictions
    (found,) = api.deployments(project=served)
    (revision,) = found.revisions
    assert (found.target, revision.percent) == ("kserve", 100)
    assert revision.image.partition("@")[2] in pushed.manifests.values()


def test_a_canary_is_promoted_and_rolled_back_by_the_verbs(served, pushed):
    run = api.deploy("latest", target="kserve", traffic="30", wait=True, project=served)
    assert run.state is RunState.SUCCEEDED, run.error
    assert percent(served) == {1: 70, 2: 30}
    # Also where the package is the same, no push takes the tag of what serves.
    (found,) = api.deployments(project=served)
    digests = {one.image.partition("@")[2] for one in found.revisions}
    assert digests <= set(pushed.manifests.values())
    api.traffic("quickstart", promote=True, project=served)
    assert percent(served) == {2: 100}
    api.rollback("quickstart", project=served)
    assert percent(served) == {1: 100}
    request, predictions = example(served)
    assert api.predict("quickstart", request, project=served) == predictions


def test_a_revision_that_predicts_otherwise_says_so_and_the_old_one_serves(served, cluster):
    request, predictions = example(served)
    wrong = [1 - one for one in predictions]
    described = {
        "name": "quickstart",
        "model": "latest",
        "target": "kserve",
        "example": {"request": request, "predictions": wrong},
    }
    (served / "wrong.yaml").write_text(json.dumps(described))
    before = percent(served)
    run = api.deploy("wrong.yaml", wait=True, project=served)
    assert (run.state, run.error.stage) == (RunState.FAILED, "verify")
    assert "fails the check of prediction" in run.error.message
    assert percent(served) == before
    assert api.predict("quickstart", request, project=served) == predictions
    until(lambda: cluster.names("InferenceService") == ["quickstart"])


def test_nothing_is_left_on_the_cluster_of_what_is_taken_down(served, cluster):
    api.undeploy("quickstart", project=served)
    kinds = ("InferenceService", "ConfigMap", "Lease", "Pod")
    assert [name for kind in kinds for name in cluster.names(kind)] == []
    until(lambda: podman("ps", "--quiet", "--filter", f"label={MARK}") == "")
    assert api.deployments(project=served) == ()
