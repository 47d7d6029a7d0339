"""A session goes, the run stays: another session sees all of it."""

from __future__ import annotations

import json
import subprocess
import sys

import jupyter_client
import pytest
import requests

from mlops_nb import api

STEPS = 60
TRAIN = (
    "import mlflow, time\n"
    f"for step in range({STEPS}):\n"
    "    mlflow.log_metric('loss', 1 / (1 + step), step=step)\n"
    "    print('step', step, flush=True)\n"
    "    time.sleep(0.1)",
)


@pytest.fixture
def kernel(project):
    """Start kernels in the project, and end them with the test."""
    started = []

    def start():
        manager, client = jupyter_client.manager.start_new_kernel(
            kernel_name="python3", cwd=str(project.root)
        )
        started.append((manager, client))
        return manager, client

    yield start
    for manager, client in started:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def run_cell(client, code):
    """Execute a cell and return what it showed, as text."""
    shown = []

    def heard(message):
        content = message["content"]
        if message["msg_type"] == "stream":
            shown.append(content["text"])
        elif "data" in content:
            shown.append(content["data"].get("text/plain", ""))

    reply = client.execute_interactive(code, output_hook=heard, timeout=120)
    assert reply["content"]["status"] == "ok", reply["content"]
    return "\n".join(shown)


def test_a_new_kernel_sees_the_whole_of_a_run_that_an_old_one_started(project, kernel, until):
    project.notebook(*TRAIN, parameters="rate = 0.5")
    manager, client = kernel()
    run_cell(client, "%load_ext mlops_nb\n%mlops train train.ipynb")
    run_id = api.show().id
    until(lambda: len(api.points(run_id)) > 5)
    manager.shutdown_kernel(now=True)

    _, client = kernel()
    shown = run_cell(client, "%load_ext mlops_nb\n%mlops watch")
    assert f"run {run_id} SUCCEEDED" in shown
    points = json.loads(run_cell(client, "%mlops show --json").split("\n\n")[0])
    assert points["state"] == "SUCCEEDED"
    assert [(p.name, p.step) for p in api.points(run_id)] == [("loss", n) for n in range(STEPS)]
    log = api.logs(run_id, stage="train")
    assert [line for line in log.splitlines() if line.startswith("step ")] == [
        f"step {n}" for n in range(STEPS)
    ]
    moments = list(api.follow(run_id))
    (curve,) = moments[-1].curves
    assert curve.count == STEPS


@pytest.mark.faults
def test_a_run_goes_on_when_the_server_that_submitted_it_is_killed(project, until):
    project.notebook(*TRAIN, parameters="rate = 0.5")
    command = [sys.executable, "-m", "mlops_nb", "serve", "--port", "0", "--json"]
    with subprocess.Popen(
        [*command, "--", "--allow-root"], cwd=project.root, stdout=subprocess.PIPE, text=True
    ) as server:
        said = json.loads("".join(iter(server.stdout.readline, "}\n")) + "}")
        headers = {"Authorization": f"token {said['token']}"}
        asked = {"notebook": "train.ipynb"}
        answer = requests.post(f"{said['url']}/train", json=asked, headers=headers, timeout=60)
        assert answer.status_code == 202, answer.text
        until(lambda: len(api.points(answer.json()["id"])) > 5)
        server.kill()
    ended = until(lambda: (r := api.show(answer.json()["id"])).state.terminal and r)
    assert ended.state.value == "SUCCEEDED", ended.error
    assert len(api.points(ended.id)) == STEPS
