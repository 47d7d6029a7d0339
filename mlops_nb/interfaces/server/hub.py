"""What all handlers of a server share: threads, channels of events, the relay of saves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from mlops_nb.interfaces.server.channel import Channel
from mlops_nb.interfaces.server.relay import Relay
from mlops_nb.interfaces.server.workers import Workers

if TYPE_CHECKING:
    from pathlib import Path

# A verb mostly waits: for git, for DVC, for a cluster.
_READERS, _ACTORS, _WAITING = 4, 8, 200


class Hub:
    """The server's side of all that goes on longer than a request."""

    def __init__(self) -> None:
        self.readers = Workers("reads", threads=_READERS, waiting=_WAITING)
        self.actors = Workers("acts", threads=_ACTORS, waiting=_WAITING)
        self.relay = Relay()
        self._channels: dict[Path, Channel] = {}

    def channel(self, project: Path) -> Channel:
        """Return the channel of a project, one however many listen to it."""
        for deserted in [p for p, channel in self._channels.items() if channel.is_deserted]:
            self._channels.pop(deserted).stop()
        if project not in self._channels:
            self._channels[project] = Channel(project, asyncio.get_running_loop())
        self._channels[project].renew()
        return self._channels[project]

    def stop(self) -> None:
        """Let go of all of it."""
        self.readers.stop()
        self.actors.stop()
        for channel in self._channels.values():
            channel.stop()
