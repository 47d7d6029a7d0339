"""A task's pod, made of the pipeline's specification as Kubeflow's driver makes it.

What the driver does not resolve is not resolved here either: a placeholder counts only where it is
the whole text, and only for a parameter that is text.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubeflow import quantities
from mlops_nb.testing.kubeflow.pod import Mount, Pod, SecretKey

if TYPE_CHECKING:
    from collections.abc import Callable

WORKSPACE_PATH = "/kfp-workspace"
_CHANNEL = re.compile(r"\{\{\$\.inputs\.parameters\['(.+?)'\]\}\}")
_KNOWN = {
    *("activeDeadlineSeconds", "emptyDirMounts", "fieldPathAsEnv", "imagePullPolicy"),
    *("imagePullSecret", "nodeSelector", "podMetadata", "pvcMount", "secretAsEnv"),
    *("secretAsVolume", "tolerations", "securityContext", "nodeAffinity"),
}


class Task:
    """One task, with the values that its pod may refer to.

    Args:
        arguments: The task's own inputs, pipeline channels included.
        of_pipeline: The value of an input of the pipeline that the task is in.
        of_task: The value of a parameter that another task has given.
    """

    def __init__(
        self,
        arguments: dict[str, Any],
        of_pipeline: Callable[[str], Any],
        of_task: Callable[[str, str], Any],
    ) -> None:
        self._arguments = arguments
        self._of_pipeline = of_pipeline
        self._of_task = of_task

    def text(self, value: str) -> str:
        """Resolve a text of the pod's specification."""
        channel = _CHANNEL.fullmatch(value)
        if channel is None:
            return value
        if channel[1] not in self._arguments:
            raise ValueError("executorInput did not contain container Image input parameter")
        found = self._arguments[channel[1]]
        return found if isinstance(found, str) else ""

    def parameter(self, value: dict[str, Any], default: Any = None) -> Any:
        """Resolve a parameter of what the pipeline wants of Kubernetes."""
        if "componentInputParameter" in value:
            return self._of_pipeline(value["componentInputParameter"])
        if producer := value.get("taskOutputParameter"):
            return self._of_task(producer["producerTask"], producer["outputParameterKey"])
        constant = value.get("runtimeValue", {}).get("constant", default)
        return self.text(constant) if isinstance(constant, str) else constant


def resolve(
    values: Task,
    container: dict[str, Any],
    wanted: dict[str, Any],
    fields: dict[str, str],
    **own: Any,
) -> Pod:
    """Make a task's pod.

    Args:
        values: The task's values.
        container: The executor's container in the pipeline's specification.
        wanted: What the pipeline wants of Kubernetes for that executor.
        fields: Fields of the pod that it may see as environment variables.
        own: Further fields of the record.

    Raises:
        ValueError: With the driver's message: a quantity that is none, a value that is not there.
    """
    if unknown := sorted(set(wanted) - _KNOWN):
        raise ValueError(f"this double does not know what {', '.join(unknown)} would do")
    resources = container.get("resources", {})
    limits = _amounts(values, resources, "Limit")
    accelerator = resources.get("accelerator", {})
    kind = values.text(accelerator.get("resourceType") or accelerator.get("type", ""))
    count = values.text(str(accelerator.get("resourceCount") or accelerator.get("count", "")))
    if kind and count:
        limits[kind] = quantities.check(count)
    metadata = wanted.get("podMetadata", {})
    return Pod(
        image=values.text(container["image"]),
        environment={**_environment(values, container), **_of_fields(wanted, fields)},
        secret_environment=_secret_environment(values, wanted),
        mounts=(*_claims(values, wanted), *_secret_mounts(values, wanted), *_empty(wanted)),
        requests=_amounts(values, resources, "Request"),
        limits=limits,
        node_selector=_node_selector(values, wanted),
        tolerations=_tolerations(values, wanted),
        pull_secrets=tuple(
            _named(values, one, "secretName") for one in wanted.get("imagePullSecret", ())
        ),
        pull_policy=wanted.get("imagePullPolicy", ""),
        labels={"pipeline/runid": fields["metadata.labels['pipeline/runid']"]}
        | metadata.get("labels", {}),
        annotations=metadata.get("annotations", {}),
        deadline_s=float(wanted["activeDeadlineSeconds"])
        if "activeDeadlineSeconds" in wanted
        else None,
        **own,
    )


def _amounts(task: Task, resources: dict[str, Any], of: str) -> dict[str, str]:
    """Read requests or limits: the newer field if it is there, else the older number."""
    found = {}
    for name, unit in (("cpu", ""), ("memory", "G")):
        newer = resources.get(f"resource{name.capitalize()}{of}", "")
        older = resources.get(f"{name}{of}", 0)
        if newer or older:
            found[name] = quantities.check(task.text(newer) if newer else f"{older:g}{unit}")
    return found


def _environment(task: Task, container: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: task.text(one.get("value", "")) for one in container.get("env", ())}


def _of_fields(wanted: dict[str, Any], fields: dict[str, str]) -> dict[str, str]:
    asked = wanted.get("fieldPathAsEnv", ())
    for one in asked:
        if one["fieldPath"] not in fields:
            raise ValueError(f"this double has no field {one['fieldPath']} of a pod")
    return {one["name"]: fields[one["fieldPath"]] for one in asked}


def _secret_environment(task: Task, wanted: dict[str, Any]) -> dict[str, SecretKey]:
    return {
        key["envVar"]: SecretKey(
            secret=_named(task, one, "secretName"),
            key=key["secretKey"],
            optional=one.get("optional", False),
        )
        for one in wanted.get("secretAsEnv", ())
        for key in one["keyToEnv"]
    }


def _secret_mounts(task: Task, wanted: dict[str, Any]) -> list[Mount]:
    return [
        Mount(
            "secret", _named(task, one, "secretName"), one["mountPath"], one.get("optional", False)
        )
        for one in wanted.get("secretAsVolume", ())
    ]


def _claims(task: Task, wanted: dict[str, Any]) -> list[Mount]:
    return [
        Mount("claim", _named(task, one, "pvcName"), one["mountPath"])
        for one in wanted.get("pvcMount", ())
    ]


def _empty(wanted: dict[str, Any]) -> list[Mount]:
    asked = wanted.get("emptyDirMounts", ())
    return [Mount("empty", one["volumeName"], one["mountPath"]) for one in asked]


def _named(task: Task, one: dict[str, Any], key: str) -> str:
    """Resolve the name of a thing, which newer packages give as a parameter."""
    value = one.get(f"{key}Parameter")
    return str(task.parameter(value)) if value else str(one.get(key) or one.get("constant", ""))


def _node_selector(task: Task, wanted: dict[str, Any]) -> dict[str, str]:
    asked = wanted.get("nodeSelector", {})
    if "nodeSelectorJson" in asked:
        return dict(_structure(task, asked["nodeSelectorJson"]) or {})
    return dict(asked.get("labels", {}))


def _tolerations(task: Task, wanted: dict[str, Any]) -> tuple[dict[str, object], ...]:
    found: list[dict[str, object]] = []
    for one in wanted.get("tolerations", ()):
        value = _structure(task, one["tolerationJson"]) if "tolerationJson" in one else one
        found += value if isinstance(value, list) else [value] if value else []
    return tuple(found)


def _structure(task: Task, value: dict[str, Any]) -> Any:
    found = task.parameter(value)
    return json.loads(found) if isinstance(found, str) else found
