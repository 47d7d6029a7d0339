"""From a notebook to a service and back, as its user would go."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
import requests

from mlops_nb import api
from mlops_nb.deployment import targets
from mlops_nb.exceptions import DeploymentError, RunError, TrackingError
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from mlops_nb.types import DeploymentState, RunState
from tests.vocabulary import PANELS_END, executed, shown

# What libraries leave there by themselves.
BY_OTHERS = ("pymp-", "matplotlib-", "joblib_")


@pytest.fixture(scope="module")
def temporary(tmp_path_factory):
    """The folder for temporary files of all that runs here, by a user whose files are for all."""
    folder = tmp_path_factory.mktemp("temporary")
    before = os.umask(0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(folder))
        patch.setattr(tempfile, "tempdir", None)
        yield folder
    os.umask(before)


@pytest.fixture(scope="module")
def story(tmp_path_factory, temporary):
    """The quickstart, and what the cells of its notebook show that serves it."""
    root = tmp_path_factory.mktemp("quickstart")
    api.init(root, example="quickstart")
    return root, executed(root / "serve.ipynb", then=PANELS_END)


@pytest.fixture(scope="module")
def quickstart(story):
    """The quickstart with two trained runs; what it deploys is taken down in the end."""
    root, _ = story
    runs = [run for run in reversed(api.runs(project=root)) if run.pipeline == "training"]
    assert [run.state for run in runs] == [RunState.SUCCEEDED] * 2
    yield root, runs
    for deployment in api.deployments(project=root):
        api.undeploy(deployment.name, project=root)


def example(root):
    about = asked(root, "/")
    return about["example"]


def asked(root, path, body=None):
    (deployment,) = api.deployments("quickstart", project=root)
    token = (root / ".mlops" / "deployments" / "quickstart" / "token").read_text()
    headers = {"Authorization": f"Bearer {token}"}
    if body is None:
        return requests.get(deployment.url + path, headers=headers, timeout=60).json()
    return requests.post(deployment.url + path, json=body, headers=headers, timeout=60).json()


def aliases(root):
    store = Store(Config.load(root).resolved_tracking_uri)
    return store.registry.alias("quickstart", "champion"), store.registry.alias(
        "quickstart", "challenger"
    )


def percents(root):
    (deployment,) = api.deployments("quickstart", project=root)
    return {r.number: r.percent for r in deployment.revisions}


@pytest.fixture(scope="module")
def deployed(quickstart):
    root, (first, _) = quickstart
    run = api.deploy(first.id, wait=True, project=root)
    assert run.state is RunState.SUCCEEDED, run.error
    return root, run


def test_the_notebook_serves_replaces_and_takes_down(story):
    _, cells = story
    assert "SUCCEEDED" in shown(cells["deploy"])
    answered = json.loads(shown(cells["curl"]))["predictions"]
    assert answered == json.loads(shown(cells["predict"]))
    assert shown(cells["rollback"]) != shown(cells["promote"])
    assert "quickstart is gone" in shown(cells["undeploy"])


def test_the_panel_that_is_saved_says_how_it_ended_and_needs_no_widget(story):
    _, cells = story
    panel = cells["panel"][-1].data
    assert set(panel) == {"text/html", "text/plain"}
    assert "was taken down" in panel["text/html"]
    assert panel["text/plain"] == "quickstart was taken down"


def test_a_run_is_served_with_one_word(quickstart, deployed):
    root, run = deployed
    assert (run.deployment, run.revision) == ("quickstart", 1)
    (deployment,) = api.deployments(project=root)
    assert deployment.state is DeploymentState.READY
    origin, trained = deployment.serving.origin, quickstart[1][0]
    assert origin.run_id == trained.id
    assert origin.code == trained.snapshot.code.sha
    assert origin.datasets == {d.path: d.hash for d in trained.snapshot.datasets}
    assert origin.deployed_by == run.id
    assert run.url == deployment.url


def test_curl_gets_the_predictions_of_the_run(deployed):
    root, _ = deployed
    (deployment,) = api.deployments(project=root)
    headers = [f"Authorization: Bearer {open_token(deployment)}", "Content-Type: application/json"]
    options = [option for header in headers for option in ("-H", header)]
    told = subprocess.run(
        ["curl", "-sf", *options, "-d", json.dumps(example(root)), f"{deployment.url}/invocations"],
        capture_output=True,
        text=True,
        check=True,
    )
    predictions = json.loads(told.stdout)["predictions"]
    assert predictions == api.predict("quickstart", example(root), project=root)
    assert len(predictions) == 5


def test_each_path_of_the_stable_url_asks_for_the_token(deployed):
    root, _ = deployed
    (deployment,) = api.deployments(project=root)
    name = asked(root, "/")["name"]
    paths = ["", "/invocations", "/metrics", "/version", "/ping", "/v1/models", "/v2", "/nothing"]
    paths += [f"/v1/models/{name}:predict", f"/v2/models/{name}/infer", f"/v2/models/{name}"]
    told = {
        (method, path): requests.request(method, deployment.url + path, timeout=60).status_code
        for path in paths
        for method in ("GET", "POST", "DELETE")
    }
    assert set(told.values()) == {401}, told
    foreign = {"Host": "evil.example", "Authorization": f"Bearer {open_token(deployment)}"}
    assert requests.get(f"{deployment.url}/", headers=foreign, timeout=60).status_code == 403


def test_what_we_write_is_the_users_alone(deployed):
    """By the folder, which nobody else can enter, and again by what holds data of requests."""
    root, run = deployed
    kept = root / ".mlops"
    assert stat.S_IMODE(kept.stat().st_mode) == 0o700
    own = [*kept.glob("deployments/**/*"), *kept.glob(f"runs/{run.id}/*.json*"), *kept.glob("*.db")]
    assert len(own) > 10
    wide = {p for p in own if p.lstat().st_mode & 0o077 and not stat.S_ISSOCK(p.lstat().st_mode)}
    assert wide == set()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_others_of_this_machine_see_nothing_of_it(deployed):
    root, run = deployed
    with tempfile.TemporaryDirectory(dir="/tmp") as place:
        Path(place).chmod(0o755)
        subprocess.run(["cp", "-a", root / ".mlops", place], check=True)
        kept = Path(place, ".mlops")
        there = kept / "runs" / run.id / "request.json"
        assert there.stat().st_mode & 0o777
        for command in (["find", kept], ["cat", there], ["touch", kept / "x"], ["ls", kept]):
            done = subprocess.run(
                command, user=65534, group=65534, capture_output=True, check=False
            )
            assert done.returncode, command
            assert done.stdout.decode().split() in ([], [str(kept)])


def test_nothing_is_left_in_the_folder_for_temporary_files(deployed, temporary, until):
    def left():
        return [p.name for p in temporary.iterdir() if not p.name.startswith(BY_OTHERS)]

    until(lambda: not left())
    assert left() == []


def open_token(deployment):
    from pathlib import Path

    return Path(deployment.token_file).read_text()


def test_canary_promotion_and_rollback_with_their_aliases(quickstart, deployed):
    root, (_, second) = quickstart
    assert aliases(root)[0] == "1"
    run = api.deploy(second.id, traffic="10", wait=True, project=root)
    assert run.state is RunState.SUCCEEDED, run.error
    assert percents(root) == {2: 10, 1: 90}
    assert aliases(root) == ("1", "2")
    assert asked(root, "/v2/models/quickstart")["name"] == "quickstart"
    api.traffic("quickstart", promote=True, project=root)
    assert percents(root) == {2: 100, 1: 0}
    assert aliases(root) == ("2", None)
    api.rollback("quickstart", project=root)
    assert percents(root) == {2: 0, 1: 100}
    assert aliases(root) == ("1", None)


BAD = {
    "fails to load": (
        "def load(self, folder): raise OSError('no such layer')",
        "no such layer",
        {},
    ),
    "hangs": ("def load(self, folder): time.sleep(600)", "not ready after 5 s", {"start_s": 5}),
    "predicts wrongly": ("def load(self, folder): pass", "fails the check of prediction", {}),
    "has no class": (None, "has no Wrapper", {}),
    "lacks a package": ("def load(self, folder): import nowhere", "No module named 'nowhere'", {}),
    "is out of memory": (
        "def load(self, folder): self.waste = [bytearray(b'x' * 10**7) for _ in range(400)]",
        "out of memory",
        {},
    ),
}


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_deployment_changes_nothing_and_says_why(deployed, fault):
    root, _ = deployed
    body, said, service = BAD[fault]
    name = "Wrapper" if body else "Other"
    (root / "wrapping.py").write_text(
        f"import time\nclass {name}:\n    {body or 'pass'}\n"
        "    def predict(self, inputs): return [7] * len(inputs)\n"
    )
    descriptor = {
        "name": "quickstart",
        "model": "quickstart/1",
        "wrapper": "wrapping:Wrapper",
        "resources": {"memory": "1Gi"},
        "service": service,
    }
    (root / "bad.yaml").write_text(json.dumps(descriptor))
    before = percents(root)
    run = api.deploy("bad.yaml", wait=True, project=root)
    assert run.state is RunState.FAILED
    assert said in run.error.message
    after = percents(root)
    assert {number: part for number, part in after.items() if part} == {
        number: part for number, part in before.items() if part
    }
    assert asked(root, "/invocations", example(root))["predictions"]


def test_a_wrapper_serves_what_it_makes_of_the_model(deployed):
    root, _ = deployed
    (root / "wrapping.py").write_text(
        "import features\n"
        "class Wrapper:\n"
        "    def load(self, folder):\n"
        "        import mlflow\n"
        "        self.model = mlflow.pyfunc.load_model(folder)\n"
        "    def predict(self, inputs): return self.model.predict(inputs)\n"
        "    def postprocess(self, found): return [['malignant', 'benign'][p] for p in found]\n"
    )
    request = example(root)
    words = [["malignant", "benign"][p] for p in api.predict("quickstart", request, project=root)]
    descriptor = {
        "name": "in-words",
        "model": "quickstart@champion",
        "wrapper": "wrapping:Wrapper",
        "modules": ["wrapping.py", "features.py"],
        "example": {"request": request, "predictions": words},
    }
    (root / "words.yaml").write_text(json.dumps(descriptor))
    run = api.deploy("words.yaml", wait=True, project=root)
    assert run.state is RunState.SUCCEEDED, run.error
    assert api.predict("in-words", request, project=root) == words
    assert api.undeploy("in-words", project=root) == "in-words"


def test_a_lock_that_cannot_be_built_changes_nothing(deployed):
    root, _ = deployed
    descriptor = {
        "name": "quickstart",
        "model": "quickstart/1",
        "packages": ["scikit-learn", "no-such-package-of-ours==1.0"],
    }
    (root / "lock.yaml").write_text(json.dumps(descriptor))
    before = percents(root)
    run = api.deploy("lock.yaml", wait=True, project=root)
    assert (run.state, run.error.type, run.error.stage) == (
        RunState.FAILED,
        "LockError",
        "assemble",
    )
    assert percents(root) == before


def test_two_deploys_at_once_one_is_told(quickstart, deployed):
    root, (first, second) = quickstart
    target = targets.target(Config.load(root), "local")
    with target.claim("quickstart"):
        run = api.deploy(second.id, wait=True, project=root)
        assert run.state is RunState.FAILED
        assert "another deploy of quickstart is at it" in run.error.message
        with pytest.raises(DeploymentError, match="another deploy"):
            api.traffic("quickstart", promote=True, project=root)
    assert first.id != second.id


def test_what_cannot_be_found_is_refused_before_anything_starts(deployed):
    root, _ = deployed
    before = len(api.runs(project=root))
    for what, error in {
        "quickstart/99": TrackingError,
        "quickstart@nobody": TrackingError,
        "20990101": RunError,
    }.items():
        with pytest.raises(error):
            api.deploy(what, project=root)
    assert len(api.runs(project=root)) == before


def test_write_saves_a_descriptor_that_deploys_the_same(quickstart, deployed):
    root, (first, _) = quickstart
    path = api.deploy(first.id, write=True, project=root)
    assert path.read_text() == f"version: 1\nname: quickstart\nmodel: {first.id}\n"
    path.unlink()
