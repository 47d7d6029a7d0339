"""Find a pipeline's stages in what the server says of a run.

The server lists the nodes of the workflow that executes a run: for a stage one of the stage's name,
one of its driver, and one called "executor" that is its pod. What links them is a stage's list of
children, which has the ids of their nodes. A pod's name is made of such an id and the name of the
workflow's template, unless the cluster still names pods by the id itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_nb.types import RunState, StageState

if TYPE_CHECKING:
    from collections.abc import Iterator

EXECUTOR = "executor"
_TEMPLATE = "system-container-impl"
_STAGES = {
    "RUNNING": StageState.RUNNING,
    "CANCELING": StageState.RUNNING,
    "PAUSED": StageState.RUNNING,
    "SUCCEEDED": StageState.SUCCEEDED,
    "SKIPPED": StageState.SKIPPED,
    "FAILED": StageState.FAILED,
    "CANCELED": StageState.CANCELED,
}
_RUNS = {
    "RUNNING": RunState.RUNNING,
    "CANCELING": RunState.RUNNING,
    "PAUSED": RunState.RUNNING,
    "SUCCEEDED": RunState.SUCCEEDED,
    "SKIPPED": RunState.SUCCEEDED,
    "FAILED": RunState.FAILED,
    "CANCELED": RunState.CANCELED,
}


@dataclass(frozen=True)
class Node:
    """A stage as the server sees it.

    Attributes:
        state: PENDING where the server has said nothing of it.
        pods: What its pod may be called, the likelier first.
        message: What the server says of its failure, "" where it says nothing.
        end: When it ended, in the server's words; "" before the server has listed it.
    """

    state: StageState
    pods: tuple[str, ...] = ()
    message: str = ""
    end: str = ""


def state(run: dict[str, Any]) -> RunState:
    """Return where a run is; one that failed because it was told to end was canceled."""
    found = _RUNS.get(run.get("state") or "", RunState.PENDING)
    history = [status.get("state") for status in run.get("state_history") or ()]
    if found is RunState.FAILED and "CANCELING" in history[-2:]:
        return RunState.CANCELED
    return found


def of_stage(run: dict[str, Any], stage: str) -> Node:
    """Return a stage of a run."""
    nodes = (run.get("run_details") or {}).get("task_details") or []
    node = next((node for node in nodes if node.get("display_name") == stage), None)
    if node is None:
        return Node(StageState.PENDING)
    own = _message(node)
    # An executor does not say whose it is. What stops a run is its one that failed.
    others = [_message(n) for n in nodes if str(n.get("display_name")).startswith(EXECUTOR)]
    return Node(
        state=_STAGES.get(node.get("state") or "", StageState.PENDING),
        pods=tuple(dict.fromkeys(_pods(node))),
        message=next((text for text in (*others, own) if text), ""),
        end=node.get("end_time") or "",
    )


def _pods(node: dict[str, Any]) -> Iterator[str]:
    for child in node.get("child_tasks") or ():
        node_id = child.get("pod_name") or ""
        workflow, _, number = node_id.rpartition("-")
        if workflow:
            yield f"{workflow}-{_TEMPLATE}-{number}"
            yield node_id


def _message(node: dict[str, Any]) -> str:
    return str((node.get("error") or {}).get("message") or "")
