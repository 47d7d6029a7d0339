"""A registry on this machine: as much of the OCI distribution protocol as a push needs."""

from __future__ import annotations

import hashlib
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass
class Registry:
    """What was pushed.

    Attributes:
        address: Host and port.
        refuses: Whether it lets nobody in.
        manifests: Digest of each manifest by `repository:tag`.
        blobs: Digests of all blobs and manifests.
    """

    address: str = ""
    refuses: bool = False
    manifests: dict[str, str] = field(default_factory=dict)
    blobs: set[str] = field(default_factory=set)
    uploads: dict[str, Any] = field(default_factory=dict)


@contextmanager
def running(*, refuses: bool = False) -> Iterator[Registry]:
    """Run a registry while the block lasts."""
    registry = Registry(refuses=refuses)
    handler = type("Handler", (_Handler,), {"registry": registry})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        registry.address = f"127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield registry
        server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: Registry

    def handle_one_request(self) -> None:
        # What the base class does, with one way for all methods.
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        body = self._body()
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        if self.registry.refuses:
            self._answer(401, {"WWW-Authenticate": 'Basic realm="test"'})
        else:
            self._answer(*getattr(self, f"_{self.command.lower()}")(path, query, body))

    def log_message(self, *_: object) -> None:
        pass

    def _get(self, path: str, *_: object) -> tuple[int, dict[str, str]]:
        return (200 if path == "/v2/" else 404), {}

    def _head(self, path: str, *_: object) -> tuple[int, dict[str, str]]:
        return (200 if path.rpartition("/")[2] in self.registry.blobs else 404), {}

    def _post(self, path: str, *_: object) -> tuple[int, dict[str, str]]:
        upload = str(len(self.registry.uploads))
        self.registry.uploads[upload] = hashlib.sha256()
        return 202, {"Location": f"{path}{upload}"}

    def _patch(self, path: str, _: object, body: bytes) -> tuple[int, dict[str, str]]:
        self.registry.uploads[path.rpartition("/")[2]].update(body)
        return 202, {"Location": path}

    def _put(self, path: str, query: Any, body: bytes) -> tuple[int, dict[str, str]]:
        before, kind, name = path.rsplit("/", 2)
        hashed = hashlib.sha256() if kind == "manifests" else self.registry.uploads[name]
        hashed.update(body)
        digest = f"sha256:{hashed.hexdigest()}"
        if kind == "manifests":
            self.registry.manifests[f"{before.removeprefix('/v2/')}:{name}"] = digest
        elif [digest] != query["digest"]:
            return 400, {}
        self.registry.blobs.add(digest)
        return 201, {"Docker-Content-Digest": digest, "Location": path}

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()
