"""Objects, as the API server keeps them: versions, generations, and who has applied which field."""

from __future__ import annotations

import copy
import itertools
import re
import threading
import uuid
from datetime import datetime, timezone
from typing import Any

from mlops_nb.testing.kubernetes import schema

# What clients may ask for: the group, the plural name, and the kind.
KINDS = {
    ("apis/serving.kserve.io/v1beta1", "inferenceservices"): "InferenceService",
    ("apis/coordination.k8s.io/v1", "leases"): "Lease",
    ("api/v1", "configmaps"): "ConfigMap",
    ("api/v1", "pods"): "Pod",
}
MODE = "serving.kserve.io/deploymentMode"
# What KServe calls the modes since 0.16, whichever of the names it was given.
_NEW_NAMES = {"Serverless": "Knative", "RawDeployment": "Standard"}
RAW = ("RawDeployment", "Standard")
_NAME = {
    "InferenceService": re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?"),
    "": re.compile(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?"),
}
_DENIED = (
    'admission webhook "inferenceservice.kserve-webhook-server.validator" denied the request: '
)


class RefusedError(Exception):
    """The server refuses a request.

    Args:
        status: HTTP status.
        reason: Kubernetes' word for it.
        message: What is wrong.
    """

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "message": message,
            "reason": reason,
            "code": status,
        }


