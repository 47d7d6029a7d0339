"""An edit that nobody has saved is in the run that a cell starts: with a real kernel and server."""

from __future__ import annotations

import asyncio
import json

from mlops_nb.capture.server import Served
from tests.vocabulary import notebook

CELL = (
    "import mlops_nb\nrun = mlops_nb.train(backend='memory', params={'rate': 0.25})\nprint(run.id)"
)


async def started(jp_fetch, jp_serverapp):
    """Start the kernel of a notebook as JupyterLab does, and return a client of it."""
    session = {"path": "train.ipynb", "name": "", "type": "notebook", "kernel": {"name": "python3"}}
    answer = await jp_fetch("api", "sessions", method="POST", body=json.dumps(session))
    kernel_id = json.loads(answer.body)["kernel"]["id"]
    client = jp_serverapp.kernel_manager.get_kernel(kernel_id).client()
    client.start_channels()
    await client.wait_for_ready(timeout=120)
    return client


async def test_an_unsaved_edit_is_in_the_run(jp_fetch, jp_ws_fetch, jp_serverapp, ask, memory):
    socket = await jp_ws_fetch("mlops", "events", params={"saves": "true"})
    client = await started(jp_fetch, jp_serverapp)
    printed = []
    cell = asyncio.ensure_future(
        client.execute_interactive(
            CELL, timeout=120, allow_stdin=False, output_hook=lambda m: printed.append(m["content"])
        )
    )
    wish = json.loads(await socket.read_message())
    while wish["kind"] != "save":
        wish = json.loads(await socket.read_message())
    assert wish["data"] == {"path": "train.ipynb"}
    # What a front end does: it writes the file, and says so.
    notebook(memory.root / "train.ipynb", "edited = True", parameters="rate: float = 0.5")
    await ask("POST", "saved", body={"id": wish["id"], "saved": True})
    reply = await cell
    assert reply["content"]["status"] == "ok", reply["content"]
    client.stop_channels()
    run_id = "".join(said["text"] for said in printed if said.get("name") == "stdout").strip()
    pinned = memory.git("show", f"refs/mlops/snapshots/{run_id}:train.ipynb")
    assert "edited = True" in pinned


def test_a_server_that_is_gone_saves_nothing():
    server = {"url": "http://127.0.0.1:9/", "token": "x", "root_dir": "/"}
    told = Served(server, "train.ipynb").save()
    assert (told.saved, told.unanswered) == (None, 0)
