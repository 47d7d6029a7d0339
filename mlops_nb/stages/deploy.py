"""Stage: put a revision up beside those that serve, without traffic."""

from __future__ import annotations

import msgspec

from mlops_nb import encoding
from mlops_nb.deployment import Built, promotion, targets
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.settings import Config
from mlops_nb.stages import volume as volumes
from mlops_nb.types import Origin, Traffic


def run(
    *, volume: str, built: str, descriptor: str, origin: str, project: str, settings: str
) -> dict[str, str]:
    """Put the revision up and wait until it is ready.

    Args:
        volume: What the stages of the run share.
        built: What it starts from, as JSON.
        descriptor: The descriptor as JSON.
        origin: What the model was made of, as JSON.
        project: The project's folder, "" in a pod.
        settings: JSON object of the settings that targets need.

    Returns:
        `revision`, its number, and `traffic` as it is now, as JSON.

    Raises:
        DeploymentError: It does not become ready, or another deploy of the name is at it.
    """
    config = Config.given(volumes.home(project, volume), encoding.loads(settings))
    wanted = msgspec.json.decode(descriptor, type=Descriptor)
    target = targets.target(config, wanted.target)
    with target.claim(wanted.name):
        revision = target.create(
            wanted,
            msgspec.convert(encoding.loads(built), Built, dec_hook=lambda kind, path: kind(path)),
            msgspec.json.decode(origin, type=Origin),
        )
        traffic: Traffic = promotion.now(target.get(wanted.name))
    print(f"{wanted.name} revision {revision.number} is ready")
    return {
        "revision": str(revision.number),
        "traffic": encoding.dumps(msgspec.to_builtins(traffic, str_keys=True), name="the traffic"),
    }
