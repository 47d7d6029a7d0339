"""Requests to a server that answers as servers, proxies and login pages do."""

from __future__ import annotations

import socket
import threading
import time
from dataclasses import dataclass, field

import pytest

from mlops_nb.exceptions import BackendError, LoginError
from mlops_nb.runners.kubeflow.authentication import Endpoint
from mlops_nb.runners.kubeflow.client import Client, RefusedError, UnreachableError
from mlops_nb.runners.kubeflow.server import Server
from tests.runners.authentication.serving import Double, Reply, as_json, page, redirect


class Scripted(Double):
    """Gives one answer after another, and the last one again and again."""

    def __init__(self, *replies) -> None:
        super().__init__()
        self.replies = list(replies)

    def answer(self, request):
        reply = self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]
        return reply(request) if callable(reply) else reply

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path}" for request in self.requests]


@dataclass
class Token:
    """Somebody with a token, and perhaps with further ones."""

    endpoint: Endpoint
    tokens: list[str] = field(default_factory=lambda: ["first"])

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens[0]}"}

    def renew(self) -> bool:
        del self.tokens[:-1]
        return len(self.tokens) > 0


@pytest.fixture
def talk():
    """Serve answers, and return the server and a client of it."""
    servers = []

    def start(*replies, tokens=("first",), pauses_s=(0.0, 0.0), **limits):
        server = Scripted(*replies)
        servers.append(server.__enter__())
        way = Token(Endpoint(server.url), list(tokens))
        return server, Client(way, pauses_s=pauses_s, **limits)

    yield start
    for server in servers:
        server.__exit__()


FINE = as_json({"run_id": "r"})
CUT = Reply(200, '64\r\n{"run_id', [("Transfer-Encoding", "chunked")])
AWAY = Reply(503, "upstream connect error", [("Content-Type", "text/plain")])


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_server_that_is_away_for_a_moment_is_asked_again(talk, status):
    server, client = talk(Reply(status, "no"), Reply(status, "no"), FINE)
    assert client.get("v2beta1", "runs", "r") == {"run_id": "r"}
    assert server.asked == ["GET /apis/v2beta1/runs/r"] * 3


def test_a_server_that_stays_away_is_not_asked_for_ever(talk):
    server, client = talk(AWAY)
    with pytest.raises(UnreachableError, match="busy or away") as error:
        client.get("v2beta1", "runs")
    assert error.value.hint
    assert len(server.requests) == 3


def test_a_server_is_asked_again_when_it_wants_to_be(talk):
    begin = time.monotonic()

    def when_it_is_time(_):
        return FINE if time.monotonic() - begin >= 1 else AWAY

    busy = Reply(429, "slowly", [("Retry-After", "1")])
    server, client = talk(busy, when_it_is_time, AWAY, pauses_s=(0.0,))
    assert client.get("v2beta1", "runs") == {"run_id": "r"}
    assert len(server.requests) == 2


@pytest.mark.parametrize("after", ["-1", "soon", "Wed, 21 Oct 2026 07:28:00 GMT", "1.5.2", ""])
def test_a_time_that_is_none_is_passed_over(talk, after):
    server, client = talk(Reply(503, "", [("Retry-After", after)]), FINE)
    assert client.get("v2beta1", "runs") == {"run_id": "r"}
    assert len(server.requests) == 2


@pytest.mark.parametrize("refusal", [Reply(401), Reply(403), redirect("/login")])
def test_a_login_that_is_over_is_renewed_once(talk, refusal):
    server, client = talk(refusal, FINE, tokens=("first", "second"))
    assert client.get("v2beta1", "runs") == {"run_id": "r"}
    given = [request.headers["authorization"] for request in server.requests]
    assert given == ["Bearer first", "Bearer second"]


@pytest.mark.parametrize("refusal", [Reply(401), redirect("/dex/auth"), redirect("/", status=307)])
def test_who_is_not_known_has_to_log_in(talk, refusal):
    server, client = talk(refusal)
    with pytest.raises(LoginError) as error:
        client.get("v2beta1", "runs")
    assert error.value.hint == "log in: jupyter mlops login"
    assert {request.path for request in server.requests} == {"/apis/v2beta1/runs"}
    assert len(server.requests) == 2, "the page that it leads to is not asked for"


