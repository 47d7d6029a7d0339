"""Which fields there are, by the public APIs: KServe's v1beta1 and the core's v1.

A mapping has the fields that it names, `{"*": kind}` has any, and a list holds what its one item
says.
"""

from __future__ import annotations

from typing import Any

_TEXTS = {"*": str}
_METADATA = {
    "name": str,
    "namespace": str,
    "labels": _TEXTS,
    "annotations": _TEXTS,
    "resourceVersion": str,
    "uid": str,
    "generation": int,
    "creationTimestamp": str,
}
_PROBE = {
    "httpGet": {"path": str, "port": int, "scheme": str},
    "initialDelaySeconds": int,
    "periodSeconds": int,
    "timeoutSeconds": int,
    "failureThreshold": int,
    "successThreshold": int,
}
_CONTAINER = {
    "name": str,
    "image": str,
    "command": [str],
    "args": [str],
    "env": [
        {
            "name": str,
            "value": str,
            "valueFrom": {"secretKeyRef": {"name": str, "key": str, "optional": bool}},
        }
    ],
    "ports": [{"name": str, "containerPort": int, "protocol": str}],
    "resources": {"requests": _TEXTS, "limits": _TEXTS},
    "readinessProbe": _PROBE,
    "livenessProbe": _PROBE,
    "startupProbe": _PROBE,
    "volumeMounts": [{"name": str, "mountPath": str, "readOnly": bool}],
    "securityContext": {
        "runAsNonRoot": bool,
        "runAsUser": int,
        "runAsGroup": int,
        "readOnlyRootFilesystem": bool,
        "allowPrivilegeEscalation": bool,
        "privileged": bool,
        "capabilities": {"add": [str], "drop": [str]},
        "seccompProfile": {"type": str, "localhostProfile": str},
    },
}
_PREDICTOR = {
    "containers": [_CONTAINER],
    "volumes": [{"name": str, "emptyDir": {"medium": str, "sizeLimit": str}}],
    "minReplicas": int,
    "maxReplicas": int,
    "timeout": int,
    "containerConcurrency": int,
    "canaryTrafficPercent": int,
    "logger": {"mode": str, "url": str},
    "labels": _TEXTS,
    "annotations": _TEXTS,
    "serviceAccountName": str,
    "imagePullSecrets": [{"name": str}],
    "nodeSelector": _TEXTS,
    "tolerations": [{"key": str, "operator": str, "value": str, "effect": str}],
}
_KINDS: dict[str, Any] = {
    "InferenceService": {"spec": {"predictor": _PREDICTOR}},
    "ConfigMap": {"data": _TEXTS},
    "Lease": {
        "spec": {
            "holderIdentity": str,
            "leaseDurationSeconds": int,
            "acquireTime": str,
            "renewTime": str,
            "leaseTransitions": int,
        }
    },
}


def complaints(body: dict[str, Any], kind: str) -> list[str]:
    """Return what is wrong with an object, as the API server words it; nothing if it is right."""
    known = {"apiVersion": str, "kind": str, "metadata": _METADATA, **_KINDS[kind]}
    return _wrong(body, known, "")


def _wrong(value: Any, known: Any, path: str) -> list[str]:
    if isinstance(known, dict):
        if not isinstance(value, dict):
            return [f'invalid value for "{path}": expected map']
        anything = known.get("*")
        return [
            complaint
            for name, part in value.items()
            for complaint in _field(name, part, known.get(name, anything), path)
        ]
    if isinstance(known, list):
        if not isinstance(value, list):
            return [f'invalid value for "{path}": expected list']
        found = (_wrong(part, known[0], f"{path}[{i}]") for i, part in enumerate(value))
        return [complaint for part in found for complaint in part]
    # A bool is an int for Python alone.
    right = type(value) is known
    return [] if right else [f'invalid value for "{path}": expected {known.__name__}']


def _field(name: str, value: Any, known: Any, path: str) -> list[str]:
    place = f"{path}.{name}".lstrip(".")
    return [f'unknown field "{place}"'] if known is None else _wrong(value, known, place)
