"""The threads in which verbs work, so that none of them holds up the server."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

from mlops_nb.exceptions import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")


class BusyError(MlopsError):
    """The server has more to do than it can take on."""


class Workers:
    """A bounded number of threads, and of calls that wait for one.

    Args:
        name: What they do, for the threads' names.
        threads: How many calls work at once.
        waiting: How many may wait; more are refused.
    """

    def __init__(self, name: str, *, threads: int, waiting: int) -> None:
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix=f"mlops-{name}")
        self._limit, self._taken = threads + waiting, 0

    async def run(self, call: Callable[[], Answer]) -> Answer:
        """Run a call in a thread and return what it gives.

        Raises:
            BusyError: Too many wait already.
        """
        if self._taken >= self._limit:
            raise BusyError(
                f"{self._taken} requests are being worked on", hint="ask again in a moment"
            )
        self._taken += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, call)
        finally:
            self._taken -= 1

    def stop(self) -> None:
        """Take no further call; one that works comes to its end."""
        self._pool.shutdown(wait=False, cancel_futures=True)
