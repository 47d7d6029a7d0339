"""Refuse what KFP's local engine would execute differently from a cluster.

Each rule is a difference that was seen in kfp 2.17: the local engine takes a wrong branch, changes
a value or leaves a part out, and says nothing.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

# A component's source is one argument of a process, and Linux takes no longer one.
SOURCE_LIMIT_BYTES = 128 * 1024
_STRING = re.compile(r"==\s*'|'\s*==|!=\s*'|'\s*!=")
_STRUCTURES = ("STRUCT", "LIST")


def must_be_the_same(name: str, text: str) -> None:
    """Check a compiled pipeline.

    Args:
        name: Name of the pipeline, for the message.
        text: Its YAML.

    Raises:
        UsageError: A cluster and the local engine would not do the same.
    """
    found = next(differences(text), None)
    if found is not None:
        what, instead = found
        raise UsageError(
            f"pipeline {name}: {what}; kfp's local engine executes that differently from a cluster",
            hint=instead,
        )


def differences(text: str) -> Iterator[tuple[str, str]]:
    """Yield what would differ, each with what to write instead."""
    import yaml

    spec = next(iter(yaml.safe_load_all(text)))
    components = {"root": spec["root"], **spec.get("components", {})}
    for name, component in components.items():
        yield from _of_parameters(name, component)
        for task, definition in component.get("dag", {}).get("tasks", {}).items():
            yield from _of_task(f"{name}/{task}", definition)
    for name, executor in spec.get("deploymentSpec", {}).get("executors", {}).items():
        yield from _of_executor(name, executor)


def _of_parameters(name: str, component: dict[str, Any]) -> Iterator[tuple[str, str]]:
    parameters = component.get("inputDefinitions", {}).get("parameters", {})
    for parameter, definition in parameters.items():
        # A loop's own body is handed its list whole.
        of_loop = "dag" in component and name != "root"
        if definition["parameterType"] in _STRUCTURES and not of_loop:
            yield f"parameter {parameter} of {name} is a structure", "pass it as JSON text"
        if definition.get("isOptional") and "defaultValue" not in definition and name == "root":
            yield f"parameter {parameter} defaults to None", 'let it default to ""'


def _of_task(name: str, task: dict[str, Any]) -> Iterator[tuple[str, str]]:
    condition = task.get("triggerPolicy", {}).get("condition", "")
    if _STRING.search(condition):
        yield f"{name} has a condition on text ({condition})", "make it a condition on a bool"
    iterator = task.get("parameterIterator") or task.get("artifactIterator")
    items = (iterator or {}).get("items", {}).get("inputParameter")
    for parameter, source in task.get("inputs", {}).get("parameters", {}).items():
        if iterator is not None and "taskOutputParameter" in source and parameter != items:
            yield (
                f"the body of the loop {name} uses {parameter}, which another task puts out",
                "make the body a pipeline of its own with that value as its parameter",
            )


def _of_executor(name: str, executor: dict[str, Any]) -> Iterator[tuple[str, str]]:
    container = executor.get("container")
    if container is None:
        return
    command = [str(part) for part in container.get("command", ())]
    if not any("kfp.dsl.executor_main" in part for part in command):
        yield f"{name} is a container component", "make it a component of a Python function"
    if any(len(part.encode()) > SOURCE_LIMIT_BYTES for part in command):
        yield f"the source of {name} is too long for a process", "move it into the package"
