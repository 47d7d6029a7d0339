"""The page on Kubeflow does what it says: its commands and settings, in their order."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

import click
import pytest

import mlops_nb
from mlops_nb.interfaces.cli import verbs
from mlops_nb.pipelines.platform import Platform
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.settings import Config
from mlops_nb.testing import KubeflowServer
from tests.docs import page
from tests.end_to_end import kubeflow

PAGE = Path(__file__).parents[2] / "docs" / "kubeflow.md"
BLOCKS = page.blocks(PAGE)
PROGRAM = ["jupyter", "mlops"]
NAMESPACE = "team-a"
TOKEN = "planted-login"
PLANTED = {
    name: f"planted-{name.lower()}"
    for name in (
        *("GIT_TOKEN", "S3_ID", "S3_KEY", "MLFLOW_PASSWORD"),
        *("WAREHOUSE_PASSWORD", "REGISTRY_TOKEN"),
    )
}
LINES = [words for block in BLOCKS if block.kind == "sh" for words in block.commands]
OURS = [words[2:] for words in LINES if words[:2] == PROGRAM]
STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")


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
    said = "\n".join(path.read_text() for path in sources)
    assert symptom in said


def test_every_way_to_log_in_is_in_the_table():
    listed = PAGE.read_text().partition("| `kubeflow.auth` |")[2].partition("\n\n")[0]
    names = [line.split("`")[1] for line in listed.splitlines() if line.startswith("| `")]
    assert tuple(names) == authentication.WAYS


@dataclass
class Reader:
    """Somebody who follows the page in an empty folder."""

    folder: Path
    cluster: page.Cluster
    names: dict[str, str]
    # Its pictures are most of a small run's time.
    environment: dict[str, str] = field(
        default_factory=lambda: {"MLOPS_NB_TRACKING_AUTOLOG": "false"}
    )
    said: list[str] = field(default_factory=list)
    alternatives: list[Config] = field(default_factory=list)

    def follow(self, block: page.Block, last: str) -> None:
        """Do what a block says."""
        if block.kind == "toml":
            self._set(block)
        for words in block.commands if block.kind == "sh" else ():
            self._do(words, last)

    def _set(self, block: page.Block) -> None:
        path = self.folder / "mlops.toml"
        before = path.read_text()
        path.write_text(self._here(page.settings(before, block)))
        config = Config.load(self.folder)
        Platform.of(config)
        if block.alternative:
            self.alternatives.append(config)
            path.write_text(before)

    def _do(self, words: list[str], last: str) -> None:
        if words[0] == "cd":
            self.folder = self.folder / words[1]
        elif words[0] == "export":
            name, command = page.export(words[1])
            assert command[1:6] == ["create", "token", "default-editor", "--namespace", NAMESPACE]
            self.environment[name] = TOKEN
        elif words[0] == "kubectl":
            self.cluster.kubectl(words, {"claim.yaml": last})
        elif words[:4] != [*PROGRAM, "images", "build"]:
            self._run(words)

    def _run(self, words: list[str]) -> None:
        program = [sys.executable, "-m", "mlops_nb"] if words[:2] == PROGRAM else words[:2]
        done = subprocess.run(
            [*program, *(self._here(word) for word in words[2:])],
            cwd=self.folder,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        self.said.append(f"$ {' '.join(words)}\n{done.stdout}{done.stderr}")
        canceled = 130 if "cancel" in words else 0
        assert done.returncode in (0, canceled), "\n".join(self.said)

    def _here(self, text: str) -> str:
        for name, place in self.names.items():
            text = text.replace(name, place)
        return text


@pytest.fixture(scope="module")
def cluster():
    """What the page's commands make of an empty namespace."""
    found = page.Cluster(NAMESPACE, PLANTED)
    manifest = ""
    for block in BLOCKS:
        for words in block.commands if block.kind == "sh" else ():
            if words[0] == "kubectl":
                found.kubectl(words, {"claim.yaml": manifest})
        manifest = block.text if block.kind == "yaml" else manifest
    return found


