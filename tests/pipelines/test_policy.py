"""What our YAML asks of a cluster: nothing that a careful administrator would refuse."""

from __future__ import annotations

import re

import pytest
import yaml

from mlops_nb import pipelines
from mlops_nb.deployment import descriptor
from mlops_nb.deployment.kserve import manifest
from mlops_nb.pipelines.compiler import compile_pipeline
from mlops_nb.pipelines.platform import Platform
from mlops_nb.settings import Config

# Keys of Kubernetes that give a pod more than it needs, wherever they stand.
NEVER = {
    "hostPath", "hostpath", "hostNetwork", "hostPID", "hostIPC", "hostPort", "privileged",
    "allowPrivilegeEscalation", "capabilities", "runAsUser", "procMount", "serviceAccount",
    "automountServiceAccountToken",
}  # fmt: skip
SETTINGS = """
[images]
registry = "registry.test/team/"
train = "registry.test/team/train@sha256:abc"
[kubeflow]
volume_claim = "shared"
pull_secrets = ["pull"]
service_account = "trainer"
[kubeflow.secrets_code]
MLOPS_GIT_PASSWORD = "git/token"
[kubeflow.secrets_notebook]
API_KEY = "keys/api"
[environment]
secrets = ["API_KEY"]
"""
# The names of the variables that the notebook gets from secrets.
NAMES_ALONE = ("secrets",)
SECRET = re.compile(r"(?i)password|passwd|secret|token|api_?key|credential")


def everything(data, path=()):
    """Yield each key and value of a document with where it stands."""
    pairs = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in pairs:
        yield (*path, key), value
        if isinstance(value, (dict, list)):
            yield from everything(value, (*path, key))


def shipped():
    for pipeline in (*pipelines.PIPELINES.values(), *pipelines.ON_CLUSTER):
        yield pipeline.name, pipeline.compiled.read_text()


@pytest.fixture
def compiled(tmp_path):
    """All pipelines as they are published for a cluster that has secrets and a volume."""
    (tmp_path / "mlops.toml").write_text(SETTINGS)
    platform = Platform.of(Config.load(tmp_path))
    return {p.name: compile_pipeline(p, platform) for p in pipelines.ON_CLUSTER}


def documents(texts):
    found = {name: list(yaml.safe_load_all(text)) for name, text in dict(texts).items()}
    assert len(found) > 3
    return found


def test_no_pod_gets_more_than_it_needs(compiled):
    for texts in (dict(shipped()), compiled):
        for name, parts in documents(texts).items():
            keys = {key for part in parts for (*_, key), _ in everything(part)}
            assert keys & NEVER == set(), name


def test_no_parameter_is_a_secret(compiled):
    """Parameters are shown in clear, and kept; what is secret comes from Kubernetes' secrets."""
    for name, (spec, *_) in documents({**dict(shipped()), **compiled}).items():
        taken = spec["root"].get("inputDefinitions", {}).get("parameters", {})
        assert [k for k in taken if SECRET.search(k) and k not in NAMES_ALONE] == [], name
        defaults = [str(p.get("defaultValue", "")) for p in taken.values()]
        assert [value for value in defaults if SECRET.search(value)] == [], name


def test_secrets_are_named_and_their_values_nowhere(compiled):
    named = {
        (path[-2] if isinstance(path[-1], int) else path[-1], str(value))
        for parts in documents(compiled).values()
        for part in parts
        for path, value in everything(part)
        if path[-1] == "secretName"
    }
    assert {value for _, value in named} >= {"git", "keys"}


def test_every_stage_runs_one_fixed_program():
    """The words of a command are constants of the release; inputs are arguments or parameters."""
    for name, (spec, *_) in documents(dict(shipped())).items():
        for executor in spec["deploymentSpec"]["executors"].values():
            container = executor.get("container", {})
            command = " ".join(container.get("command", []))
            assert "{{" not in command, name


def test_a_service_on_kserve_asks_for_no_more(tmp_path):
    wanted = descriptor.Descriptor(
        name="tumours",
        model="latest",
        environment={"LEVEL": "info"},
        secrets={"KEY": "store/key"},
    )
    (tmp_path / "mlops.toml").write_text(SETTINGS)
    made = manifest.service(
        wanted,
        Config.load(tmp_path),
        name="tumours",
        namespace="team",
        number=1,
        image="x@sha256:1",
    )
    (container,) = made["spec"]["predictor"]["containers"]
    secured = container.pop("securityContext")
    assert secured == {
        "runAsNonRoot": True,
        "runAsUser": 1000,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ("ALL",)},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert {key for (*_, key), _ in everything(made)} & NEVER == set()
    variables = {variable["name"]: variable for variable in container["env"]}
    assert variables["KEY"] == {
        "name": "KEY", "valueFrom": {"secretKeyRef": {"name": "store", "key": "key"}}
    }  # fmt: skip
