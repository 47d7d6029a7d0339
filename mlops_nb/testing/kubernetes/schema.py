"""Which fields there are, and which must be: by the official client's models, and KServe's API.

What Kubernetes defines is taken from the client, which is generated from the server's own
description. Of KServe's v1beta1 it is what a predictor with a container of its own may have.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

# As the API has them beside the fields of a pod.
_PREDICTOR: dict[str, str] = {
    "minReplicas": "int",
    "maxReplicas": "int",
    "scaleTarget": "int",
    "scaleMetric": "str",
    "containerConcurrency": "int",
    "timeout": "int",
    "canaryTrafficPercent": "int",
    "logger": "Logger",
    "labels": "dict(str, str)",
    "annotations": "dict(str, str)",
    "deploymentStrategy": "V1DeploymentStrategy",
}
_KSERVE: dict[str, dict[str, str]] = {
    "InferenceService": {
        "apiVersion": "str",
        "kind": "str",
        "metadata": "V1ObjectMeta",
        "spec": "Spec",
    },
    "Spec": {"predictor": "Predictor"},
    "Logger": {"mode": "str", "url": "str"},
}
_KINDS = {"InferenceService": "InferenceService", "ConfigMap": "V1ConfigMap", "Lease": "V1Lease"}
_PLAIN: dict[str, type] = {"str": str, "int": int, "bool": bool, "datetime": str}
_GENERIC = re.compile(r"(?:list\[|dict\(str, )(?P<of>.+)[\])]")


def complaints(body: dict[str, Any], kind: str) -> list[str]:
    """Return what is wrong with an object, as the API server words it; nothing if it is right."""
    return _wrong(body, _KINDS[kind], "")


def _wrong(value: Any, kind: str, path: str) -> list[str]:
    if kind == "object":
        return []
    if generic := _GENERIC.fullmatch(kind):
        return _each_wrong(value, generic["of"], path, dict if kind.startswith("dict") else list)
    if kind in _PLAIN:
        # A bool is an int for Python alone.
        right = type(value) is _PLAIN[kind]
        return [] if right else [f'invalid value for "{path}": expected {kind}']
    if not isinstance(value, dict):
        return [f'invalid value for "{path}": expected map']
    known = _fields(kind)
    unknown = [f'unknown field "{_place(path, name)}"' for name in value if name not in known]
    missing = [f"{_place(path, n)}: Required value" for n in _required(kind) if n not in value]
    parts = [_wrong(value[n], known[n], _place(path, n)) for n in value if n in known]
    return [*unknown, *missing, *(complaint for part in parts for complaint in part)]


def _each_wrong(
    value: Any, kind: str, path: str, holder: type[dict[str, Any] | list[Any]]
) -> list[str]:
    if not isinstance(value, holder):
        return [f'invalid value for "{path}": expected {"map" if holder is dict else "list"}']
    found = value if isinstance(value, dict) else dict(zip(range(len(value)), value, strict=True))
    parts = [_wrong(one, kind, f"{path}[{at}]") for at, one in found.items()]
    return [complaint for part in parts for complaint in part]


def _place(path: str, name: str) -> str:
    return f"{path}.{name}".lstrip(".")


@cache
def _fields(kind: str) -> dict[str, str]:
    """Return the fields of a kind, each with the kind of its value."""
    if kind == "Predictor":
        return {**_fields("V1PodSpec"), **_PREDICTOR}
    if kind in _KSERVE:
        return _KSERVE[kind]
    model = _model(kind)
    return {model.attribute_map[name]: of for name, of in model.openapi_types.items()}


@cache
def _required(kind: str) -> tuple[str, ...]:
    """Return the fields that a kind must have: those that its model does not take as None."""
    if kind in _KSERVE or kind == "Predictor":
        return {"InferenceService": ("metadata", "spec"), "Spec": ("predictor",)}.get(kind, ())
    model = _model(kind)
    # Built without its checks, for they come one at a time.
    blank = object.__new__(model)
    blank.local_vars_configuration = _Checked()
    return tuple(j for name, j in model.attribute_map.items() if _must_be(blank, name))


def _model(kind: str) -> Any:
    from kubernetes.client import models

    return getattr(models, kind)


def _must_be(blank: Any, name: str) -> bool:
    try:
        setattr(blank, name, None)
    except ValueError:
        return True
    return False


class _Checked:
    """As much of the client's configuration as its models look at."""

    client_side_validation = True
