"""The tasks of a run as the API shows them: the nodes of the workflow that Kubeflow makes of it.

A workflow's tree is root-driver, root, and below it for each task a driver, the task, and the
task's executor. Ids and pods' names are made as Argo makes them. As with the real server, a detail
does not say its own pod's name: its parent's `child_tasks` do, and those hold node ids, from which
the pod's name is made with the name of the template.
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.testing.kubeflow.ledger import ENDED, FAILED, RUNNING, SUCCEEDED, Event
from mlops_nb.testing.kubeflow.records import timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROOT_DRIVER_NODE = "root-driver"
DRIVER, EXECUTOR, ROOT_DRIVER = (
    "system-container-driver",
    "system-container-impl",
    "system-dag-driver",
)
# What the server shows for "not yet", which is Go's zero time.
_NEVER = "0001-01-01T00:00:00Z"


def driver(task: str) -> str:
    """Return the node of a task's driver."""
    return f"root.{task}-driver"


def executor(task: str, attempt: int | None = None) -> str:
    """Return the node of a task's executor, or of one attempt where it may be retried."""
    return f"root.{task}.executor" + ("" if attempt is None else f"({attempt})")


def node_id(workflow: str, node: str) -> str:
    """Return a node's id: the workflow and a hash (FNV-1a, 32 bits) of the node's full name."""
    value = 2166136261
    for byte in f"{workflow}.{node}".encode():
        value = (value ^ byte) * 16777619 % 2**32
    return f"{workflow}-{value}"


def pod_name(workflow: str, node: str, template: str) -> str:
    """Return the name of a node's pod."""
    number = node_id(workflow, node).rpartition("-")[2]
    return f"{workflow}-{template}-{number}"


def details(
    run_id: str, workflow: str, events: Sequence[Event], after: Mapping[str, Sequence[str]]
) -> list[dict[str, Any]]:
    """Make the details of all nodes that have begun, the workflow itself first.

    Args:
        run_id: The run.
        workflow: The workflow's name.
        events: All that happened to the run and its nodes.
        after: For each task of the pipeline those that it waits for.
    """
    own = [event for event in events if not event.node]
    changes: dict[str, list[Event]] = {}
    for event in events:
        if event.node:
            changes.setdefault(event.node, []).append(event)
    spans = {"": own, **_groups(changes, own), **changes}
    tree = {node: _children(node, spans, after) for node in spans}
    return [_detail(run_id, workflow, node, spans[node], tree[node]) for node in spans]


def _groups(changes: dict[str, list[Event]], own: Sequence[Event]) -> dict[str, list[Event]]:
    """Give the nodes that hold others, and have no events, those of what they hold."""
    tasks = dict.fromkeys(node.split(".")[1] for node in changes if node.count(".") > 1)
    groups = {f"root.{task}": _of_task(changes, task) for task in tasks}
    if "root-driver" in changes:
        groups = {"root": [event for event in own if event.state != "PENDING"], **groups}
    return groups


def _of_task(changes: dict[str, list[Event]], task: str) -> list[Event]:
    # A task whose executor was skipped, for the cache had its outputs, has succeeded.
    return [
        msgspec.structs.replace(event, state=SUCCEEDED) if event.state == "SKIPPED" else event
        for event in changes[executor(task)]
    ]


def _detail(
    run_id: str, workflow: str, node: str, events: list[Event], children: list[str]
) -> dict[str, Any]:
    last = events[-1]
    detail: dict[str, Any] = {
        "run_id": run_id,
        "task_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{run_id}/{node}")),
        "display_name": node.rpartition(".")[2] or workflow,
        "create_time": timestamp(events[0].time),
        "start_time": timestamp(events[0].time),
        "end_time": timestamp(last.time) if _has_ended(last) else _NEVER,
        "state": _shown(last.state),
        "state_history": [_status(event) for event in events],
    }
    if children:
        detail["child_tasks"] = [{"pod_name": node_id(workflow, child)} for child in children]
    if last.error:
        detail["error"] = {"code": 13, "message": last.error, "details": []}
    return detail


def _has_ended(event: Event) -> bool:
    return event.state in (*ENDED, "SKIPPED")


def _shown(state: str) -> str:
    """Return a node's state: Argo fails the nodes of a workflow that is terminated."""
    return {"CANCELING": RUNNING, "CANCELED": FAILED}.get(state, state)


def _status(event: Event) -> dict[str, Any]:
    return {"update_time": timestamp(event.time), "state": _shown(event.state)}


def _children(
    node: str, spans: Mapping[str, object], after: Mapping[str, Sequence[str]]
) -> list[str]:
    """List what comes next to a node: what it holds, or else what waits for it."""
    if node == "":
        found = ["root-driver"]
    elif node == "root":
        found = [one for one in spans if _is_driver(one) and not after.get(_task(one))]
    elif node.endswith("-driver"):
        found = [node.removesuffix("-driver")]
    elif node.endswith(".executor"):
        waiting = [
            one for one in spans if _is_driver(one) and _task(node) in after.get(_task(one), ())
        ]
        found = [one for one in spans if one.startswith(f"{node}(")] or waiting
    else:
        found = [f"{node}.executor"]
    return [one for one in found if one in spans]


def _is_driver(node: str) -> bool:
    return node.startswith("root.") and node.endswith("-driver")


def _task(node: str) -> str:
    return node.split(".")[1].removesuffix("-driver")
