"""What pods fetch from and write to: small servers of this machine, each with a password."""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import threading
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

USER = "team"
_HOP = {"transfer-encoding", "connection", "content-length", "date", "server"}


class Request(NamedTuple):
    """What somebody asks for who has said the password."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


class Answer(NamedTuple):
    """What they get."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012  (nobody changes it)


class Service:
    """A server at an address.

    Attributes:
        url: Its address, without the password.
        refused: How many requests came without the password.
        answered: What was asked for with it, method and path.
    """

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.refused = 0
        self.answered: list[str] = []


@contextmanager
def served(answer: Callable[[Request], Answer], password: str) -> Iterator[Service]:
    """Serve to those who say the password, on a free port of this machine."""
    wanted = "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self) -> None:
            body = b"".join(self._chunks())
            if self.headers.get("Authorization") != wanted:
                service.refused += 1
                self._send(Answer(401, headers={"WWW-Authenticate": 'Basic realm="team"'}))
                return
            parts = urlsplit(self.path)
            service.answered.append(f"{self.command} {parts.path}")
            headers = dict(self.headers.items())
            self._send(answer(Request(self.command, parts.path, parts.query, headers, body)))

        def _chunks(self) -> Iterator[bytes]:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
                return
            while size := int(self.rfile.readline(), 16):
                yield self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()

        def _send(self, given: Answer) -> None:
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(given.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_one  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = Service(server.server_address[1])
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()


def git(folder: Path) -> Callable[[Request], Answer]:
    """Return what gives and takes the repositories of a folder, as git's own program does it."""

    def answer(request: Request) -> Answer:
        environment = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
            "HTTP_CONTENT_ENCODING": request.headers.get("Content-Encoding", ""),
            "REMOTE_USER": USER,
            "REQUEST_METHOD": request.method,
            "PATH_INFO": unquote(request.path),
            "QUERY_STRING": request.query,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(request.body)),
        }
        run = subprocess.run(
            ["git", "http-backend"],
            input=request.body,
            env=environment,
            capture_output=True,
            check=True,
        )
        head, _, body = run.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().splitlines())
        return Answer(int(headers.pop("Status", "200").split()[0]), body, headers)

    return answer


def files(folder: Path) -> Callable[[Request], Answer]:
    """Return what gives and takes the files of a folder."""

    def answer(request: Request) -> Answer:
        path = folder / unquote(request.path).lstrip("/")
        if request.method == "PUT":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(request.body)
            return Answer(201)
        return Answer(200, path.read_bytes()) if path.is_file() else Answer(404)

    return answer


def in_front_of(url: str) -> Callable[[Request], Answer]:
    """Return what passes all on to another server, which asks nobody for a password."""
    place = urlsplit(url)

    def answer(request: Request) -> Answer:
        target = f"{request.path}?{request.query}" if request.query else request.path
        headers = {n: v for n, v in request.headers.items() if n.lower() not in _HOP}
        server = http.client.HTTPConnection(place.hostname or "", place.port, timeout=60)
        with closing(server) as passed:
            passed.request(request.method, target, request.body, headers)
            found = passed.getresponse()
            kept = {n: v for n, v in found.getheaders() if n.lower() not in _HOP}
            return Answer(found.status, found.read(), kept)

    return answer


def empty(_: Request) -> Answer:
    """Answer as an index of packages that has none."""
    return Answer(404)
