"""One deploy of a name at a time: a Lease that its holder renews, and that runs out with it."""

from __future__ import annotations

import os
import platform
import threading
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from mlops_nb.deployment.kserve.cluster import LEASES, ConflictError
from mlops_nb.exceptions import DeploymentError, MlopsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.deployment.kserve.cluster import Cluster

_SUFFIX = "-mlops-deploy"
_SECONDS = 60
_RENEW_S = 15


@contextmanager
def held(cluster: Cluster, name: str) -> Iterator[None]:
    """Keep other deploys of the name out for as long as the block lasts.

    Raises:
        DeploymentError: Another one is at it.
    """
    who = f"{platform.node()}-{os.getpid()}"
    lease = _take(cluster, name, who)
    over = threading.Event()
    renewing = threading.Thread(target=_renew, args=(cluster, lease, over), daemon=True)
    renewing.start()
    try:
        yield
    finally:
        over.set()
        renewing.join()
        _release(cluster, name, who)


def _take(cluster: Cluster, name: str, who: str) -> dict[str, Any]:
    wanted = {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": name + _SUFFIX, "namespace": cluster.namespace},
        "spec": {"holderIdentity": who, "leaseDurationSeconds": _SECONDS, "renewTime": _now()},
    }
    found = cluster.get(LEASES, name + _SUFFIX)
    try:
        if found is None:
            return cluster.create(LEASES, wanted)
        if _is_over(found["spec"]):
            version = {"resourceVersion": found["metadata"]["resourceVersion"]}
            metadata = {**wanted["metadata"], **version}  # type: ignore[dict-item]
            return cluster.replace(LEASES, {**wanted, "metadata": metadata})
    except ConflictError:
        found = cluster.get(LEASES, name + _SUFFIX)
    by = found["spec"].get("holderIdentity", "somebody") if found else "somebody"
    raise DeploymentError(
        f"another deploy of {name} is at it: {by}", hint="wait until it is done, then try again"
    )


def _release(cluster: Cluster, name: str, who: str) -> None:
    # One that ran out, with the cluster out of reach, may be another one's by now.
    found = cluster.get(LEASES, name + _SUFFIX)
    if found is not None and found["spec"].get("holderIdentity") == who:
        cluster.delete(LEASES, name + _SUFFIX)


def _renew(cluster: Cluster, lease: dict[str, Any], over: threading.Event) -> None:
    while not over.wait(_RENEW_S):
        changed = {**lease, "spec": {**lease["spec"], "renewTime": _now()}}
        try:
            lease = cluster.replace(LEASES, changed)
        except MlopsError:
            continue


def _is_over(spec: dict[str, Any]) -> bool:
    renewed = datetime.fromisoformat(spec["renewTime"].replace("Z", "+00:00"))
    until = renewed + timedelta(seconds=spec["leaseDurationSeconds"])
    return until < datetime.now(timezone.utc)


def _now() -> str:
    return datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
