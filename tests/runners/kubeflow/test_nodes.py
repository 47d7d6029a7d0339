"""Stages found in what servers say of a run."""

from __future__ import annotations

import pytest

from mlops_nb.runners.kubeflow import nodes
from mlops_nb.testing.kubeflow import nodes as server
from mlops_nb.testing.kubeflow.ledger import Event
from mlops_nb.types import RunState, StageState

FLOW = "training-xkcd7"
AFTER = {"provision-data": (), "train": ("provision-data",)}


def run(*events: tuple[str, str], error: str = "") -> dict:
    """Return a run as a server has it after its nodes have changed so."""
    happened = [Event(state="RUNNING", time=1.0)]
    happened += [
        Event(state=state, time=2.0 + n, node=node, error=error if state == "FAILED" else "")
        for n, (node, state) in enumerate(events)
    ]
    return {"run_details": {"task_details": server.details("r", FLOW, happened, AFTER)}}


def began(task: str, state: str = "RUNNING") -> list[tuple[str, str]]:
    return [
        ("root-driver", "SUCCEEDED"),
        (server.driver(task), "SUCCEEDED"),
        (server.executor(task), state),
    ]


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("PENDING", StageState.PENDING),
        ("RUNNING", StageState.RUNNING),
        ("SUCCEEDED", StageState.SUCCEEDED),
        ("FAILED", StageState.FAILED),
    ],
)
def test_a_stage_is_where_its_task_is(said, state):
    assert nodes.of_stage(run(*began("train", said)), "train").state is state


def test_a_pod_is_named_by_the_template_or_by_the_node_itself():
    node = server.node_id(FLOW, server.executor("train"))
    pod = server.pod_name(FLOW, server.executor("train"), "system-container-impl")
    assert nodes.of_stage(run(*began("train")), "train").pods == (pod, node)


def test_a_stage_has_its_own_pod_and_no_others():
    both = run(*began("provision-data", "SUCCEEDED"), *began("train")[1:])
    first, second = (nodes.of_stage(both, stage).pods for stage in ("provision-data", "train"))
    assert first[-1] == server.node_id(FLOW, server.executor("provision-data"))
    assert second[-1] == server.node_id(FLOW, server.executor("train"))
    assert not {*first} & {*second}


def test_what_stopped_a_stage_is_what_its_pod_says():
    found = nodes.of_stage(run(*began("train", "FAILED"), error="OOMKilled"), "train")
    assert (found.state, found.message) == (StageState.FAILED, "OOMKilled")


def test_a_stage_of_which_nothing_is_said_has_not_begun():
    nothing = nodes.Node(StageState.PENDING, (), "")
    assert nodes.of_stage(run(*began("provision-data")), "train") == nothing


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"run_details": None},
        {"run_details": {}},
        {"run_details": {"task_details": None}},
        {"run_details": {"task_details": []}},
        {"run_details": {"task_details": [{}]}},
        {"run_details": {"task_details": [{"display_name": "train"}]}},
        {"run_details": {"task_details": [{"display_name": "train", "child_tasks": None}]}},
        {"run_details": {"task_details": [{"display_name": "train", "child_tasks": [{}]}]}},
        {"run_details": {"task_details": [{"display_name": "train", "state": "OF_LATER"}]}},
        {"run_details": {"task_details": [{"display_name": "train", "error": None}]}},
    ],
)
def test_details_may_be_missing(answer):
    assert nodes.of_stage(answer, "train") == nodes.Node(StageState.PENDING, (), "")
    assert nodes.state(answer) is RunState.PENDING


@pytest.mark.parametrize(
    ("history", "state"),
    [
        (["PENDING"], RunState.PENDING),
        (["PENDING", "RUNNING"], RunState.RUNNING),
        (["PENDING", "RUNNING", "CANCELING"], RunState.RUNNING),
        (["PENDING", "RUNNING", "SUCCEEDED"], RunState.SUCCEEDED),
        (["PENDING", "RUNNING", "FAILED"], RunState.FAILED),
        (["PENDING", "RUNNING", "CANCELING", "CANCELED"], RunState.CANCELED),
        (["PENDING", "RUNNING", "CANCELING", "FAILED"], RunState.CANCELED),
        (["RUNNING", "CANCELING", "FAILED", "RUNNING", "FAILED"], RunState.FAILED),
        (["RUNNING", "CANCELING", "FAILED", "RUNNING"], RunState.RUNNING),
        (["PENDING", "SKIPPED"], RunState.SUCCEEDED),
        (["RUNTIME_STATE_UNSPECIFIED"], RunState.PENDING),
    ],
)
def test_a_run_is_where_the_server_says(history, state):
    answer = {"state": history[-1], "state_history": [{"state": said} for said in history]}
    assert nodes.state(answer) is state
