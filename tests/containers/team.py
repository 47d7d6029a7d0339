"""A team's project with all that it needs elsewhere, and a cluster whose pods are containers."""

from __future__ import annotations

import shlex
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_nb import api
from mlops_nb.images import access
from mlops_nb.testing import KubeflowServer
from tests.containers import services
from tests.end_to_end.kubeflow import mlflow_server
from tests.vocabulary import Project

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops_nb.types import Image

PASSWORDS = {name: f"planted-{name}-7f3a9c" for name in ("git", "dvc", "mlflow", "index")}
CLAIM = "team"
_SETTINGS = """\
[tracking]
uri = "{tracking}"
[images]
{images}
[kubeflow]
url = "{url}"
volume_claim = "{claim}"
[kubeflow.secrets_code]
MLOPS_GIT_USERNAME = "git/username"
MLOPS_GIT_PASSWORD = "git/password"
[kubeflow.secrets_tracking]
MLFLOW_TRACKING_USERNAME = "mlflow/username"
MLFLOW_TRACKING_PASSWORD = "mlflow/password"
{index}
[kubeflow.secret_files]
"/home/mlops/.config/dvc" = "dvc"
"""


@dataclass(frozen=True)
class Team:
    """The project, and what is around it.

    Attributes:
        project: The quickstart.
        cluster: Where its runs go; its pods are containers of the stage images.
        folder: Where all of it is.
        services: What pods reach, by name: git, dvc, mlflow and index.
    """

    project: Project
    cluster: KubeflowServer
    folder: Path
    services: dict[str, services.Service]

    @property
    def volume(self) -> Path:
        """The volume that the pods share."""
        return self.folder / "cluster" / "claims" / CLAIM


@contextmanager
def at_work(folder: Path, images: Mapping[str, Image]) -> Iterator[Team]:
    """Set all of it up; the servers are there as long as the block."""
    for name in ("repositories", "objects", "mlflow", "secrets"):
        (folder / name).mkdir(mode=0o700)
    with ExitStack() as stack:
        tracking = stack.enter_context(mlflow_server(folder / "mlflow"))
        answers = {
            "git": services.git(folder / "repositories"),
            "dvc": services.files(folder / "objects"),
            "mlflow": services.in_front_of(tracking),
            "index": services.empty,
        }
        served = {
            name: stack.enter_context(services.served(answer, PASSWORDS[name]))
            for name, answer in answers.items()
        }
        index = _index(folder / "secrets", served["index"].url)
        cluster = stack.enter_context(
            KubeflowServer(
                folder / "cluster",
                claims=[CLAIM],
                images=[image.name for image in images.values()],
                secrets={**_secrets(), "index": index},
                container=_container(folder / "secrets"),
            )
        )
        project = _project(folder / "project", served)
        named = "\n".join(f'{stage} = "{image.name}"' for stage, image in images.items())
        with (project.root / "mlops.toml").open("a") as settings:
            settings.write(
                _SETTINGS.format(
                    tracking=served["mlflow"].url,
                    images=named,
                    url=cluster.url,
                    claim=CLAIM,
                    index="\n".join(f'{name} = "index/{name}"' for name in index),
                )
            )
        project.git("commit", "-qam", "for the cluster")
        yield Team(project, cluster, folder, served)


def session() -> dict[str, str]:
    """Return what a member of the team has in the environment."""
    return {
        "MLOPS_GIT_USERNAME": services.USER,
        "MLOPS_GIT_PASSWORD": PASSWORDS["git"],
        "MLFLOW_TRACKING_USERNAME": services.USER,
        "MLFLOW_TRACKING_PASSWORD": PASSWORDS["mlflow"],
    }


def written(team: Team) -> dict[str, bytes]:
    """Return what anybody has written by its path, but for where secrets are given.

    Those are the user's own settings of DVC, and what stands for Kubernetes' store of secrets.
    """
    given = ("job.json", "homes", "config.local", "secrets")
    installed = ("environments", "uv")
    return {
        str(path): path.read_bytes()
        for path in team.folder.rglob("*")
        if path.is_file() and not {*given, *installed} & set(path.relative_to(team.folder).parts)
    }


def _project(root: Path, served: Mapping[str, services.Service]) -> Project:
    api.init(root, example="quickstart")
    project = Project(root)
    bare = root.parent / "repositories" / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", bare], check=True)
    project.git("remote", "add", "origin", f"{served['git'].url}/origin.git")
    for option, value in (
        ("url", served["dvc"].url),
        ("auth", "basic"),
        ("user", services.USER),
        ("method", "PUT"),
    ):
        _dvc(root, "modify", "storage", option, value)
    _dvc(root, "modify", "--local", "storage", "password", PASSWORDS["dvc"])
    return project


def _dvc(root: Path, *arguments: str) -> None:
    subprocess.run(["dvc", "remote", *arguments], cwd=root, check=True, capture_output=True)


def _secrets() -> dict[str, dict[str, str]]:
    users = {
        name: {"username": services.USER, "password": PASSWORDS[name]} for name in ("git", "mlflow")
    }
    own = f"['remote \"storage\"']\n    password = {PASSWORDS['dvc']}\n"
    return {**users, "dvc": {"config": own}}


def _index(folder: Path, url: str) -> dict[str, str]:
    """Return uv's settings in a pod: the team's index, which has nothing, then this machine's."""
    lines = access.secrets(folder)["settings"].read_text().splitlines()
    found = dict(shlex.split(line)[0].split("=", 1) for line in lines)
    return {
        **found,
        "UV_INDEX": f"team={url}/simple {found.get('UV_INDEX', '')}".strip(),
        "UV_INDEX_TEAM_USERNAME": services.USER,
        "UV_INDEX_TEAM_PASSWORD": PASSWORDS["index"],
    }


def _container(folder: Path) -> tuple[str, ...]:
    # A health check is a systemd timer, and not every machine has systemd.
    fixed = ("podman", "run", "--rm", "--no-healthcheck", "--network", "host")
    certificates = access.secrets(folder).get("certificates")
    if certificates is None:
        return fixed
    return (*fixed, f"--volume={certificates}:/run/secrets/certificates:ro")
