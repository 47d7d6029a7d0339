"""What the cluster has besides the API: who may ask, which namespace, secrets, claims, images."""

from __future__ import annotations

from pathlib import Path

import msgspec


class Cluster(msgspec.Struct):
    """The settings of a server; the token may change while it runs."""

    folder: Path
    token: str | None
    cookie: tuple[str, str] | None
    namespace: str | None
    secrets: dict[str, dict[str, str]]
    claims: tuple[str, ...]
    pod_environment: dict[str, str]
    images: tuple[str, ...] | None
    container: tuple[str, ...] | str
    terminated_state: str

    @property
    def pod_namespace(self) -> str:
        """The namespace in which pods are."""
        return self.namespace or "kubeflow"

    @property
    def service_account(self) -> str:
        """The service account of a run that names none."""
        return "default-editor" if self.namespace else "pipeline-runner"
