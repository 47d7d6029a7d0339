"""The service as an ASGI application: from a path to an answer."""

from __future__ import annotations

import hmac
import re
import sys
import time
import traceback
import uuid
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import msgspec

from mlops_nb.serving import counters, predictions
from mlops_nb.serving.inference_log import InferenceLog
from mlops_nb.serving.protocols import JSON, Answer, Request, invocations, v1, v2
from mlops_nb.serving.refusal import Refusal
from mlops_nb.serving.worker import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from mlops_nb.serving.counters import Counters
    from mlops_nb.serving.model import Model
    from mlops_nb.serving.options import Options

    Scope = dict[str, Any]
    Receive = Callable[[], Awaitable[dict[str, Any]]]
    Send = Callable[[dict[str, Any]], Awaitable[None]]

_MB = 1_000_000
_OPEN = ("/v2/health/live", "/v2/health/ready")
_LOOPBACK = re.compile(r"(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?", re.ASCII)
_ID = re.compile(r"[\w.:-]{1,128}", re.ASCII)
_VERSIONED = re.compile(r"/versions/[^/]+(?=/|$)")


class Application:
    """Serves one model.

    Args:
        model: The model.
        options: How.
        counts: What is counted.
    """

    def __init__(self, model: Model, options: Options, counts: Counters) -> None:
        self.model, self.options, self.counts = model, options, counts
        self.worker = Worker(model.predict, options)
        self.draining = False
        self._token = _token(options.token_file)
        self._local = options.host in ("127.0.0.1", "localhost", "::1") or options.fd >= 0
        self._limit = int(options.body_limit_mb * _MB)
        self._log = self._inference_log()
        name = model.manifest.name
        self._ask = {
            "/invocations": invocations,
            f"/v1/models/{name}:predict": v1,
            f"/v2/models/{name}/infer": v2,
        }
        self._tell: dict[str, Callable[[], Answer]] = {
            "/": self._about,
            "/ping": self._ready,
            "/health": self._ready,
            "/version": self._version,
            "/metrics": self._metrics,
            "/v1/models": lambda: _json({"models": [name]}),
            f"/v1/models/{name}": lambda: _json({"name": name, "ready": not self.draining}),
            "/v2": lambda: _json(
                {"name": "mlops_nb", "version": _release(), "extensions": ["binary_tensor_data"]}
            ),
            "/v2/health/live": self._live,
            "/v2/health/ready": self._ready,
            f"/v2/models/{name}": self._metadata,
            f"/v2/models/{name}/ready": self._ready,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        start = time.perf_counter()
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        path = _VERSIONED.sub("", unquote(scope["path"])) if "/versions/" in scope["path"] else None
        path = path or scope["path"]
        given = headers.get("x-request-id", "")
        id_ = given if _ID.fullmatch(given) else uuid.uuid4().hex
        counts = self.counts.counts
        counts.in_flight += 1
        try:
            status, answer = await self._answer(scope, path, headers, receive, id_, start)
        finally:
            counts.in_flight -= 1
        route = path if path in self._ask or path in self._tell else "other"
        self.counts.answered(route, status)
        await _respond(send, scope["method"], status, answer, id_, self.options.revision)
        if self.options.access_log:
            self._print(scope, status, start, id_, len(answer.body))

    async def _answer(
        self,
        scope: Scope,
        path: str,
        headers: dict[str, str],
        receive: Receive,
        id_: str,
        start: float,
    ) -> tuple[int, Answer]:
        speaks = self._ask.get(path)
        try:
            self._must_be_let_in(path, headers)
            if speaks is not None:
                _must_be(scope["method"], "POST")
                body = await self._body(receive, headers)
                return 200, await self._predicted(speaks, body, headers, id_, start)
            if path in self._tell:
                _must_be(scope["method"], "GET")
                return 200, self._tell[path]()
            raise Refusal(f"there is no {path!r:.200}; {_known(path, self._ask, self._tell)}", 404)
        except Refusal as refusal:
            error = (speaks or _speaks(path)).error(refusal.message, refusal.status)
            return refusal.status, Answer(error, headers=refusal.headers)
        except Exception as error:
            # The model's own: its text is for the caller, its traceback for the log.
            traceback.print_exc(file=sys.stderr)
            said = f"the model raised {type(error).__name__}: {error}"
            return 500, Answer((speaks or _speaks(path)).error(said[:2000], 500))

    async def _predicted(
        self, speaks: Any, body: bytes, headers: dict[str, str], id_: str, start: float
    ) -> Answer:
        request = Request(body, headers, self.model.manifest.name)
        call = speaks.read(request, self.model.signature)
        found = await self.worker.predict(call.inputs)
        answer: Answer = call.answer(found)
        seconds = time.perf_counter() - start
        self.counts.predicted(seconds, predictions.rows(call.inputs))
        self.counts.counts.batches = self.worker.batches
        if self._log is not None:
            self._log.add(id_, seconds, call.inputs, found)
        return answer

    async def _body(self, receive: Receive, headers: dict[str, str]) -> bytes:
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > self._limit:
            raise self._too_large()
        parts, size, more = [], 0, True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise Refusal("the request ended before its body did")
            part = message.get("body", b"")
            size += len(part)
            if size > self._limit:
                raise self._too_large()
            parts.append(part)
            more = message.get("more_body", False)
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        return self._plain(body, headers.get("content-encoding", "identity").lower())

    def _plain(self, body: bytes, encoding: str) -> bytes:
        if encoding == "identity":
            return body
        if encoding not in ("gzip", "deflate"):
            raise Refusal(f"the content encoding {encoding!r:.40} is none of gzip, deflate", 415)
        unpacking = zlib.decompressobj(zlib.MAX_WBITS | (16 if encoding == "gzip" else 0))
        try:
            plain = unpacking.decompress(body, self._limit + 1)
        except zlib.error as error:
            raise Refusal(f"the body is no {encoding}: {error}") from None
        if len(plain) > self._limit:
            raise self._too_large()
        if not unpacking.eof:
            raise Refusal(f"the {encoding} of the body has no end")
        return plain

    def _too_large(self) -> Refusal:
        # The rest of the body is not read, so the connection is of no more use.
        limit = f"{self.options.body_limit_mb:g} MB"
        return Refusal(f"the body is larger than {limit}", 413, {"Connection": "close"})

    def _must_be_let_in(self, path: str, headers: dict[str, str]) -> None:
        if self._local and not _LOOPBACK.fullmatch(headers.get("host", "localhost")):
            # A page of another site may have pointed its own name here.
            raise Refusal("this service answers to names of this machine alone", 403)
        if self._token is None or path in _OPEN:
            return
        given = headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, b"Bearer " + self._token):
            wanted = {"WWW-Authenticate": "Bearer"}
            raise Refusal("the request carries no token, or a wrong one", 401, wanted)

    def _inference_log(self) -> InferenceLog | None:
        if not self.options.log_folder or not self.options.log_sample:
            return None
        return InferenceLog(
            Path(self.options.log_folder),
            self.options.revision,
            sample=self.options.log_sample,
            limit_bytes=self.options.log_limit_mb * _MB,
            dropped=self._dropped,
        )

    def close(self) -> None:
        """Write what is left of the log."""
        if self._log is not None:
            self._log.close()

    def _dropped(self) -> None:
        self.counts.counts.dropped += 1

    def _about(self) -> Answer:
        model = self.model
        return _json(
            {
                "name": model.manifest.name,
                "revision": self.options.revision,
                "package": model.digest,
                "signature": model.manifest.signature,
                "origin": model.manifest.origin,
                "example": model.example.request if model.example else None,
            }
        )

    def _metadata(self) -> Answer:
        model = self.model
        return _json(v2.metadata(model.manifest.name, model.signature, model.outputs))

    def _ready(self) -> Answer:
        if self.draining:
            raise Refusal("the service is being ended", 503)
        return _json({"ready": True})

    def _live(self) -> Answer:
        if self.worker.stuck:
            raise Refusal("the model does not come back from a prediction", 503)
        return _json({"live": True})

    def _version(self) -> Answer:
        return Answer(_release().encode(), "text/plain; charset=utf-8")

    def _metrics(self) -> Answer:
        about = {
            "name": self.model.manifest.name,
            "revision": self.options.revision,
            "package": self.model.digest,
        }
        return Answer(self.counts.text(about), counters.CONTENT_TYPE)

    def _print(self, scope: Scope, status: int, start: float, id_: str, size: int) -> None:
        line = {
            "at": round(time.time(), 3),
            "method": scope["method"],
            "path": scope["path"][:200],
            "status": status,
            "ms": round((time.perf_counter() - start) * 1000, 2),
            "id": id_,
            "bytes": size,
            "revision": self.options.revision,
        }
        sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
        sys.stdout.buffer.flush()


async def _respond(
    send: Send, method: str, status: int, answer: Answer, id_: str, revision: str
) -> None:
    headers = [
        (b"content-type", answer.kind.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        (b"x-request-id", id_.encode()),
        (b"x-mlops-revision", revision.encode()),
    ]
    headers += [(k.lower().encode(), v.encode("latin-1")) for k, v in answer.headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    body = b"" if method == "HEAD" else answer.body
    await send({"type": "http.response.body", "body": body})


def _must_be(method: str, wanted: str) -> None:
    if method != wanted and not (wanted == "GET" and method == "HEAD"):
        raise Refusal(f"{method:.20} is not {wanted}", 405, {"Allow": wanted})


def _speaks(path: str) -> Any:
    return v2 if path.startswith("/v2") else v1


def _known(path: str, *routes: dict[str, Any]) -> str:
    known = [route for group in routes for route in group if route.startswith(path[:3])]
    return f"such as {', '.join(known[:4])}" if known else "see /"


def _json(data: Any) -> Answer:
    return Answer(msgspec.json.encode(data), JSON)


def _token(path: str) -> bytes | None:
    return Path(path).read_bytes().strip() if path else None


def _release() -> str:
    from mlops_nb.version import __version__

    return __version__
