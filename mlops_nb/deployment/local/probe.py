"""Ask a service on this machine whether it is well."""

from __future__ import annotations

import asyncio
import contextlib

_LINE = (
    "GET {} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {}\r\nConnection: close\r\n\r\n"
)


async def answers(port: int, path: str, token: str, *, timeout_s: float) -> bool:
    """Whether a service answers 200 in time."""
    try:
        return await asyncio.wait_for(_asked(port, path, token), timeout_s)
    except (OSError, asyncio.TimeoutError, EOFError):
        return False


async def _asked(port: int, path: str, token: str) -> bool:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(_LINE.format(path, token).encode())
        line = await reader.readline()
        return line.split(b" ")[1:2] == [b"200"]
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