class Store:
    """All objects of one namespace.

    Args:
        namespace: The namespace.
        renames_modes: Whether KServe reports its modes by their new names.
    """

    def __init__(self, namespace: str, *, renames_modes: bool) -> None:
        self.namespace = namespace
        self.renames_modes = renames_modes
        self.lock = threading.RLock()
        self._objects: dict[tuple[str, str], dict[str, Any]] = {}
        self._applied: dict[tuple[str, str, str], dict[str, Any]] = {}
        self._versions = itertools.count(1)

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return an object."""
        with self.lock:
            found = self._objects.get((kind, name))
            if found is None:
                raise RefusedError(404, "NotFound", f'{kind} "{name}" not found')
            return copy.deepcopy(found)

    def list(self, kind: str, labels: dict[str, str]) -> list[dict[str, Any]]:
        """Return the objects that have the labels."""
        with self.lock:
            found = [one for (of, _), one in self._objects.items() if of == kind]
            return [
                copy.deepcopy(one)
                for one in found
                if labels.items() <= one["metadata"].get("labels", {}).items()
            ]

    def create(self, kind: str, body: dict[str, Any]) -> dict[str, Any]:
        """Keep a new object."""
        with self.lock:
            name = self._checked(kind, body)
            if (kind, name) in self._objects:
                raise RefusedError(409, "AlreadyExists", f'{kind} "{name}" already exists')
            return self._keep(kind, name, body)

    def replace(self, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        """Change an object that is as it was when it was read."""
        with self.lock:
            before = self.get(kind, name)
            self._checked(kind, body, name)
            version = body["metadata"].get("resourceVersion")
            if version not in (None, before["metadata"]["resourceVersion"]):
                said = (
                    "the object has been modified; please apply your changes to the latest version"
                )
                raise RefusedError(
                    409, "Conflict", f'Operation cannot be fulfilled on "{name}": {said}'
                )
            return self._keep(kind, name, body)

    def apply(self, kind: str, name: str, body: dict[str, Any], manager: str) -> dict[str, Any]:
        """Merge what a manager wants into an object; what it wants no more is taken out."""
        with self.lock:
            self._checked(kind, body, name)
            before = self._objects.get((kind, name))
            if before is None:
                made = copy.deepcopy(body)
            else:
                earlier = self._applied.get((kind, name, manager), {})
                made = _merged(_without(copy.deepcopy(before), earlier, body), body)
            self._applied[kind, name, manager] = copy.deepcopy(body)
            return copy.deepcopy(before) if made == before else self._keep(kind, name, made)

    def mode(self, annotations: dict[str, str]) -> str:
        """Return what the status of a service calls its mode."""
        given = annotations.get(MODE, "Serverless")
        return _NEW_NAMES.get(given, given) if self.renames_modes else given

    def delete(self, kind: str, name: str) -> dict[str, Any]:
        """Take an object out; a service is there until its pods have ended."""
        with self.lock:
            found = self.get(kind, name)
            if kind == "InferenceService":
                ending = self._objects[kind, name]["metadata"]
                ending.setdefault("deletionTimestamp", _now())
            else:
                self.drop(kind, name)
            return found

    def say(self, kind: str, name: str, status: dict[str, Any]) -> None:
        """Keep the status of an object, if it is there still."""
        with self.lock:
            found = self._objects.get((kind, name))
            if found is not None and found.get("status") != status:
                found["status"] = copy.deepcopy(status)
                found["metadata"]["resourceVersion"] = str(next(self._versions))

    def put(self, kind: str, body: dict[str, Any]) -> None:
        """Keep an object of the cluster's own, such as a pod."""
        with self.lock:
            self._keep(kind, body["metadata"]["name"], body)

    def drop(self, kind: str, name: str) -> None:
        """Take an object out at once, if it is there still."""
        with self.lock:
            self._objects.pop((kind, name), None)
            for key in [key for key in self._applied if key[:2] == (kind, name)]:
                del self._applied[key]

    def _keep(self, kind: str, name: str, body: dict[str, Any]) -> dict[str, Any]:
        before = self._objects.get((kind, name))
        made = copy.deepcopy(body)
        metadata = made["metadata"]
        old = before["metadata"] if before else {}
        same = before is not None and before.get("spec") == made.get("spec")
        metadata["uid"] = old.get("uid") or str(uuid.uuid4())
        metadata["creationTimestamp"] = old.get("creationTimestamp") or _now()
        if "deletionTimestamp" in old:
            metadata["deletionTimestamp"] = old["deletionTimestamp"]
        metadata["generation"] = old.get("generation", 0) + (0 if same else 1)
        metadata["resourceVersion"] = str(next(self._versions))
        if before is not None and "status" in before and kind != "Pod":
            made["status"] = before["status"]
        self._objects[kind, name] = made
        return copy.deepcopy(made)

    def _checked(self, kind: str, body: dict[str, Any], name: str | None = None) -> str:
        """Return the name of an object that may be kept."""
        if wrong := schema.complaints({k: v for k, v in body.items() if k != "status"}, kind):
            raise RefusedError(400, "BadRequest", f"strict decoding error: {', '.join(wrong)}")
        metadata = body.get("metadata", {})
        found = str(metadata.get("name", ""))
        if name not in (None, found) or metadata.get("namespace") != self.namespace:
            raise RefusedError(400, "BadRequest", "the name or namespace is not that of the URL")
        if body.get("kind") != kind:
            raise RefusedError(400, "BadRequest", f"{body.get('kind')!r} is not a {kind}")
        if _NAME.get(kind, _NAME[""]).fullmatch(found) is None or len(found) > 63:
            raise RefusedError(422, "Invalid", f"{kind} {found!r} is invalid: metadata.name")
        if kind == "InferenceService":
            self._admit(found, body)
        return found

    def _admit(self, name: str, body: dict[str, Any]) -> None:
        predictor = body.get("spec", {}).get("predictor", {})
        least, most = predictor.get("minReplicas", 1), predictor.get("maxReplicas", 0)
        if least < 0 or (most and least > most):
            raise RefusedError(403, "Forbidden", f"{_DENIED}minReplicas is above maxReplicas")
        if len(predictor.get("containers", [])) != 1:
            raise RefusedError(403, "Forbidden", f"{_DENIED}exactly one container is needed")
        if not 0 <= predictor.get("canaryTrafficPercent", 0) <= 100:
            raise RefusedError(403, "Forbidden", f"{_DENIED}canaryTrafficPercent is 0 to 100")
        if predictor.get("logger", {}).get("mode", "all") not in ("all", "request", "response"):
            raise RefusedError(403, "Forbidden", f"{_DENIED}invalid logger type")
        self._admit_mode(name, body["metadata"].get("annotations", {}))

    def _admit_mode(self, name: str, annotations: dict[str, str]) -> None:
        """Compare the words, as KServe does: another name of the same mode is refused, too."""
        before = self._objects.get(("InferenceService", name), {})
        known, given = before.get("status", {}).get("deploymentMode"), annotations.get(MODE)
        if known and given and given != known:
            said = f"deploymentMode cannot be changed from '{known}' to '{given}'"
            raise RefusedError(403, "Forbidden", f"{_DENIED}update rejected: {said}")


def _without(target: Any, earlier: Any, wanted: Any) -> Any:
    """Take out of an object what was applied before and is not wanted any more."""
    for name in earlier:
        if name not in wanted:
            target.pop(name, None)
        elif isinstance(earlier[name], dict) and isinstance(wanted[name], dict):
            _without(target.get(name, {}), earlier[name], wanted[name])
    return target


def _merged(target: dict[str, Any], wanted: dict[str, Any]) -> dict[str, Any]:
    for name, value in wanted.items():
        both = isinstance(value, dict) and isinstance(target.get(name), dict)
        target[name] = _merged(target[name], value) if both else copy.deepcopy(value)
    return target


def _now() -> str:
    return datetime.now(timezone.utc).isoformat("T", "microseconds").replace("+00:00", "Z")
