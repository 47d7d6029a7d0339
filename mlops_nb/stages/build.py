"""Stage: build what a package runs in, an environment or an image."""

from __future__ import annotations

import msgspec

from mlops_nb import encoding
from mlops_nb.deployment import building
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.settings import Config
from mlops_nb.stages import volume as volumes
from mlops_nb.types import Environment


def run(
    *, volume: str, package: str, descriptor: str, environment: str, project: str, settings: str
) -> dict[str, str]:
    """Build it; what is there already is not built again.

    Args:
        volume: What the stages of the run share.
        package: Place of the package in it.
        descriptor: The descriptor as JSON.
        environment: Interpreter and lock as JSON.
        project: The project's folder, "" in a pod.
        settings: JSON object of the settings that targets need.

    Returns:
        `built` as JSON.

    Raises:
        LockError: The packages of the lock cannot be had.
        ImageError: The image cannot be built or pushed.
    """
    config = Config.given(volumes.home(project, volume), encoding.loads(settings))
    built = building.build(
        config,
        msgspec.json.decode(descriptor, type=Descriptor),
        volumes.existing(volume, package),
        msgspec.convert(encoding.loads(environment), Environment),
    )
    return {
        "built": encoding.dumps(msgspec.to_builtins(built, enc_hook=str), name="what was built")
    }