def test_who_may_not_is_told_to_look_at_the_namespace(talk):
    said = {"code": 7, "message": "User 'a' is not authorized with reason: none"}
    _, client = talk(as_json(said, 403))
    with pytest.raises(BackendError, match="is not authorized") as error:
        client.get("v2beta1", "runs")
    assert not isinstance(error.value, LoginError)
    assert "kubeflow.namespace" in error.value.hint


def test_a_page_is_no_answer(talk):
    _, client = talk(page("<form>Log in</form>"))
    with pytest.raises(RefusedError, match="gives no JSON") as error:
        client.get("v2beta1", "runs")
    assert "kubeflow.url" in error.value.hint


@pytest.mark.parametrize("body", ["", "[]", "5", '"text"', "null", "<h1>no", '{"error":"why"}'])
def test_a_refusal_may_say_anything(talk, body):
    _, client = talk(Reply(400, body))
    with pytest.raises(RefusedError) as error:
        client.get("v2beta1", "runs")
    assert error.value.status == 400


def test_there_may_be_no_server_at_all():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        client = Client(Token(Endpoint(url)), pauses_s=(0.0,))
        with pytest.raises(UnreachableError, match=url) as error:
            client.get("v2beta1", "runs")
    assert "kubeflow.url" in error.value.hint


def test_a_server_that_takes_too_long_gives_no_answer(talk):
    go = threading.Event()

    def slowly(_):
        go.wait(60)
        return FINE

    _, client = talk(slowly, pauses_s=(), timeout_s=(10.0, 0.2))
    with pytest.raises(UnreachableError, match="gives no answer"):
        client.get("v2beta1", "runs")
    go.set()


def test_half_an_answer_is_none(talk):
    server, client = talk(CUT, FINE)
    assert client.get("v2beta1", "runs") == {"run_id": "r"}
    assert len(server.requests) == 2


@pytest.mark.parametrize("reply", [AWAY, Reply(429), Reply(500), Reply(504)])
def test_what_may_have_been_done_is_not_asked_for_twice(talk, reply):
    server, client = talk(reply)
    for act in (
        lambda: client.post("v2beta1", "runs", body={}),
        lambda: client.post("v2beta1", "runs", "r", action="retry"),
        lambda: client.upload("v2beta1", "pipelines", "upload", file=b"a: 1"),
    ):
        server.requests.clear()
        with pytest.raises(BackendError):
            act()
        assert len(server.requests) == 1


def test_a_request_that_got_half_an_answer_is_not_sent_twice(talk):
    server, client = talk(CUT)
    with pytest.raises(UnreachableError):
        client.post("v2beta1", "runs", body={})
    assert server.asked == ["POST /apis/v2beta1/runs"]


def test_what_is_gone_already_is_deleted(talk):
    server, client = talk(as_json({"message": "not found"}, 404))
    client.delete("v2beta1", "runs", "r")
    assert server.asked == ["DELETE /apis/v2beta1/runs/r"]


def test_names_are_one_part_of_a_path(talk):
    server, client = talk(FINE)
    client.get("v2beta1", "pipelines", "names", "a/../b?c", namespace="")
    assert server.asked == ["GET /apis/v2beta1/pipelines/names/a%2F..%2Fb%3Fc"]
    assert server.requests[0].query == {}


def test_all_pages_are_read(talk):
    pages = {
        "": {"runs": [{"display_name": "a"}], "next_page_token": "2"},
        "2": {"next_page_token": "3"},
        "3": {"runs": [{"display_name": "b", "run_id": "r"}]},
    }
    server, client = talk(lambda request: as_json(pages[request.query.get("page_token", "")]))
    assert Server(client, "team").find_run("b") == {"display_name": "b", "run_id": "r"}
    assert [request.query.get("page_token") for request in server.requests] == [None, "2", "3"]
    assert {request.query["namespace"] for request in server.requests} == {"team"}
    assert Server(client, "team").find_run("c") is None
