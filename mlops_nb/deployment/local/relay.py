"""Requests from clients to revisions: each one is sent where the table says at that moment."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque

import httptools

from mlops_nb.deployment.local.reply import HOP_BY_HOP, Reply, refuse
from mlops_nb.deployment.local.routing import Route, Table, Upstream
from mlops_nb.deployment.local.upstream import LostError, Pool

HEAD_LIMIT_BYTES = 1 << 16
# How long a request waits for a revision to be ready, before it is answered with 503.
PATIENCE_S = 5.0
_MOST_TRIES = 3
_MOST_COPIES = 32
_MOST_WAITING = 16
_LOOK_S = 0.25
_MARGIN_S = 5.0
_LINGER_S = 2.0
_DROPPED = HOP_BY_HOP | {b"content-length", b"expect"}


class Request:
    """One request of a client, as it comes in."""

    def __init__(self) -> None:
        self.url = b""
        self.method = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.size = 0
        self.keep_alive = False
        self.can_chunk = True
        self.refusal: tuple[int, str] | None = None

    def header(self, name: bytes) -> bytes:
        """Return a header's value, nothing where there is none."""
        return next((v for k, v in self.headers if k.lower() == name), b"")

    def encode(self, address: str) -> bytes:
        """Return the request as a revision gets it."""
        lines = [b"%s %s HTTP/1.1" % (self.method, self.url)]
        lines += [
            b"%s: %s" % (name, value)
            for name, value in self.headers
            if name.lower() not in _DROPPED and name.lower() != b"x-forwarded-for"
        ]
        before = self.header(b"x-forwarded-for")
        lines.append(b"X-Forwarded-For: %s%s" % (before and before + b", ", address.encode()))
        if self.size or self.method not in (b"GET", b"HEAD"):
            lines.append(b"Content-Length: %d" % self.size)
        return b"\r\n".join([*lines, b"", b"".join(self.body)])


class Relay:
    """All that is on its way."""

    def __init__(self) -> None:
        self.table = Table(number=0)
        self.routes: dict[str, Route] = {}
        self.pool = Pool()
        self.in_flight: Counter[str] = Counter()
        self.copies: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.clients: dict[str, set[Client]] = {}
        self.tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    def follow(self, table: Table) -> None:
        """Work by this table from the next request on."""
        self.table = table
        self.routes = {route.name: route for route in table.routes}
        shadows = [route.shadow for route in table.routes if route.shadow]
        used = [u for route in table.routes for u in route.upstreams] + shadows
        self.pool.limit({upstream.port for upstream in used})
        self._changed.set()
        self._changed = asyncio.Event()

    async def answer(self, name: str, request: Request, reply: Reply, address: str) -> None:
        """Have a request answered, by whom it may be."""
        content = request.encode(address)
        if request.method == b"POST":
            self._copy(name, content)
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        failed: frozenset[int] = frozenset()
        tries = 0
        while tries < _MOST_TRIES:
            upstream = self._choose(name, failed)
            if upstream is None:
                if asyncio.get_running_loop().time() > deadline:
                    refuse(reply, 503, f"no revision of {name} is ready")
                    return
                await self._change()
                failed = frozenset()
                continue
            try:
                await self._exchange(name, upstream, content, reply)
            except LostError as error:
                if reply.started:
                    raise
                reply.reset()
                failed |= {upstream.port}
                tries += error.sent
            except asyncio.TimeoutError:
                if reply.started:
                    raise
                refuse(reply, 504, f"revision {upstream.number} of {name} did not answer in time")
                return
            else:
                reply.finish()
                return
        refuse(reply, 502, f"{name} broke off {tries} times")

    def _choose(self, name: str, failed: frozenset[int]) -> Upstream | None:
        route = self.routes.get(name)
        return route.choose(failed) if route else None

    async def _change(self) -> None:
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._changed.wait(), _LOOK_S)

    async def _exchange(self, name: str, upstream: Upstream, content: bytes, reply: Reply) -> None:
        key = f"{name}/{upstream.number}"
        route = self.routes.get(name)
        timeout_s = (route.timeout_s if route else 0.0) + _MARGIN_S
        self.in_flight[key] += 1
        try:
            await asyncio.wait_for(self.pool.exchange(upstream.port, content, reply), timeout_s)
        finally:
            self.in_flight[key] -= 1

    def _copy(self, name: str, content: bytes) -> None:
        """Send a copy to the shadow, unless too many are on their way."""
        route = self.routes.get(name)
        if route is None or route.shadow is None:
            return
        if self.copies[name] >= _MOST_COPIES:
            self.dropped[name] += 1
            return
        self.copies[name] += 1
        self.start(self._send_copy(name, route.shadow, content))

    async def _send_copy(self, name: str, shadow: Upstream, content: bytes) -> None:
        try:
            with contextlib.suppress(LostError, asyncio.TimeoutError):
                await self._exchange(name, shadow, content, Reply(None))
        finally:
            self.copies[name] -= 1

    def start(self, work: object) -> asyncio.Task[None]:
        """Start a task and keep it from being collected."""
        task: asyncio.Task[None] = asyncio.ensure_future(work)  # type: ignore[call-overload]
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        return task


