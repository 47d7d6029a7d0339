"""An answer on its way to a client: held until it is whole, unless it is large.

As long as nothing of it has been sent, another revision can be asked instead.
"""

from __future__ import annotations

import http
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

_HELD_BYTES = 1 << 18
# They belong to one connection, and not to the message.
HOP_BY_HOP = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"te", b"trailer", b"transfer-encoding")
)
_BODILESS = (204, 304)


class Reply:
    """One answer.

    Args:
        client: Where it goes; None throws it away.
        to_head: Whether the request was HEAD, and no body may follow.
        keep_alive: Whether the client's connection stays open.
        can_chunk: Whether the client understands chunks.
    """

    def __init__(
        self,
        client: asyncio.Transport | None,
        *,
        to_head: bool = False,
        keep_alive: bool = True,
        can_chunk: bool = True,
    ) -> None:
        self.client = client
        self.to_head = to_head
        self.keep_alive = keep_alive
        self.can_chunk = can_chunk
        self.source: asyncio.Transport | None = None
        self.reset()

    def reset(self) -> None:
        """Forget what has come, to ask another one."""
        self.status = 0
        self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.body: list[bytes] = []
        self.size = 0
        self.started = False
        self.in_chunks = False

    @property
    def length(self) -> bytes | None:
        """The length that the answer says it has."""
        return next((v for k, v in self.headers if k.lower() == b"content-length"), None)

    @property
    def ends_with_connection(self) -> bool:
        """Whether nothing but the end of the connection says where the answer ends."""
        names = {name.lower() for name, _ in self.headers}
        return self.status >= 200 and not names & {b"content-length", b"transfer-encoding"}

    def add(self, part: bytes) -> None:
        """Take a part of the body; pass it on once there is too much to hold."""
        if self.client is None:
            return
        self.size += len(part)
        if self.started:
            self._write(part)
            return
        self.body.append(part)
        if self.size > _HELD_BYTES:
            self._start()

    def finish(self) -> None:
        """Send what has not been sent."""
        if self.client is None:
            return
        if self.started:
            self.client.write(b"0\r\n\r\n" if self.in_chunks else b"")
            return
        body = b"".join(self.body)
        length = self.length if self.to_head else b"%d" % len(body)
        self.client.write(self._head(None if self.status in _BODILESS else length) + body)

    def _start(self) -> None:
        self.started = True
        self.in_chunks = self.length is None and self.can_chunk
        self.keep_alive = self.keep_alive and (self.length is not None or self.in_chunks)
        if self.client is not None:
            self.client.write(self._head(self.length))
        self._write(b"".join(self.body))
        self.body.clear()

    def _write(self, part: bytes) -> None:
        if self.client is not None and part:
            self.client.write(b"%x\r\n%s\r\n" % (len(part), part) if self.in_chunks else part)

    def _head(self, length: bytes | None) -> bytes:
        lines = [b"HTTP/1.1 %d %s" % (self.status, self.reason)]
        lines += [
            b"%s: %s" % (name, value)
            for name, value in self.headers
            if name.lower() not in HOP_BY_HOP and name.lower() != b"content-length"
        ]
        lines += [b"Content-Length: " + length] if length is not None else []
        lines += [b"Transfer-Encoding: chunked"] if self.in_chunks else []
        lines += [] if self.keep_alive else [b"Connection: close"]
        return b"\r\n".join([*lines, b"", b""])


def refuse(reply: Reply, status: int, message: str) -> None:
    """Answer in the place of a revision."""
    reply.reset()
    reply.status, reply.reason = status, http.HTTPStatus(status).phrase.encode()
    reply.headers = [(b"Content-Type", b"application/json")]
    reply.headers += [(b"Retry-After", b"1")] if status == 503 else []
    reply.body = [json.dumps({"error": message}).encode()]
    if reply.to_head:
        reply.body = []
    reply.finish()
