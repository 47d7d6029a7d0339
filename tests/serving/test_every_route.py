"""Every route of the model service, asked by whom it should not answer."""

from __future__ import annotations

import asyncio
import json

import pytest

from mlops_nb.serving.application import _OPEN, Application
from mlops_nb.serving.counters import Counters
from mlops_nb.serving.options import Options

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "get", "X")
LOCAL = "127.0.0.1:8080"
BESIDE = (
    "/nothing", "//metrics", "/metrics/", "/%6detrics", "/v2/health/live/../../metrics",
    "/v2/health/live/x", "/v2/health/livex", "/V2/HEALTH/LIVE", "/versions/1/metrics",
    "/v2/models/tumours/versions/1/infer", "", "*", "http://evil.example/metrics", "/\udcff",
)  # fmt: skip


@pytest.fixture
def application(loaded, tmp_path):
    """The service as it is on this machine: behind a token."""
    (tmp_path / "token").write_text("s3cret\n")
    options = Options(package=tmp_path, fd=3, token_file=str(tmp_path / "token"), access_log=False)
    return Application(loaded(), options, Counters(None))


@pytest.fixture
def ask(application):
    """Return a function that asks, and gives status and body of the answer."""

    def asked(method, path, **headers):
        sent = []

        async def receive():
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message):
            sent.append(message)

        given = {"host": LOCAL, "content-type": "application/json", **headers}
        scope = {
            "type": "http", "method": method, "path": path,
            "headers": [(k.encode(), v.encode("latin-1")) for k, v in given.items()],
        }  # fmt: skip
        asyncio.run(application(scope, receive, send))
        return sent[0]["status"], sent[1]["body"]

    return asked


@pytest.fixture
def routes(application):
    found = [*application._ask, *application._tell]
    assert len(found) >= 14
    return [*found, *BESIDE]


def test_none_answers_without_the_token(routes, ask):
    wrong = [{"authorization": text} for text in ("Bearer other", "s3cret", "Basic s3cret")]
    for path in routes:
        for method in METHODS:
            for given in ({}, {"cookie": "token=s3cret"}, *wrong):
                status, _ = ask(method, path, **given)
                if path in _OPEN:
                    assert status in (200, 405), (method, path, given)
                else:
                    assert status == 401, (method, path, given, status)


def test_what_is_open_says_that_it_lives_and_nothing_else(ask):
    assert {path: json.loads(ask("GET", path)[1]) for path in _OPEN} == {
        "/v2/health/live": {"live": True},
        "/v2/health/ready": {"ready": True},
    }


@pytest.mark.parametrize(
    "host",
    ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "127.0.0.1@evil.example",
     "evil.example:8080", "[::2]", "127.0.0.1:8080:1", "localhost ", "", "0.0.0.0", "127.0.0.\xb9"],  # noqa: S104
)  # fmt: skip
def test_none_answers_to_another_name(routes, ask, host):
    """A page may have pointed a name of its own here, and have the token from nowhere."""
    for path in routes:
        status, _ = ask("GET", path, host=host, authorization="Bearer s3cret")
        assert status == 403, path


def test_names_of_this_machine_are_known(ask):
    for host in ("localhost", "localhost:1", "127.0.0.1:65535", "127.1.2.3", "[::1]:80"):
        assert ask("GET", "/ping", host=host, authorization="Bearer s3cret")[0] == 200


def test_nobody_shakes_hands_for_a_websocket(application):
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(application({"type": "websocket", "path": "/", "headers": []}, None, send))
    assert sent == []


def test_no_answer_lets_another_site_read_it(routes, application):
    """No header says that pages of others may read what is answered."""
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"{}"}

    for path in routes:
        headers = [(b"host", LOCAL.encode()), (b"origin", b"http://evil.example")]
        scope = {"type": "http", "method": "OPTIONS", "path": path, "headers": headers}
        asyncio.run(application(scope, receive, send))
    names = {name for message in sent for name, _ in message.get("headers", ())}
    assert not {name for name in names if name.startswith(b"access-control")}
