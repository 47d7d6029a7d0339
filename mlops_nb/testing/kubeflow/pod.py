"""The record of a pod: all that a task's pod would be made of, secrets by name."""

from __future__ import annotations

import msgspec


class SecretKey(msgspec.Struct, frozen=True):
    """A value that a pod takes from a Kubernetes secret."""

    secret: str
    key: str
    optional: bool = False


class Mount(msgspec.Struct, frozen=True):
    """A folder that a pod sees.

    Args:
        kind: workspace, claim, secret or empty.
        source: Name of the claim or secret.
        path: Where the pod sees it.
    """

    kind: str
    source: str
    path: str
    optional: bool = False


class Pod(msgspec.Struct, frozen=True):
    """A task's pod, after all placeholders are resolved."""

    name: str
    task: str
    image: str
    environment: dict[str, str]
    secret_environment: dict[str, SecretKey]
    mounts: tuple[Mount, ...]
    requests: dict[str, str]
    limits: dict[str, str]
    service_account: str
    node_selector: dict[str, str] = {}
    tolerations: tuple[dict[str, object], ...] = ()
    pull_secrets: tuple[str, ...] = ()
    pull_policy: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    deadline_s: float | None = None
    command: tuple[str, ...] = ()
