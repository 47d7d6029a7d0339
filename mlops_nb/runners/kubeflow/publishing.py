"""Pipelines on a server: a version for each platform and release, uploaded once."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding
from mlops_nb.files import replace_file
from mlops_nb.pipelines.platform import Platform
from mlops_nb.types import Published, Record
from mlops_nb.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_nb.pipelines import Pipeline
    from mlops_nb.runners.kubeflow.server import Server
    from mlops_nb.settings import Config

FOLDER = "pipelines"


class Version(Record, frozen=True, kw_only=True):
    """Ids of a pipeline and of one of its versions on a server."""

    pipeline_id: str
    version_id: str


def name_of(pipeline: Pipeline) -> str:
    """Return the name that a pipeline has on servers."""
    return f"mlops-nb-{pipeline.name}"


def packaged(pipeline: Pipeline, config: Config) -> tuple[str, str]:
    """Return the name of the version that the settings make of a pipeline, and its YAML.

    Raises:
        ConfigError: The settings describe no platform.
    """
    from mlops_nb.pipelines.compiler import compiled_for

    text = compiled_for(pipeline, Platform.of(config), config.state_folder / FOLDER)
    return f"{__version__}-{_digest(text)[:12]}", text


def publish(server: Server, pipeline: Pipeline, config: Config) -> Published:
    """Upload a pipeline for the platform of the settings, unless the server has that version.

    Raises:
        BackendError: The server refuses.
        ConfigError: The settings describe no platform.
    """
    version, text = packaged(pipeline, config)
    pipeline_id = server.pipeline(name_of(pipeline))
    known = server.version(pipeline_id, version)
    version_id = known or server.upload(pipeline_id, version, text)
    return Published(
        pipeline=name_of(pipeline),
        version=version,
        digest=_digest(text),
        pipeline_id=pipeline_id,
        version_id=version_id,
        uploaded=known is None,
    )


def version_for(server: Server, pipeline: Pipeline, config: Config) -> Version:
    """Return the version to run, published where it is not; what was found is remembered."""
    path = _path(pipeline, config)
    if path.is_file():
        return msgspec.convert(encoding.loads(path.read_bytes()), Version)
    found = publish(server, pipeline, config)
    version = Version(pipeline_id=found.pipeline_id, version_id=found.version_id)
    remember(version, pipeline, config)
    return version


def remember(version: Version, pipeline: Pipeline, config: Config) -> None:
    """Have runs be of a version, without a look at what the settings would make."""
    path = _path(pipeline, config)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(path, encoding.record(version).encode())


def forget(pipeline: Pipeline, config: Config) -> None:
    """Forget a version that the server has no more."""
    _path(pipeline, config).unlink(missing_ok=True)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _path(pipeline: Pipeline, config: Config) -> Path:
    where = [config.kubeflow_url, config.kubeflow_context, config.kubeflow_namespace]
    key = [pipeline.digest, Platform.of(config).digest, *where]
    name = hashlib.sha256(encoding.plain(key).encode()).hexdigest()[:32]
    return config.state_folder / FOLDER / f"{pipeline.name}-{name}.json"
