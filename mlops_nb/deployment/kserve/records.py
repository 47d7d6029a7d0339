"""What the cluster has no room for: the revisions of a deployment, in a ConfigMap beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.deployment.kserve.cluster import CONFIG_MAPS
from mlops_nb.deployment.kserve.manifest import MANAGER
from mlops_nb.types import Origin, Record

if TYPE_CHECKING:
    from mlops_nb.deployment.kserve.cluster import Cluster

_KEY = "deployment.json"
_SUFFIX = "-mlops"
LABELS = {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/component": "deployment"}


class KeptRevision(Record, frozen=True, kw_only=True):
    """One revision, and all that it takes to put it up again."""

    number: int
    package: str
    image: str
    descriptor: Descriptor
    origin: Origin
    created_at: str


class Kept(Record, frozen=True, kw_only=True):
    """The revisions of a deployment.

    Attributes:
        revisions: Oldest first.
        last: The last number that was given.
        rolled: The last revision that had all requests, which a canary leaves the rest to.
    """

    revisions: tuple[KeptRevision, ...] = ()
    last: int = 0
    rolled: int | None = None

    def revision(self, number: int) -> KeptRevision | None:
        """Return the revision of a number, None where there is none."""
        return next((one for one in self.revisions if one.number == number), None)


def read(cluster: Cluster, name: str) -> Kept | None:
    """Return what is kept of a deployment, None where there is none."""
    found = cluster.get(CONFIG_MAPS, name + _SUFFIX)
    return msgspec.json.decode(found["data"][_KEY], type=Kept) if found else None


def write(cluster: Cluster, name: str, kept: Kept) -> None:
    """Keep what is known of a deployment."""
    cluster.apply(
        CONFIG_MAPS,
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": name + _SUFFIX,
                "namespace": cluster.namespace,
                "labels": LABELS,
            },
            "data": {_KEY: msgspec.json.encode(kept).decode()},
        },
    )


def forget(cluster: Cluster, name: str) -> None:
    """Keep nothing of a deployment any more."""
    cluster.delete(CONFIG_MAPS, name + _SUFFIX)


def names(cluster: Cluster) -> list[str]:
    """Return the names of all deployments of the namespace."""
    found = cluster.list(CONFIG_MAPS, LABELS)
    return sorted(one["metadata"]["name"].removesuffix(_SUFFIX) for one in found)