class Client(asyncio.Protocol):
    """One connection of a client; its requests are answered one after another.

    Args:
        relay: Who has them answered.
        name: The deployment whose port this is.
    """

    transport: asyncio.Transport

    def __init__(self, relay: Relay, name: str) -> None:
        self.relay = relay
        self.name = name
        self.parser = httptools.HttpRequestParser(self)
        self.request = Request()
        self.in_head = True
        self.head_bytes = 0
        self.waiting: deque[Request] = deque()
        self.task: asyncio.Task[None] | None = None
        self.reply: Reply | None = None
        self.is_refused = False
        self.is_leaving = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type alone
        self.transport = transport
        self.address = (transport.get_extra_info("peername") or ("",))[0]
        self.relay.clients.setdefault(self.name, set()).add(self)

    def connection_lost(self, _error: Exception | None) -> None:
        """Stop: nobody waits for the answer."""
        self.relay.clients.get(self.name, set()).discard(self)
        if self.task is not None:
            self.task.cancel()

    def leave(self) -> None:
        """Close the connection once what is on its way is answered."""
        self.is_leaving = True
        if self.task is None or self.task.done():
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        """Read a part of a request."""
        if self.is_refused:
            return
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self._refuse(400, "this is no request that can be read")
        if self.in_head:
            self.head_bytes += len(data)
            if self.head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(431, f"headers are limited to {HEAD_LIMIT_BYTES} bytes")

    def pause_writing(self) -> None:
        """Slow the revision down to the client's pace."""
        if self.reply is not None and self.reply.source is not None:
            self.reply.source.pause_reading()

    def resume_writing(self) -> None:
        """Let the revision go on."""
        if self.reply is not None and self.reply.source is not None:
            self.reply.source.resume_reading()

    def on_message_begin(self) -> None:
        """Begin a request."""
        self.request, self.in_head, self.head_bytes = Request(), True, 0

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        self.request.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self.request.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the rest of the head, and let a client that asks first send its body."""
        self.in_head = False
        request = self.request
        request.method = self.parser.get_method()
        request.can_chunk = self.parser.get_http_version() == "1.1"
        request.keep_alive = self.parser.should_keep_alive()
        length = request.header(b"content-length")
        if length.isdigit() and int(length) > self._limit_bytes():
            self._too_large()
        elif request.header(b"expect").lower() == b"100-continue" and not self._is_busy():
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Take a part of the body, up to the limit."""
        self.request.size += len(body)
        if self.request.size > self._limit_bytes():
            self._too_large()
        if not self.is_refused:
            self.request.body.append(body)

    def on_message_complete(self) -> None:
        """Have the request answered, after those before it."""
        self.in_head, self.head_bytes = True, 0
        if not self.is_refused:
            self._queue(self.request)

    def _limit_bytes(self) -> int:
        route = self.relay.routes.get(self.name)
        return route.body_limit_bytes if route else 0

    def _too_large(self) -> None:
        self._refuse(413, f"requests are limited to {self._limit_bytes()} bytes")

    def _refuse(self, status: int, message: str) -> None:
        if not self.is_refused:
            self.is_refused = True
            refused = Request()
            refused.refusal = (status, message)
            self._queue(refused)

    def _is_busy(self) -> bool:
        return self.task is not None and not self.task.done()

    def _queue(self, request: Request) -> None:
        self.waiting.append(request)
        if len(self.waiting) > _MOST_WAITING:
            self.transport.pause_reading()
        if not self._is_busy():
            self.task = self.relay.start(self._work())

    async def _work(self) -> None:
        keep_alive = True
        while self.waiting and keep_alive:
            keep_alive = await self._answer(self.waiting.popleft())
            if len(self.waiting) == _MOST_WAITING:
                self.transport.resume_reading()
        if not keep_alive:
            self._linger()

    async def _answer(self, request: Request) -> bool:
        keep_alive = request.keep_alive and not (self.is_leaving and not self.waiting)
        self.reply = reply = Reply(
            self.transport,
            to_head=request.method == b"HEAD",
            keep_alive=keep_alive,
            can_chunk=request.can_chunk,
        )
        if request.refusal is not None:
            refuse(reply, *request.refusal)
            return False
        try:
            await self.relay.answer(self.name, request, reply, self.address)
        except (LostError, asyncio.TimeoutError):
            # A part of the answer is out: only a connection that breaks says that there is no more.
            self.transport.abort()
        return reply.keep_alive and not self.is_leaving

    def _linger(self) -> None:
        """Close, and give a client that still sends the time to read why."""
        self.is_refused = True
        if self.transport.is_closing():
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        asyncio.get_running_loop().call_later(_LINGER_S, self.transport.close)
