"""Connections of the front to the revisions: kept open, one request at a time on each."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httptools

from mlops_nb.deployment.local.launch import HOST

if TYPE_CHECKING:
    from collections.abc import Collection

    from mlops_nb.deployment.local.reply import Reply

_MOST_IDLE = 64


class LostError(ConnectionError):
    """A revision did not answer to the end.

    Args:
        sent: Whether it may have got the request.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class Connection(asyncio.Protocol):
    """One connection to a revision."""

    transport: asyncio.Transport

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.reply: Reply | None = None
        self.end: asyncio.Future[bool] | None = None

    async def exchange(self, request: bytes, reply: Reply) -> bool:
        """Send a request and fill the reply; return whether the connection can be used again.

        Raises:
            LostError: The connection broke before the end of the answer.
        """
        self.reply, self.end = reply, asyncio.get_running_loop().create_future()
        reply.source = self.transport
        self.transport.write(request)
        try:
            return await self.end
        finally:
            self.reply = self.end = reply.source = None

    @property
    def is_open(self) -> bool:
        """Whether it can take a request."""
        return not self.transport.is_closing()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - for the type alone
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Read a part of an answer."""
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError as error:
            self._lose(f"no HTTP: {error}")

    def connection_lost(self, error: Exception | None) -> None:
        """Take the end of the connection for the end of an answer that has no other one."""
        if self.reply is not None and self.reply.ends_with_connection:
            self._finish(again=False)
        self._lose(str(error or "closed"))

    def on_status(self, reason: bytes) -> None:
        """Begin an answer."""
        if self.reply is not None:
            self.reply.reason = reason

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        if self.reply is not None:
            self.reply.headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Take the status; the parser does not know that an answer to HEAD ends here."""
        if self.reply is None:
            return
        self.reply.status = self.parser.get_status_code()
        if self.reply.status < 200:
            self.reply.headers.clear()
        elif self.reply.to_head:
            self._finish(again=False)

    def on_body(self, body: bytes) -> None:
        """Take a part of the body."""
        if self.reply is not None:
            self.reply.add(body)

    def on_message_complete(self) -> None:
        """End an answer."""
        if self.reply is not None and self.reply.status >= 200:
            self._finish(again=self.parser.should_keep_alive())

    def _finish(self, *, again: bool) -> None:
        if self.end is not None and not self.end.done():
            self.end.set_result(again)

    def _lose(self, message: str) -> None:
        if self.end is not None and not self.end.done():
            self.end.set_exception(LostError(message, sent=True))
        self.transport.abort()


class Pool:
    """The connections that wait for a request, by port."""

    def __init__(self) -> None:
        self.idle: dict[int, list[Connection]] = {}
        self.ports: frozenset[int] = frozenset()

    def limit(self, ports: Collection[int]) -> None:
        """Close what leads elsewhere, now and from now on."""
        self.ports = frozenset(ports)
        for port in set(self.idle) - self.ports:
            for connection in self.idle.pop(port):
                connection.transport.close()

    async def exchange(self, port: int, request: bytes, reply: Reply) -> None:
        """Send a request to a port and fill the reply.

        Raises:
            LostError: There was no whole answer.
        """
        connection = await self._connection(port)
        again = False
        try:
            again = await connection.exchange(request, reply)
        finally:
            self._give_back(port, connection, again=again)

    async def _connection(self, port: int) -> Connection:
        idle = self.idle.get(port, [])
        while idle:
            connection = idle.pop()
            if connection.is_open:
                return connection
        try:
            loop = asyncio.get_running_loop()
            _, connection = await loop.create_connection(Connection, HOST, port)
        except OSError as error:
            raise LostError(str(error), sent=False) from error
        return connection

    def _give_back(self, port: int, connection: Connection, *, again: bool) -> None:
        idle = self.idle.setdefault(port, []) if port in self.ports else None
        if again and idle is not None and len(idle) < _MOST_IDLE and connection.is_open:
            idle.append(connection)
        else:
            connection.transport.abort()
