from __future__ import annotations

import asyncio
import json

import pytest

from mlops_nb import api
from mlops_nb.interfaces.server import channel
from mlops_nb.testing import Script, play
from mlops_nb.types import Change


@pytest.fixture
def listen(jp_ws_fetch):
    """Connect to the events and return a function that gives the next message of a kind."""

    async def listening(**asked):
        socket = await jp_ws_fetch("mlops", "events", params=asked)

        async def next_of(kind):
            while True:
                message = json.loads(await asyncio.wait_for(socket.read_message(), 60))
                if message["kind"] == kind:
                    return message

        return socket, next_of

    return listening


async def ended(next_of, run_id):
    """Follow a run's messages to its end."""
    seen = [await next_of("run")]
    while seen[-1]["data"]["run"]["state"] in ("PENDING", "RUNNING"):
        seen.append(await next_of("run"))
    assert {message["id"] for message in seen} == {run_id}
    return seen


def trained(project):
    return api.train("train.ipynb", backend="memory", project=project.root)


async def test_a_run_is_told_of_as_it_goes_on_with_its_curves(listen, memory):
    play(Script(metrics={"loss": (0.5, 0.25)}), project=memory.root)
    _, next_of = await listen()
    begin = await next_of("hello")
    run = trained(memory)
    seen = await ended(next_of, run.id)
    numbers = [begin["seq"], *(message["seq"] for message in seen)]
    assert numbers == sorted(set(numbers))
    last = seen[-1]["data"]
    assert last["run"]["state"] == "SUCCEEDED"
    assert [point[1] for point in last["curves"][0]["points"]] == [0.5, 0.25]
    assert "snapshot" not in last["run"]


async def test_a_client_goes_on_where_it_was(listen, memory):
    first, next_of = await listen()
    last = (await ended(next_of, trained(memory).id))[-1]
    first.close()
    other, next_of = await listen()
    missed = (await ended(next_of, trained(memory).id))[-1]
    other.close()
    _, next_of = await listen(since=last["seq"])
    assert (await next_of("hello"))["seq"] == last["seq"]
    again = await next_of("run")
    assert again == missed


@pytest.mark.parametrize("since", [1, 10**15])
async def test_a_client_that_was_away_too_long_begins_anew(listen, memory, since):
    _, next_of = await listen(since=since)
    begin = await next_of("hello")
    assert (await next_of("reset"))["seq"] == begin["seq"] != since


async def test_a_deleted_run_is_told_of(listen, memory):
    _, next_of = await listen()
    run = trained(memory)
    await ended(next_of, run.id)
    api.delete(run.id, project=memory.root)
    gone = await next_of("run")
    assert (gone["id"], gone["data"]) == (run.id, None)


async def test_clients_of_a_project_share_one_watcher(listen, memory, jp_serverapp):
    for _ in range(3):
        await listen(project="")
    app = jp_serverapp.extension_manager.extension_apps["mlops_nb"]
    channels = [hub for point in app for hub in point.hub._channels.values()]
    assert [len(channel.clients) for channel in channels] == [3]


async def test_a_notebook_is_saved_by_the_front_end_that_has_it_open(listen, memory, ask):
    _, one = await listen(saves="true")
    _, other = await listen(saves="true")
    await listen()
    asking = asyncio.ensure_future(ask("POST", "save", body={"path": "train.ipynb"}))
    wish = await one("save")
    assert wish["data"] == {"path": "train.ipynb"}
    assert (await other("save"))["id"] == wish["id"]
    await ask("POST", "saved", body={"id": wish["id"], "saved": None})
    status, taken = await ask("POST", "saved", body={"id": wish["id"], "saved": True})
    assert (status, taken) == (200, {"taken": True})
    assert await asking == (200, {"saved": True, "message": "", "unanswered": 0})


async def test_a_front_end_that_cannot_save_says_why(listen, memory, ask):
    _, next_of = await listen(saves="true")
    asking = asyncio.ensure_future(ask("POST", "save", body={"path": "train.ipynb"}))
    answer = {"id": (await next_of("save"))["id"], "saved": False, "message": "it is read-only"}
    await ask("POST", "saved", body=answer)
    status, told = await asking
    assert (status, told["saved"], told["message"]) == (200, False, "it is read-only")
    status, refused = await ask("POST", "saved", body=answer)
    assert (status, refused["error"]["type"]) == (400, "UsageError")


async def test_without_a_front_end_nothing_is_saved(listen, memory, ask):
    await listen()
    status, told = await ask("POST", "save", body={"path": "train.ipynb"})
    assert (status, told["saved"], told["message"]) == (200, None, "no front end is connected")


async def test_a_front_end_that_says_nothing_holds_up_for_a_while_only(
    listen, memory, ask, monkeypatch
):
    monkeypatch.setattr("mlops_nb.interfaces.server.relay.LIMIT_S", 0.2)
    await listen(saves="true")
    status, told = await ask("POST", "save", body={"path": "train.ipynb"})
    assert (status, told["saved"], told["unanswered"]) == (200, None, 1)


def test_a_look_that_breaks_is_logged_and_is_not_the_last(monkeypatch):
    logged = []
    monkeypatch.setattr(channel._LOG, "exception", logged.append)

    class Broken:
        interval_s = 0.0

        def look(self):
            yield Change(kind="run", id="a", data=None)
            raise ValueError("in the middle of it")

    source = Broken()
    assert [[c.id for c in channel._changes(source)] for _ in range(2)] == [["a"], ["a"]]
    assert logged == ["looking for what has changed has failed"] * 2
