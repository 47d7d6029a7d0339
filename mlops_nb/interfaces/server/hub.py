"""What all handlers of a server share."""

from __future__ import annotations

from mlops_nb.interfaces.server.workers import Workers

# A verb mostly waits: for git, for DVC, for a cluster.
_READERS, _ACTORS, _WAITING = 4, 8, 200


class Hub:
    """The server's side of all that goes on longer than a request."""

    def __init__(self) -> None:
        self.readers = Workers("reads", threads=_READERS, waiting=_WAITING)
        self.actors = Workers("acts", threads=_ACTORS, waiting=_WAITING)

    def stop(self) -> None:
        """Let go of all of it."""
        self.readers.stop()
        self.actors.stop()
