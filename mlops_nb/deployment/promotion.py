"""Give revisions their traffic, and the registry's aliases with it.

The version that most requests go to is the champion of its model, and one that gets a part of them,
or a copy, is the challenger.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.exceptions import DeploymentError, UsageError
from mlops_nb.types import Deployment, Traffic

if TYPE_CHECKING:
    from mlops_nb.deployment import Target
    from mlops_nb.deployment.descriptor import Policy

CHAMPION = "champion"
CHALLENGER = "challenger"


def first(deployment: Deployment, number: int, policy: Policy) -> Traffic:
    """Return the traffic that a deployment has once a verified revision gets its part."""
    serving = deployment.serving
    if serving is None or policy.strategy == "replace":
        return Traffic(percent={number: 100})
    if policy.strategy == "shadow":
        return Traffic(percent={serving.number: 100}, shadow=number)
    return canary(serving.number, number, policy.percent)


def canary(serving: int, number: int, percent: int) -> Traffic:
    """Return the traffic in which a revision gets a part, and one that serves the rest."""
    if percent >= 100:
        return Traffic(percent={number: 100})
    return Traffic(percent={serving: 100 - percent, number: percent})


def now(deployment: Deployment) -> Traffic:
    """Return the traffic of a deployment as it is."""
    return Traffic(
        percent={r.number: r.percent for r in deployment.revisions if r.percent},
        shadow=next((r.number for r in deployment.revisions if r.shadow), None),
    )


def route(target: Target, tracking_uri: str, name: str, traffic: Traffic) -> Deployment:
    """Give the revisions of a deployment their traffic, then its models their aliases.

    Raises:
        DeploymentError: The target refuses; nothing changed.
        TrackingError: The registry refuses; the traffic is as it was asked for.
    """
    before = target.get(name)
    after = target.route(name, traffic)
    wanted = _aliases(after)
    for model, alias in {*wanted, *_aliases(before)}:
        _give(tracking_uri, model, alias, wanted.get((model, alias)))
    return after


def _give(tracking_uri: str, model: str, alias: str, version: str | None) -> None:
    from mlops_nb.tracking.store import Store

    store = Store(tracking_uri)
    if store.registry.alias(model, alias) != version:
        store.registry.set_alias(model, alias, version)


def _aliases(deployment: Deployment) -> dict[tuple[str, str], str]:
    """Return the version of each model's alias that the traffic amounts to."""
    serving = deployment.serving
    found: dict[tuple[str, str], str] = {}
    for revision in deployment.revisions:
        if revision.percent or revision.shadow:
            model = revision.origin.model
            alias = CHAMPION if revision is serving else CHALLENGER
            if model.name is not None and model.version is not None:
                found[model.name, alias] = model.version
    return found


def changed(
    deployment: Deployment,
    *,
    canary: int | None,
    shadow: int | None,
    promote: bool,
    revision: int | None,
) -> Traffic:
    """Return the traffic that a user asks for.

    Args:
        deployment: As it is.
        canary: Part of the newest revision, in percent.
        shadow: The revision that gets copies, 0 for none.
        promote: Whether the newest revision gets all.
        revision: In place of the newest one.

    Raises:
        UsageError: Not one thing is asked for, or a percentage is none.
        DeploymentError: There is no such revision.
    """
    if (canary is not None) + (shadow is not None) + promote != 1:
        raise UsageError(
            "traffic takes one of canary, shadow and promote",
            hint=f"such as: traffic {deployment.name} --canary 10",
        )
    if shadow is not None:
        return _shadowed(deployment, shadow)
    number = _known(deployment, revision) if revision else _newest(deployment)
    if promote:
        return Traffic(percent={number: 100})
    return _canary(deployment, number, canary or 0)


def back(deployment: Deployment, revision: int | None) -> Traffic:
    """Return the traffic in which a revision that served before gets all.

    Raises:
        DeploymentError: There is none.
    """
    if revision is not None:
        return Traffic(percent={_known(deployment, revision): 100})
    serving = deployment.serving
    others = [r for r in deployment.revisions if r.percent and r is not serving]
    if serving is not None and others:
        # A canary is taken back: what serves the rest serves all.
        return Traffic(percent={min(serving.number, *(r.number for r in others)): 100})
    older = [r.number for r in deployment.revisions if serving and r.number < serving.number]
    if not older:
        raise DeploymentError(
            f"{deployment.name} has no revision from before the one that serves",
            hint=f"see what there is: jupyter mlops deployments {deployment.name}",
        )
    return Traffic(percent={max(older): 100})


def _canary(deployment: Deployment, number: int, percent: int) -> Traffic:
    if not 1 <= percent <= 99:
        raise UsageError(f"a canary of {percent} % is none", hint="say 1 to 99, or promote it")
    rest = [r for r in deployment.revisions if r.percent and r.number != number]
    if not rest:
        raise DeploymentError(
            f"revision {number} of {deployment.name} is the only one that serves",
            hint="deploy another one first: deploy RUN --traffic 10",
        )
    serving = max(rest, key=lambda revision: revision.percent)
    return canary(serving.number, number, percent)


def _shadowed(deployment: Deployment, number: int) -> Traffic:
    shadow = _known(deployment, number) if number else None
    return Traffic(percent=now(deployment).percent, shadow=shadow)


def _newest(deployment: Deployment) -> int:
    return max((revision.number for revision in deployment.revisions), default=0)


def _known(deployment: Deployment, number: int) -> int:
    numbers = [revision.number for revision in deployment.revisions]
    if number not in numbers:
        raise DeploymentError(
            f"{deployment.name} has no revision {number}",
            hint=f"there are: {', '.join(map(str, sorted(numbers))) or 'none'}",
        )
    return number
