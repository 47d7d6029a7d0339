"""Stage: verify a revision that has no traffic yet, then give it what it is to have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding
from mlops_nb.deployment import promotion, targets, verification
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.exceptions import DeploymentError, StageError
from mlops_nb.journal import RevisionRouted, emit
from mlops_nb.serving import package as packages
from mlops_nb.settings import Config
from mlops_nb.stages import volume as volumes
from mlops_nb.types import Traffic

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_nb.deployment import Target
    from mlops_nb.types import Deployment


def run(
    *, volume: str, package: str, descriptor: str, revision: str, traffic: str,
    tracking_uri: str, project: str, settings: str,
) -> dict[str, str]:  # fmt: skip
    """Verify the revision and route requests to it; a bad one is taken down again.

    Args:
        volume: What the stages of the run share.
        package: Place of the package in it.
        descriptor: The descriptor as JSON.
        revision: Its number.
        traffic: The traffic when it was put up, as JSON.
        tracking_uri: Where MLflow keeps the registry.
        project: The project's folder, "" in a pod.
        settings: JSON object of the settings that targets need.

    Returns:
        `url` of the deployment, "" where the target has none.

    Raises:
        StageError: It does not answer as it has to; what served goes on serving.
        DeploymentError: Another deploy has changed the traffic meanwhile.
    """
    config = Config.given(volumes.home(project, volume), encoding.loads(settings))
    wanted = msgspec.json.decode(descriptor, type=Descriptor)
    target = targets.target(config, wanted.target)
    before = msgspec.json.decode(traffic, type=Traffic)
    number = int(revision)
    with target.claim(wanted.name):
        try:
            deployment = _unchanged(target, wanted.name, before)
            _verify(target, wanted, number, volumes.existing(volume, package))
        except BaseException:
            target.discard(wanted.name, number)
            raise
        given = promotion.first(deployment, number, wanted.traffic)
        after = promotion.route(target, tracking_uri, wanted.name, given)
    emit(RevisionRouted(deployment=wanted.name, revision=number, url=after.url))
    print(f"{wanted.name} answers at {after.url}")
    return {"url": after.url or ""}


def _unchanged(target: Target, name: str, before: Traffic) -> Deployment:
    deployment = target.get(name)
    if promotion.now(deployment) != before:
        raise DeploymentError(
            f"another deploy has changed the traffic of {name} meanwhile",
            hint=f"look at what serves now: jupyter mlops deployments {name}",
        )
    return deployment


def _verify(target: Target, wanted: Descriptor, number: int, folder: Path) -> None:
    checks = verification.verify(
        target.endpoint(wanted.name, number),
        packages.digest(folder),
        packages.read(folder),
        packages.example(folder),
        timeout_s=wanted.service.timeout_s + 5,
    )
    for check in checks:
        print(f"{'ok  ' if check.passed else 'BAD '} {check.kind} {check.name}: {check.again}")
    bad = next((check for check in checks if not check.passed), None)
    if bad is not None:
        raise StageError(
            f"revision {number} of {wanted.name} fails the check of {bad.kind} {bad.name}: "
            f"it answers {bad.again}, and not {bad.recorded}",
            hint=_HINTS[bad.kind],
        )


_HINTS = {
    "health": "see what it printed in the log of the stage deploy",
    "metadata": "something else answers at its address; deploy again",
    "prediction": "let the wrapper give what the run gave, or say under example in deployment.yaml "
    "what it has to give",
    "refusal": "see what it printed in the log of the stage deploy",
}
