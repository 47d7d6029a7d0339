"""What a server tells its clients of one project, in an order that a client can go on from.

A message says how a thing is, and not what was done to it. So of each thing only the last message
is kept, and who was away for a while gets one a thing.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, Protocol

from mlops_nb import api
from mlops_nb.exceptions import MlopsError
from mlops_nb.version import __version__

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_nb.following.changes import Source
    from mlops_nb.types import Change

# A client that comes back within this time goes on where it was.
LINGER_S = 60.0
_LOG = logging.getLogger(__name__)
_KEPT = 2_000


class Client(Protocol):
    """Who listens."""

    def tell(self, text: str) -> None:
        """Take a message."""


class Channel:
    """The clients of a project, what they were told, and the threads that look for what is new.

    Clients come and go on the server's event loop; messages come from any thread.

    Args:
        project: The project's folder.
        loop: The server's event loop.
    """

    def __init__(self, project: Path, loop: AbstractEventLoop) -> None:
        self.clients: set[Client] = set()
        self._loop, self._lock = loop, threading.Lock()
        self._kept: dict[tuple[str, str], tuple[int, str]] = {}
        # No number of an earlier server's is taken for one of this.
        self._seq = self._forgotten = time.time_ns() // 1_000_000
        self._left_at, self._stopped = time.monotonic(), threading.Event()
        self._watch(project)

    @property
    def is_deserted(self) -> bool:
        """Whether nobody has listened for so long that nobody will come back."""
        return not self.clients and time.monotonic() - self._left_at > LINGER_S

    @property
    def seq(self) -> int:
        """Number of the last message."""
        return self._seq

    def renew(self) -> None:
        """Stay for a client that is about to come."""
        self._left_at = time.monotonic()

    def join(self, client: Client, since: int | None) -> None:
        """Add a client and tell it what it has missed since a number that it names."""
        with self._lock:
            missed = self._missed(since)
            begin = self._seq if missed is None or since is None else since
            client.tell(_text(begin, "hello", "", {"version": __version__}))
            if missed is None:
                client.tell(_text(begin, "reset", "", None))
            for text in missed or ():
                client.tell(text)
            self.clients.add(client)

    def leave(self, client: Client) -> None:
        """Take a client away."""
        self.clients.discard(client)
        self.renew()

    def publish(self, kind: str, name: str, data: Any, *, keep: bool = True) -> None:
        """Tell all clients how a thing is, and those that come back later."""
        with self._lock:
            self._seq += 1
            text = _text(self._seq, kind, name, data)
            if keep:
                self._keep((kind, name), text)
            self._loop.call_soon_threadsafe(self._tell, text)

    def stop(self) -> None:
        """Let the threads end."""
        self._stopped.set()

    def _missed(self, since: int | None) -> list[str] | None:
        """Return what was told after a number, None where that is not known any more."""
        if since is None:
            return []
        if not self._forgotten <= since <= self._seq:
            return None
        return [text for seq, text in self._kept.values() if seq > since]

    def _keep(self, thing: tuple[str, str], text: str) -> None:
        self._kept.pop(thing, None)
        self._kept[thing] = self._seq, text
        if len(self._kept) > _KEPT:
            self._forgotten, _ = self._kept.pop(next(iter(self._kept)))

    def _tell(self, text: str) -> None:
        for client in tuple(self.clients):
            client.tell(text)

    def _watch(self, project: Path) -> None:
        for kind, source in api.sources(project=project).items():
            name = f"mlops-watch-{kind}"
            threading.Thread(target=self._look, args=(source,), name=name, daemon=True).start()

    def _look(self, source: Source) -> None:
        while not self._stopped.wait(source.interval_s) and not self.is_deserted:
            for change in _changes(source):
                self.publish(change.kind, change.id, api.as_json(change.data))


def _changes(source: Source) -> Iterator[Change]:
    try:
        yield from source.look()
    except (MlopsError, OSError):
        # A cluster that is away, a folder that is being moved: the next look may find it well.
        return
    except Exception:
        # Whatever it is, it must not be the last look.
        _LOG.exception("looking for what has changed has failed")


def _text(seq: int, kind: str, name: str, data: Any) -> str:
    message = {"seq": seq, "kind": kind, "id": name, "data": data}
    return json.dumps(message, allow_nan=False)