def images() -> set[str]:
    """Return the images that the page says were pushed."""
    (block,) = [one for one in BLOCKS if one.text.startswith("[images]")]
    return {line.split('"')[1] for line in block.text.splitlines() if "@sha256:" in line}


@pytest.fixture(scope="module")
def server(tmp_path_factory, cluster):
    """The platform of the page."""
    folder = tmp_path_factory.mktemp("platform")
    top = folder / "work"
    top.mkdir()
    environments = kubeflow.baked(folder, top)
    with (
        KubeflowServer(
            folder / "cluster",
            token=TOKEN,
            namespace=NAMESPACE,
            secrets=cluster.secrets,
            claims=cluster.claims,
            images=images(),
            pod_environment={"MLOPS_NB_ENVIRONMENTS": str(environments)},
        ) as double,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.delenv("WAREHOUSE_PASSWORD", raising=False)
        yield double


@pytest.fixture(scope="module")
def reader(tmp_path_factory, server, cluster):
    """Whoever has followed the page to its end."""
    folder = tmp_path_factory.mktemp("reader")
    subprocess.run(["git", "init", "-q", "--bare", folder / "origin.git"], check=True)
    with kubeflow.mlflow_server(tmp_path_factory.mktemp("mlflow")) as tracking:
        names = {
            "https://git.example.org/team-a/first.git": f"file://{folder}/origin.git",
            "s3://team-a/first": str(folder / "remote"),
            "https://kubeflow.example.org/pipeline": server.url,
            "https://mlflow.example.org": tracking,
            "http://ml-pipeline.kubeflow.svc.cluster.local:8888": server.url,
        }
        found = Reader(folder, page.Cluster(NAMESPACE, PLANTED), names)
        last = ""
        for block in BLOCKS:
            found.follow(block, last)
            last = block.text
        yield found


@pytest.mark.faults
def test_the_page_leads_to_a_model_version(reader):
    first = next(text for text in reader.said if "train quickstart.ipynb --push" in text)
    assert "SUCCEEDED" in first
    assert "version 1 @challenger" in first
    assert "test_accuracy" in first


@pytest.mark.faults
def test_a_run_is_canceled_resumed_and_followed(reader):
    canceled, watched = (
        next(text for text in reader.said if text.startswith(f"$ jupyter mlops {verb}"))
        for verb in ("cancel", "watch")
    )
    assert "CANCELED" in canceled
    assert "SUCCEEDED" in watched


@pytest.mark.faults
def test_each_pod_has_the_secrets_of_the_page_and_no_others(reader, server):
    runs = Config.load(reader.folder).state_folder / "runs"
    first = min(runs.iterdir())
    kfp_run_id = next(
        line for line in (first / "events.jsonl").read_text().split('"') if line.count("-") == 4
    )
    names = {task: set(server.pod(kfp_run_id, task).secret_environment) for task in STAGES}
    git = {"MLOPS_GIT_USERNAME", "MLOPS_GIT_PASSWORD"}
    tracking = {"MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"}
    assert names == {
        "provision-code": git,
        "provision-data": git | {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"},
        "train": tracking | {"WAREHOUSE_PASSWORD"},
        "evaluate": tracking,
        "register": tracking,
    }
    assert set(server.pod(kfp_run_id, "train").pull_secrets) == reader.cluster.pull_secrets


@pytest.mark.faults
def test_what_is_set_in_another_way_names_what_was_made(reader, cluster):
    folders, claim = reader.alternatives
    assert set(folders.kubeflow_secret_files.values()) <= set(cluster.secrets)
    assert claim.kubeflow_volume_claim in cluster.claims


@pytest.mark.faults
def test_nothing_secret_leaves_the_cluster(reader, server):
    files = (path for path in reader.folder.rglob("*") if path.is_file())
    kept = b"\n".join(path.read_bytes() for path in files)
    seen = "\n".join((*reader.said, *map(str, server.requests)))
    for value in (*PLANTED.values(), TOKEN):
        assert value.encode() not in kept
        assert value not in seen
