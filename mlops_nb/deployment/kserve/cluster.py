"""The Kubernetes API as a target needs it: from inside a pod, or by a kubeconfig."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.deployment.kserve.manifest import API_VERSION, MANAGER
from mlops_nb.exceptions import DeploymentError, LoginError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from kubernetes.client import ApiClient

SERVICES = f"apis/{API_VERSION}", "inferenceservices"
CONFIG_MAPS = "api/v1", "configmaps"
PODS = "api/v1", "pods"
LEASES = "apis/coordination.k8s.io/v1", "leases"
IN_POD = "KUBERNETES_SERVICE_HOST"
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
_TIMEOUT_S = 30
_UNAUTHORIZED, _FORBIDDEN, _MISSING, _CONFLICT = 401, 403, 404, 409
Kind = tuple[str, str]


class ConflictError(DeploymentError):
    """Another one has made or changed the object meanwhile."""


class Cluster:
    """One namespace of a cluster.

    Args:
        context: Of the kubeconfig; its current one if "".
        namespace: That of the pod or of the context if "".
        account: Folder with token, certificates and namespace of the pod's service account.

    Raises:
        DeploymentError: There is no pod's account and no kubeconfig.
    """

    def __init__(self, context: str, namespace: str, account: Path = _ACCOUNT) -> None:
        self.inside = IN_POD in os.environ and not context
        self._client, own = _inside(account) if self.inside else _outside(context)
        self.namespace = namespace or own or "default"

    def get(self, kind: Kind, name: str) -> dict[str, Any] | None:
        """Return an object, None where there is none of the name."""
        try:
            return self._call("GET", self._path(kind, name))
        except _Missing:
            return None

    def list(self, kind: Kind, labels: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the objects that have the labels."""
        wanted = ",".join(f"{name}={value}" for name, value in labels.items())
        items: list[dict[str, Any]] = self._call(
            "GET", self._path(kind), query={"labelSelector": wanted}
        )["items"]
        return items

    def apply(self, kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
        """Make an object as it is wanted, by server-side apply: a second time changes nothing.

        Raises:
            DeploymentError: The server refuses it, as where a field is not in its schema.
        """
        query = {"fieldManager": MANAGER, "force": "true", "fieldValidation": "Strict"}
        path = self._path(kind, body["metadata"]["name"])
        return self._call("PATCH", path, body, query, "application/apply-patch+yaml")

    def create(self, kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
        """Make a new object.

        Raises:
            ConflictError: There is one of the name.
        """
        return self._call("POST", self._path(kind), body)

    def replace(self, kind: Kind, body: dict[str, Any]) -> dict[str, Any]:
        """Change an object that nobody else has changed since it was read.

        Raises:
            ConflictError: Somebody has.
        """
        return self._call("PUT", self._path(kind, body["metadata"]["name"]), body)

    def delete(self, kind: Kind, name: str) -> None:
        """Delete an object and all that belongs to it, if it is there."""
        query = {"propagationPolicy": "Foreground"}
        try:
            self._call("DELETE", self._path(kind, name), query=query)
        except _Missing:
            return

    def log(self, pod: str, *, lines: int, previous: bool = False) -> str:
        """Return the end of what the service of a pod has printed, "" where it cannot be had."""
        query = {
            "container": "kserve-container",
            "tailLines": str(lines),
            "previous": "true" if previous else "false",
        }
        try:
            return str(self._ask("GET", f"{self._path(PODS, pod)}/log", None, query, "", "str"))
        except DeploymentError:
            return ""

    def _path(self, kind: Kind, name: str = "") -> str:
        group, plural = kind
        return f"/{group}/namespaces/{self.namespace}/{plural}{f'/{name}' if name else ''}"

    def _call(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None = None,
        query: Mapping[str, str] | None = None,
        content: str = "application/json",
    ) -> dict[str, Any]:
        found: dict[str, Any] = self._ask(method, path, body, query or {}, content, "object")
        return found

    def _ask(
        self,
        method: str,
        path: str,
        body: dict[str, Any] | None,
        query: Mapping[str, str],
        content: str,
        kind: str,
    ) -> Any:
        from kubernetes.client import ApiException
        from urllib3.exceptions import HTTPError

        headers = {"Accept": "application/json"} | ({"Content-Type": content} if body else {})
        try:
            return self._client.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params=headers,
                body=body,
                response_type=kind,
                auth_settings=["BearerToken"],
                _return_http_data_only=True,
                _request_timeout=_TIMEOUT_S,
            )
        except ApiException as refused:
            raise _refusal(refused, method, path) from None
        except HTTPError as error:
            raise DeploymentError(
                f"the cluster at {self._client.configuration.host} cannot be reached: {error}",
                hint="see whether kubectl get pods reaches it, and kserve.context",
            ) from error


class _Missing(DeploymentError):  # noqa: N818  (an answer, which nobody gets to see)
    """There is no such object."""


def _refusal(refused: Any, method: str, path: str) -> DeploymentError | LoginError:
    try:
        said = msgspec.json.decode(refused.body or b"{}")["message"]
    except (msgspec.DecodeError, KeyError, TypeError):
        said = refused.reason
    if refused.status == _MISSING:
        return _Missing(f"the cluster does not know {path}", hint="see whether KServe is installed")
    if refused.status == _CONFLICT:
        return ConflictError(f"the cluster refuses it: {said}", hint="try again")
    if refused.status == _UNAUTHORIZED:
        return LoginError(
            "the cluster does not know who asks", hint="log in as for kubectl, then try again"
        )
    if refused.status == _FORBIDDEN:
        return DeploymentError(
            f"the cluster forbids it: {said}",
            hint="docs/deployment.md lists the rights that it takes",
        )
    return DeploymentError(
        f"the cluster refuses {method} {path} ({refused.status}): {said}",
        hint="see what it says of the field, and the versions in docs/deployment.md",
    )


def _inside(account: Path) -> tuple[ApiClient, str]:
    from kubernetes import client, config
    from kubernetes.config.incluster_config import InClusterConfigLoader

    token, certificates, own = (account / name for name in ("token", "ca.crt", "namespace"))
    made = client.Configuration()
    try:
        InClusterConfigLoader(str(token), str(certificates)).load_and_set(made)
    except config.ConfigException as error:
        raise DeploymentError(
            f"the pod has no usable service account: {error}",
            hint="give it one (automountServiceAccountToken), or set kserve.context",
        ) from error
    return client.ApiClient(made), own.read_text(encoding="utf-8").strip() if own.is_file() else ""


def _outside(context: str) -> tuple[ApiClient, str]:
    from kubernetes import config

    # The client's own default is that of the time of its import.
    place = os.environ.get("KUBECONFIG") or "~/.kube/config"
    try:
        contexts, current = config.list_kube_config_contexts(place)
        found = next((c for c in contexts if c["name"] == context), None) if context else current
        if found is None:
            known = ", ".join(one["name"] for one in contexts)
            raise DeploymentError(
                f"the kubeconfig has no context {context!r}", hint=f"there are: {known}"
            )
        return (
            config.new_client_from_config(place, context=found["name"]),
            found["context"].get("namespace", ""),
        )
    except config.ConfigException as error:
        raise DeploymentError(
            f"there is no usable kubeconfig: {error}",
            hint="log in as for kubectl, or set KUBECONFIG",
        ) from error
