"""HTTP: a request comes in, meets faults and the login, finds its operation, gets its answer."""

from __future__ import annotations

import json
import re
import sys
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec

from mlops_nb.testing.kubeflow import contract, refusals
from mlops_nb.testing.kubeflow.request import Request

if TYPE_CHECKING:
    from mlops_nb.testing.kubeflow.api import Api

LOGIN = "/oauth2/start"
_LOG = re.compile(r"/apis/v1alpha1/runs/([^/]+)/nodes/([^/]+)/log")
_PAGE = b"<!doctype html><title>Log in</title><form method=post>who are you?</form>"


class Answer(msgspec.Struct, frozen=True):
    """What is sent back."""

    status: int
    content: bytes
    kind: str = "application/json"
    headers: dict[str, str] = {}


class Server(ThreadingHTTPServer):
    """Serves an API on this machine only.

    Args:
        port: Where; 0 takes a free one.
        api: What is served.
    """

    daemon_threads = True

    def __init__(self, port: int, api: Api) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.api = api

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client go away without a word, and show all other errors."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: `KubeflowServer.requests` has it all."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.api.note(self.command, self.path, body)
        try:
            answer = self._faulty() or self._login() or self._route(body)
        except refusals.RefusedError as refused:
            answer = Answer(refused.status, json.dumps(refused.body).encode())
        self._send(answer)

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _faulty(self) -> Answer | None:
        """Return the answer of a proxy in front of the server, which is no JSON."""
        fault = self.server.api.faults.met()
        if fault is None:
            return None
        after = fault.retry_after_s
        headers = {} if after is None else {"Retry-After": f"{after:g}"}
        return Answer(fault.status, b"upstream connect error", "text/plain", headers)

    def _login(self) -> Answer | None:
        """Return the way to the login page for who has no cookie; refuse who has no token."""
        cluster = self.server.api.cluster
        asked = self.headers.get("Authorization")
        if cluster.token is not None and asked != f"Bearer {cluster.token}":
            raise refusals.unauthenticated()
        if cluster.cookie is None:
            return None
        path = urlsplit(self.path).path
        if path == LOGIN:
            return Answer(200, _PAGE, "text/html")
        if "=".join(cluster.cookie) in (self.headers.get("Cookie") or "").split("; "):
            return None
        return Answer(302, b"", "text/html", {"Location": f"{LOGIN}?rd={path}"})

    def _route(self, body: bytes) -> Answer:
        parts = urlsplit(self.path)
        if log := _LOG.fullmatch(parts.path):
            return self._log(*map(unquote, log.groups()))
        allowed = [
            (route, found)
            for route in contract.routes()
            if (found := route.match(parts.path)) is not None
        ]
        for route, found in allowed:
            if route.method == self.command:
                request = self._request(route, found, parts.query, body)
                answer = self.server.api.answer(route, request)
                return Answer(200, json.dumps(answer).encode())
        if allowed:
            raise refusals.RefusedError(12, "Method Not Allowed")
        raise refusals.RefusedError(5, "Not Found")

    def _log(self, run: str, node: str) -> Answer:
        try:
            return Answer(200, self.server.api.log(run, node), "text/plain")
        except refusals.RefusedError as refused:
            # This route is older than the rest, with errors of a shape of its own.
            error = {"error_message": refused.message, "error_details": refused.message}
            return Answer(500, json.dumps(error).encode())

    def _request(
        self, route: contract.Route, found: dict[str, str], query: str, body: bytes
    ) -> Request:
        asked = dict(parse_qsl(query, keep_blank_values=True))
        _check_query(route, asked)
        path = {name: unquote(value) for name, value in found.items()}
        if route.upload:
            return Request(path=path, query=asked, upload=self._uploaded(body))
        return Request(path=path, query=asked, body=_parsed(route, body))

    def _uploaded(self, body: bytes) -> bytes:
        head = f"Content-Type: {self.headers.get('Content-Type')}\r\n\r\n".encode()
        for part in message_from_bytes(head + body).walk():
            if part.get_param("name", header="content-disposition") == "uploadfile":
                content = part.get_payload(decode=True)
                return content if isinstance(content, bytes) else b""
        raise refusals.invalid("Failed to read the form: there is no field uploadfile")

    def _send(self, answer: Answer) -> None:
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.content)))
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.content)


def _check_query(route: contract.Route, asked: dict[str, str]) -> None:
    for name, value in asked.items():
        if name not in route.query:
            raise refusals.invalid(f"unknown query parameter {name!r} of {route.operation}")
        if route.query[name] == "int" and not re.fullmatch(r"-?\d+", value):
            raise refusals.invalid(f"{name}: {value!r} is not an integer")
        if route.query[name] == "bool" and value.lower() not in ("true", "false"):
            raise refusals.invalid(f"{name}: {value!r} is not a bool")


def _parsed(route: contract.Route, body: bytes) -> dict[str, Any]:
    if not body:
        return {}
    try:
        value = json.loads(body)
    except ValueError as error:
        raise refusals.invalid(f"the body is not JSON: {error}") from error
    if not route.body:
        if value:
            raise refusals.invalid(f"{route.operation} takes no body")
        return {}
    contract.check(value, route.body)
    return value if isinstance(value, dict) else {}
