"""Have a front end save a notebook, for the kernel that is about to pin it.

The kernel asks over HTTP, the server asks the front ends over their websockets, and what they say
is the answer to the kernel's request.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING

from mlops_nb.exceptions import UsageError
from mlops_nb.types import Saved

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.interfaces.server.channel import Client

LIMIT_S = 10.0
_NOBODY = "no front end is connected"
_NOT_OPEN = "no front end has it open"


class Relay:
    """The front ends that can save, and what they were asked."""

    def __init__(self) -> None:
        self.fronts: dict[Client, Callable[[str, str], None]] = {}
        self._asked: dict[str, _Asked] = {}

    async def save(self, path: str) -> Saved:
        """Ask all front ends to save a notebook, and return the best that one says."""
        if not self.fronts:
            return Saved(saved=None, message=_NOBODY)
        nonce = secrets.token_hex(16)
        asked = self._asked[nonce] = _Asked(len(self.fronts))
        for ask in tuple(self.fronts.values()):
            ask(nonce, path)
        try:
            return await asyncio.wait_for(asked.answer, LIMIT_S)
        except asyncio.TimeoutError:
            return asked.so_far()
        finally:
            del self._asked[nonce]

    def saved(self, nonce: str, told: Saved) -> None:
        """Take what a front end says.

        Raises:
            UsageError: Nobody waits for it, or not any more.
        """
        if nonce not in self._asked:
            raise UsageError(
                "nothing waits for this answer", hint="answer within ten seconds, once"
            )
        self._asked[nonce].take(told)


class _Asked:
    """A question to some front ends, and the best of their answers."""

    def __init__(self, fronts: int) -> None:
        self.answer: asyncio.Future[Saved] = asyncio.get_running_loop().create_future()
        self.best: Saved | None = None
        self._missing = fronts

    def so_far(self) -> Saved:
        """Return what is known while some have said nothing."""
        if self.best is not None:
            return self.best
        message = f"{self._missing} front ends have said nothing for {LIMIT_S:.0f} s"
        return Saved(saved=None, message=message, unanswered=self._missing)

    def take(self, told: Saved) -> None:
        """Take an answer: one that has saved ends it, others wait for the rest."""
        self._missing -= 1
        if told.saved is not None:
            self.best = told
        if not self.answer.done() and (told.saved or not self._missing):
            self.answer.set_result(self.best or Saved(saved=None, message=_NOT_OPEN))
