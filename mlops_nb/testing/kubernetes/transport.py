"""HTTP of the API server, and of the gateway in front of the services: a host tells them apart."""

from __future__ import annotations

import http.client
import json
import re
import ssl
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from mlops_nb.testing.kubernetes import store as objects
from mlops_nb.testing.kubernetes.store import RefusedError

if TYPE_CHECKING:
    from mlops_nb.testing.kubernetes.controller import Controller
    from mlops_nb.testing.kubernetes.store import Store

_PATH = re.compile(
    r"/(?P<group>api/v1|apis/[^/]+/[^/]+)/namespaces/(?P<namespace>[^/]+)/(?P<plural>[^/]+)"
    r"(/(?P<name>[^/]+)(?P<log>/log)?)?"
)
_APPLY = "application/apply-patch+yaml"
_QUERY = {
    "GET": {"labelSelector", "container", "tailLines", "previous"},
    "POST": {"fieldValidation"},
    "PUT": {"fieldValidation"},
    "PATCH": {"fieldManager", "force", "fieldValidation"},
    "DELETE": {"propagationPolicy"},
}
_ACTIVATION_S, _LOOK_S = 5.0, 0.02
_HOP = {"connection", "transfer-encoding", "content-length", "date", "server"}


class Server(ThreadingHTTPServer):
    """Serves a store on this machine only.

    Args:
        store: The objects.
        controller: What knows where the services answer.
        token: Requests need this bearer token, if given.
        certificate: Files of a certificate and its key, if it is to be TLS.
    """

    daemon_threads = True

    def __init__(
        self,
        store: Store,
        controller: Controller,
        token: str | None,
        certificate: tuple[str, str] | None,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scheme = "https" if certificate else "http"
        if certificate:
            secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            secured.load_cert_chain(*certificate)
            self.socket = secured.wrap_socket(self.socket, server_side=True)
        self.store, self.controller, self.token = store, controller, token
        self.requests: list[tuple[str, str]] = []

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Let a client go away without a word, and show all other errors."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body are two writes.
    disable_nagle_algorithm = True
    server: Server

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: `KubernetesServer.requests` has it all."""

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        host = self.headers.get("Host", "")
        if host.endswith(".example.com"):
            self._forward(host, body)
            return
        self.server.requests.append((self.command, self.path))
        try:
            found = self._answer(body)
            status = 201 if self.command == "POST" else 200
        except RefusedError as refused:
            status, found = refused.status, refused.body
        if isinstance(found, str):
            self._send(status, found.encode(), {"Content-Type": "text/plain"})
        else:
            self._send(status, json.dumps(found).encode(), {"Content-Type": "application/json"})

    do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def _answer(self, body: bytes) -> Any:
        token = self.server.token
        scheme, _, said = self.headers.get("Authorization", "").partition(" ")
        if token is not None and (scheme.lower(), said) != ("bearer", token):
            raise RefusedError(401, "Unauthorized", "Unauthorized")
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        found = _PATH.fullmatch(parts.path)
        kind = objects.KINDS.get((found["group"], found["plural"])) if found else None
        if found is None or kind is None:
            raise RefusedError(404, "NotFound", "the server could not find the requested resource")
        if found["namespace"] != self.server.store.namespace:
            said = f'{found["plural"]} is forbidden: in the namespace "{found["namespace"]}"'
            raise RefusedError(403, "Forbidden", said)
        if unknown := set(query) - _QUERY[self.command]:
            raise RefusedError(400, "BadRequest", f"unknown query parameters {sorted(unknown)}")
        if found["log"]:
            return self._log(found["name"], query)
        if kind == "Pod" and self.command != "GET":
            raise RefusedError(403, "Forbidden", "pods are the controller's")
        return self._do(kind, found["name"], query, body)

    def _do(self, kind: str, name: str | None, query: dict[str, str], body: bytes) -> Any:
        store = self.server.store
        if self.command == "GET":
            return store.get(kind, name) if name else _listed(kind, store, query)
        if self.command == "DELETE" and name:
            return store.delete(kind, name)
        given = self.headers.get("Content-Type")
        wanted = _APPLY if self.command == "PATCH" else "application/json"
        if given != wanted:
            raise RefusedError(415, "UnsupportedMediaType", f"{given} is not {wanted}")
        value = _parsed(body)
        if self.command == "POST" and name is None:
            return store.create(kind, value)
        if self.command == "PUT" and name:
            return store.replace(kind, name, value)
        if self.command == "PATCH" and name:
            if not query.get("fieldManager"):
                raise RefusedError(422, "Invalid", "fieldManager is required for apply patch")
            return store.apply(kind, name, value, query["fieldManager"])
        raise RefusedError(405, "MethodNotAllowed", "the server does not allow this method")

    def _log(self, name: str, query: dict[str, str]) -> str:
        pod = self.server.controller.pod(name)
        if pod is None:
            raise RefusedError(404, "NotFound", f'pods "{name}" not found')
        if query.get("container") != pod.container["name"]:
            raise RefusedError(400, "BadRequest", f"container {query.get('container')} not valid")
        if query.get("previous") == "true" and not pod.restarts:
            raise RefusedError(400, "BadRequest", "previous terminated container not found")
        text = pod.log.read_text(encoding="utf-8", errors="replace") if pod.log.exists() else ""
        last = int(query.get("tailLines") or 0)
        return "".join(text.splitlines(keepends=True)[-last:])

    def _forward(self, host: str, body: bytes) -> None:
        """Give a request to a pod, as the gateway does; it waits for one that was scaled down."""
        deadline = time.monotonic() + _ACTIVATION_S
        while (port := self.server.controller.port(host)) is None and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        if port is None:
            self._send(503, b"no healthy upstream", {"Content-Type": "text/plain"})
            return
        upstream = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        headers = {n: v for n, v in self.headers.items() if n.lower() not in _HOP}
        try:
            upstream.request(self.command, self.path, body, headers)
            answer = upstream.getresponse()
            content = answer.read()
        except (OSError, http.client.HTTPException):
            self._send(502, b"upstream connect error", {"Content-Type": "text/plain"})
            return
        finally:
            upstream.close()
        kept = {n: v for n, v in answer.getheaders() if n.lower() not in _HOP}
        self._send(answer.status, content, kept)

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


def _listed(kind: str, store: Store, query: dict[str, str]) -> dict[str, Any]:
    pairs = [one.split("=", 1) for one in query.get("labelSelector", "").split(",") if one]
    items = store.list(kind, dict(pairs))
    return {"apiVersion": "v1", "kind": f"{kind}List", "metadata": {}, "items": items}


def _parsed(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except ValueError as error:
        raise RefusedError(400, "BadRequest", f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise RefusedError(400, "BadRequest", "the body is no object")
    return value
