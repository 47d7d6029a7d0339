"""The page on deployment does what it says: commands, settings, descriptors, rights."""

from __future__ import annotations

import re
import sys
from dataclasses import fields
from pathlib import Path

import click
import msgspec
import pytest
import tomlkit
import yaml

import mlops_nb
from mlops_nb.deployment import Built, descriptor
from mlops_nb.deployment.kserve import KServeTarget
from mlops_nb.deployment.kserve.cluster import LEASES
from mlops_nb.deployment.targets import TARGETS
from mlops_nb.exceptions import DeploymentError
from mlops_nb.interfaces.cli import verbs
from mlops_nb.settings import Config, dotted
from mlops_nb.testing import KubernetesServer
from mlops_nb.types import Model, Origin, Traffic
from tests.docs import page

PAGE = Path(__file__).parents[2] / "docs" / "deployment.md"
TEXT = PAGE.read_text()
BLOCKS = page.blocks(PAGE)
PROGRAM = ["jupyter", "mlops"]
LINES = [words for block in BLOCKS if block.kind == "sh" for words in block.commands]
OURS = [words[2:] for words in LINES if words[:2] == PROGRAM]
SETTINGS = {dotted(one.name) for one in fields(Config) if one.metadata}
VERBS = {"PATCH": {"create", "patch"}, "POST": {"create"}, "PUT": {"update"}, "DELETE": {"delete"}}
# What a deploy leaves that was killed a while ago.
OLD_CLAIM = {
    "apiVersion": "coordination.k8s.io/v1",
    "kind": "Lease",
    "metadata": {"name": "scores-mlops-deploy", "namespace": "team"},
    "spec": {
        "holderIdentity": "another",
        "leaseDurationSeconds": 60,
        "renewTime": "2020-01-01T00:00:00.000000Z",
    },
}
RESOURCE = re.compile(r"/(?:api|apis/(?P<group>[^/]+))/v\w+/namespaces/\w+/(?P<rest>[^?]+)")


def table(head):
    """Return the names in the first column of a table."""
    rows = TEXT.partition(head)[2].partition("\n\n")[0].splitlines()
    return [line.split("`")[1] for line in rows if line.startswith("| `")]


@pytest.mark.parametrize("words", OURS, ids=" ".join)
def test_every_command_is_one_that_there_is(words):
    command: click.Command = verbs
    while isinstance(command, click.Group):
        command = command.commands[words[0]]
        words = words[1:]
    command.make_context("mlops", list(words), resilient_parsing=False)


@pytest.mark.parametrize("symptom", page.symptoms(PAGE))
def test_every_trouble_is_one_that_the_code_speaks_of(symptom):
    sources = Path(mlops_nb.__file__).parent.rglob("*.py")
    assert symptom in "\n".join(path.read_text() for path in sources)


@pytest.mark.parametrize("block", [b for b in BLOCKS if b.kind == "toml"], ids=lambda b: b.text)
def test_the_settings_are_taken(block, tmp_path):
    (tmp_path / "mlops.toml").write_text(block.text)
    config = Config.load(tmp_path)
    for section, values in tomlkit.parse(block.text).items():
        for key, value in values.items():
            found = getattr(config, f"{section}_{key}")
            assert (list(found) if isinstance(value, list) else found) == value


def test_the_descriptor_is_taken_and_every_key_is_in_the_table():
    (block,) = [one for one in BLOCKS if one.kind == "yaml" and one.text.startswith("version")]
    assert descriptor.of(yaml.safe_load(block.text)).target in TARGETS
    listed = table("| key | what it is |")
    assert listed == [one.name for one in msgspec.structs.fields(descriptor.Descriptor)]
    for key, part in (("service", descriptor.Service), ("kserve", descriptor.KServe)):
        (row,) = [line for line in TEXT.splitlines() if line.startswith(f"| `{key}` |")]
        named = re.findall(r"`(\w+)`", row)[1:]
        assert named == [one.name for one in msgspec.structs.fields(part)]


def test_every_setting_of_kserve_is_in_the_table():
    assert set(table("| setting | what it is |")) == {
        name for name in SETTINGS if name.startswith("kserve.")
    }


@pytest.fixture
def requests(tmp_path, monkeypatch):
    """What a cluster is asked in the life of a deployment."""
    program = str(Path(__file__).parents[1] / "deployment" / "kserve" / "service.py")
    images = {how: (sys.executable, program, how) for how in ("good", "broken")}
    with KubernetesServer(tmp_path / "cluster", images) as cluster:
        monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
        config = Config(root=tmp_path, kserve_ingress=cluster.url, container_registry="host/team")
        target, origin = KServeTarget(config), Origin(model=Model(uri="models:/scores/1"))
        wanted = descriptor.of({"name": "scores", "model": "latest", "service": {"start_s": 20}})
        target.cluster.create(LEASES, OLD_CLAIM)
        with target.claim("scores"):
            target.create(wanted, Built(package="0", image="good"), origin)
            target.route("scores", Traffic(percent={1: 100}))
        with target.claim("scores"), pytest.raises(DeploymentError):
            target.create(wanted, Built(package="0", image="broken"), origin)
        target.list()
        target.logs("scores")
        target.stop("scores")
        target.start("scores")
        target.delete("scores")
        yield cluster.requests


def test_the_rights_are_what_is_used_and_no_more(requests):
    (block,) = [one for one in BLOCKS if one.kind == "yaml" and "kind: Role" in one.text]
    given = {
        (group, resource, verb)
        for rule in yaml.safe_load(block.text)["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
    used = set()
    for method, path in requests:
        found = RESOURCE.match(path)
        plural, _, rest = found["rest"].partition("/")
        resource = f"{plural}/log" if rest.endswith("/log") else plural
        reads = {"get"} if rest else {"list"}
        used |= {(found["group"] or "", resource, v) for v in VERBS.get(method, reads)}
    assert given == used
