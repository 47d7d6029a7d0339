"""What the pods of a cluster have beside a run's parameters: images, secrets, volumes, nodes.

A team's platform goes into the pipeline when it is published, and not into the generic one, which
names nobody's. Nothing in it is secret: of a Kubernetes secret it holds the name.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding
from mlops_nb.exceptions import ConfigError
from mlops_nb.images import image
from mlops_nb.tuning.plan import WORKERS
from mlops_nb.types import Record

if TYPE_CHECKING:
    from mlops_nb.settings import Config

CLAIM_PATH = "/mlops"
# The image of each stage, by the setting that names it.
IMAGES = {
    "provision-code": "code",
    "provision-data": "data",
    "train": "train",
    "study": "train",
    "worker": "train",
    "best": "train",
    "evaluate": "evaluate",
    "register": "evaluate",
    "collect": "evaluate",
    "drift": "evaluate",
    "decide": "evaluate",
    "fire": "data",
}


class Toleration(Record, frozen=True, kw_only=True):
    """A taint that pods of the train stage put up with."""

    key: str
    value: str | None
    effect: str


class Platform(Record, frozen=True, kw_only=True):
    """What is compiled into a cluster's version of a pipeline.

    Attributes:
        images: Reference of each stage's image, by stage.
        claim: Name of the volume claim that outlives runs, "" for a volume of the run's own.
        workspace_gb: Size of that, in GiB.
        storage_class: Its storage class, "" for the cluster's default.
        access_mode: Its access mode.
        secrets: For each stage, environment variable to (secret, key).
        secret_files: Folder to secret, for the stages that fetch.
        variables: Environment variables of all stages.
        node_selector: Labels of the nodes for the train stage.
        tolerations: Taints that the train stage tolerates.
        pull_secrets: Secrets for pulling images.
        stage_timeout_s: Seconds that a pod may take, 0 for no limit.
        cache: Whether the platform may skip stages that it has run with the same inputs.
        workers: How many pods of a tuning try trials at once.
    """

    images: dict[str, str] = msgspec.field(default_factory=dict)
    claim: str = ""
    workspace_gb: int = 10
    storage_class: str = ""
    access_mode: str = "ReadWriteMany"
    secrets: dict[str, dict[str, tuple[str, str]]] = msgspec.field(default_factory=dict)
    secret_files: dict[str, str] = msgspec.field(default_factory=dict)
    variables: dict[str, str] = msgspec.field(default_factory=dict)
    node_selector: dict[str, str] = msgspec.field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()
    pull_secrets: tuple[str, ...] = ()
    stage_timeout_s: int = 0
    cache: bool = True
    workers: int = WORKERS

    @property
    def digest(self) -> str:
        """SHA-256 of all of it: equal platforms have equal digests."""
        data = encoding.plain(msgspec.to_builtins(self, order="sorted"))
        return hashlib.sha256(data.encode()).hexdigest()

    @classmethod
    def of(cls, config: Config) -> Platform:
        """Return the platform that the settings describe.

        Raises:
            ConfigError: A secret, a toleration or an image is not written as it must be.
        """
        limits = [s for s in (config.run_stage_timeout_s, config.run_timeout_s) if s]
        return cls(
            images={stage: _image(config, name) for stage, name in IMAGES.items()},
            claim=config.kubeflow_volume_claim,
            workspace_gb=config.kubeflow_workspace_gb,
            storage_class=config.kubeflow_storage_class,
            access_mode=config.kubeflow_access_mode,
            secrets=_secrets(config),
            secret_files=dict(config.kubeflow_secret_files),
            variables=dict(config.kubeflow_variables),
            node_selector=dict(config.kubeflow_node_selector),
            tolerations=tuple(_toleration(text) for text in config.kubeflow_tolerations),
            pull_secrets=config.kubeflow_pull_secrets,
            stage_timeout_s=min(limits, default=0),
            cache=config.run_cache,
            workers=config.tuning_parallel or WORKERS,
        )


def _image(config: Config, name: str) -> str:
    known: str = getattr(config, f"images_{name}")
    if known:
        return known
    return "/".join(part for part in (config.images_registry.rstrip("/"), image(name)) if part)


def _secrets(config: Config) -> dict[str, dict[str, tuple[str, str]]]:
    tables = {
        "provision-code": [("code", config.kubeflow_secrets_code)],
        "provision-data": [
            ("code", config.kubeflow_secrets_code),
            ("data", config.kubeflow_secrets_data),
        ],
        "train": [
            ("tracking", config.kubeflow_secrets_tracking),
            ("notebook", config.kubeflow_secrets_notebook),
        ],
        "study": [
            ("tracking", config.kubeflow_secrets_tracking),
            ("tuning", config.kubeflow_secrets_tuning),
        ],
        "worker": [
            ("tracking", config.kubeflow_secrets_tracking),
            ("notebook", config.kubeflow_secrets_notebook),
            ("tuning", config.kubeflow_secrets_tuning),
        ],
        "best": [
            ("tracking", config.kubeflow_secrets_tracking),
            ("tuning", config.kubeflow_secrets_tuning),
        ],
        **{
            stage: [("tracking", config.kubeflow_secrets_tracking)]
            for stage in ("evaluate", "register", "collect", "drift")
        },
        "fire": [("code", config.kubeflow_secrets_code)],
    }
    return {
        stage: {
            variable: _secret(f"kubeflow.secrets_{name}.{variable}", place)
            for name, table in given
            for variable, place in table.items()
        }
        for stage, given in tables.items()
    }


def _secret(setting: str, place: str) -> tuple[str, str]:
    name, slash, key = place.partition("/")
    if not (name and slash and key) or "/" in key:
        # The value is not shown: somebody may have put the secret itself here.
        raise ConfigError(
            f"{setting} names no key of a Kubernetes secret",
            hint=f'write the secret\'s name and the key in it: {setting} = "name/key"',
        )
    return name, key


def _toleration(text: str) -> Toleration:
    taint, _, effect = text.rpartition(":")
    key, equals, value = taint.partition("=")
    if not key or effect not in ("NoSchedule", "PreferNoSchedule", "NoExecute"):
        raise ConfigError(
            f"kubeflow.tolerations: {text!r} is no taint",
            hint='write it as kubectl does, such as "dedicated=gpu:NoSchedule"',
        )
    return Toleration(key=key, value=value if equals else None, effect=effect)
