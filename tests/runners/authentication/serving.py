"""Small servers of this machine that stand in for those of a cluster."""

from __future__ import annotations

import json
import ssl
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    form: dict[str, str]
    headers: dict[str, str]
    cookies: dict[str, str]
    certificate: str = ""


@dataclass
class Reply:
    status: int = 200
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


def as_json(data: object, status: int = 200) -> Reply:
    return Reply(status, json.dumps(data), [("Content-Type", "application/json")])


def page(body: str, status: int = 200) -> Reply:
    return Reply(status, f"<!DOCTYPE html><html><body>{body}", [("Content-Type", "text/html")])


def redirect(to: str, *cookies: str, status: int = 302) -> Reply:
    return Reply(status, "", [("Location", to), *(("Set-Cookie", c) for c in cookies)])


class Double:
    """A server that answers with `answer`, one request at a time.

    Args:
        certificate: File with key and certificate, for HTTPS.
        client_ca: Authority whose client certificates it asks for.
    """

    def __init__(self, certificate: Path | None = None, client_ca: Path | None = None) -> None:
        self.requests: list[Request] = []
        self.violations: list[str] = []
        self._one_at_a_time = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        scheme = "http"
        if certificate is not None:
            scheme = "https"
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            if client_ca is not None:
                context.load_verify_locations(client_ca)
                context.verify_mode = ssl.CERT_OPTIONAL
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"

    def answer(self, request: Request) -> Reply:
        raise NotImplementedError

    def __enter__(self):
        Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_) -> None:
        self._server.shutdown()
        self._server.server_close()

    def violation(self, what: str) -> Reply:
        """Answer what the protocol does not allow, and remember it."""
        self.violations.append(what)
        return as_json({"error": "invalid_request"}, 400)

    def _handler(double) -> type[BaseHTTPRequestHandler]:  # noqa: N805
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                size = int(self.headers.get("Content-Length", 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                cookies = SimpleCookie(headers.get("cookie", ""))
                request = Request(
                    method=self.command,
                    path=parts.path,
                    query=dict(parse_qsl(parts.query, keep_blank_values=True)),
                    form=dict(parse_qsl(self.rfile.read(size).decode(), keep_blank_values=True)),
                    headers=headers,
                    cookies={name: morsel.value for name, morsel in cookies.items()},
                    certificate=str(getattr(self.connection, "getpeercert", str)()),
                )
                with double._one_at_a_time:
                    double.requests.append(request)
                    reply = double.answer(request)
                self.send_response(reply.status)
                for name, value in reply.headers:
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(reply.body.encode())))
                self.end_headers()
                self.wfile.write(reply.body.encode())

            do_POST = do_DELETE = do_GET  # noqa: N815

            def log_message(self, *_) -> None:
                """Say nothing."""

        return Handler
