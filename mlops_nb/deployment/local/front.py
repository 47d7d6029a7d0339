"""The front: the process behind the stable URLs of a project's deployments.

    python -m mlops_nb.deployment.local.front FOLDER

It does what the supervisor says, and starts a new supervisor where there is none. The sockets that
it listens on are the supervisor's too, so that clients find an open port while a new front starts.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import signal
import socket
import sys
import time
from pathlib import Path

from mlops_nb import lease
from mlops_nb.deployment.local import channel, standby, tree
from mlops_nb.deployment.local.channel import Answer, Question
from mlops_nb.deployment.local.records import control, identity
from mlops_nb.deployment.local.relay import Client, Relay

_LOOK_S = 0.25
# A supervisor that has not asked for so long does not do its work, whatever it does.
_SILENCE_S = 15.0


class Front:
    """The process's state.

    Args:
        root: The folder of all deployments.
        taken: Descriptor of the lease.
    """

    def __init__(self, root: Path, taken: int) -> None:
        self.root, self.taken, self.project = root, taken, identity(root)
        self.relay = Relay()
        self.servers: dict[str, asyncio.AbstractServer] = {}
        self.sockets: dict[str, socket.socket] = {}
        self.asked_at = time.monotonic()

    async def run(self) -> None:
        """Answer the supervisor's questions, for ever."""
        loop = asyncio.get_running_loop()
        questions = channel.listen()
        watching = asyncio.create_task(self._watch())
        while not watching.done():
            connection, _ = await loop.sock_accept(questions)
            connection.settimeout(channel.TIMEOUT_S)
            with connection, contextlib.suppress(OSError):
                await self._answer(connection)
        watching.result()

    async def _answer(self, connection: socket.socket) -> None:
        question, sockets = await asyncio.to_thread(channel.receive, connection, Question)
        self.asked_at = time.monotonic()
        await self._take(question, sockets)
        given = [s.fileno() for s in self.sockets.values()] if question.hand_over else []
        answer = Answer(
            pid=os.getpid(),
            number=self.relay.table.number,
            listening=tuple(self.sockets),
            in_flight={key: count for key, count in self.relay.in_flight.items() if count},
            dropped=dict(self.relay.dropped),
        )
        await asyncio.to_thread(channel.send, connection, answer, given)

    async def _take(self, question: Question, sockets: list[int]) -> None:
        for name, descriptor in zip(question.given, sockets, strict=True):
            if name in self.sockets:
                os.close(descriptor)
            else:
                await self._listen(name, socket.socket(fileno=descriptor))
        if question.table is not None and question.table.number >= self.relay.table.number:
            self.relay.follow(question.table)
            for name in set(self.sockets) - set(self.relay.routes):
                self._close(name)

    async def _listen(self, name: str, listener: socket.socket) -> None:
        listener.setblocking(False)
        make = functools.partial(Client, self.relay, name)
        loop = asyncio.get_running_loop()
        self.servers[name] = await loop.create_server(make, sock=listener, backlog=2048)
        self.sockets[name] = listener

    def _close(self, name: str) -> None:
        del self.sockets[name]
        self.servers.pop(name).close()
        for client in tuple(self.relay.clients.pop(name, ())):
            client.leave()

    async def _watch(self) -> None:
        """Start a supervisor where there is none, or none that works.

        Where the folder of all deployments was removed, everything ends that it had started.
        """
        while not lease.is_lost(control(self.root) / standby.FRONT_LEASE, self.taken):
            # Whatever is missing now is looked at again above.
            with contextlib.suppress(FileNotFoundError):
                if time.monotonic() - self.asked_at > _SILENCE_S:
                    await asyncio.to_thread(standby.end_supervisor, self.root)
                    self.asked_at = time.monotonic()
                await asyncio.to_thread(standby.ensure_supervisor, self.root)
            await asyncio.sleep(_LOOK_S)
        tree.kill_all(f"{self.project}/", but=os.getpid())
        os._exit(0)


def main(folder: str) -> None:
    """Be the front, unless there is one."""
    root = Path(folder)
    taken = lease.take(control(root) / standby.FRONT_LEASE)
    if taken is None:
        return
    os.chdir(control(root))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(Front(root, taken).run())


if __name__ == "__main__":
    main(sys.argv[1])
