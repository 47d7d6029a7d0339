"""How the supervisor and the front talk: one question, one answer, and open sockets beside them.

Both stand in the control folder, so that the socket's path is short however long the project's is.
"""

from __future__ import annotations

import array
import contextlib
import os
import socket
from pathlib import Path
from typing import TypeVar

import msgspec

from mlops_nb.deployment.local.routing import Table
from mlops_nb.types import Record

ADDRESS = "front.sock"
TIMEOUT_S = 2.0
_MOST_SOCKETS = 200
_PIECE = 1 << 16


class Question(Record, frozen=True, kw_only=True):
    """What the supervisor says.

    Attributes:
        table: What the front is to do.
        given: Names of the listening sockets that come with it, in their order.
        hand_over: Whether it wants the front's listening sockets.
    """

    table: Table | None = None
    given: tuple[str, ...] = ()
    hand_over: bool = False


class Answer(Record, frozen=True, kw_only=True):
    """What the front says.

    Attributes:
        pid: The front.
        number: Of the table that it works by.
        listening: Names of its listening sockets; of those that come with it, in their order.
        in_flight: Requests that wait for an answer, by "NAME/NUMBER" of the revision.
        dropped: Copies that were not sent to a shadow, by name.
    """

    pid: int
    number: int
    listening: tuple[str, ...] = ()
    in_flight: dict[str, int] = msgspec.field(default_factory=dict)
    dropped: dict[str, int] = msgspec.field(default_factory=dict)


Message = TypeVar("Message", Question, Answer)


def ask(question: Question, sockets: list[int]) -> tuple[Answer, list[int]]:
    """Ask the front.

    Raises:
        OSError: It does not answer.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(TIMEOUT_S)
        connection.connect(ADDRESS)
        send(connection, question, sockets)
        return receive(connection, Answer)


def listen() -> socket.socket:
    """Open the front's end."""
    with contextlib.suppress(FileNotFoundError):
        Path(ADDRESS).unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(ADDRESS)
    listener.listen(16)
    listener.setblocking(False)
    return listener


def send(connection: socket.socket, message: Question | Answer, sockets: list[int]) -> None:
    """Send a message with open sockets, and say that it was all."""
    content = msgspec.json.encode(message)
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", sockets))] if sockets else []
    sent = connection.sendmsg([content], rights)
    connection.sendall(content[sent:])
    connection.shutdown(socket.SHUT_WR)


def receive(connection: socket.socket, kind: type[Message]) -> tuple[Message, list[int]]:
    """Receive a message and the sockets that came with it.

    Raises:
        OSError: It did not come as a whole.
    """
    content, sockets = b"", list[int]()
    try:
        while True:
            piece, rights, _, _ = connection.recvmsg(_PIECE, socket.CMSG_SPACE(4 * _MOST_SOCKETS))
            sockets += _descriptors(rights)
            if not piece:
                return msgspec.json.decode(content, type=kind), sockets
            content += piece
    except (OSError, msgspec.DecodeError) as error:
        close(sockets)
        raise ConnectionError(f"no whole message: {error}") from error


def close(sockets: list[int]) -> None:
    """Close sockets that nobody wants."""
    for descriptor in sockets:
        os.close(descriptor)


def _descriptors(rights: list[tuple[int, int, bytes]]) -> list[int]:
    found = array.array("i")
    for level, kind, data in rights:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    for descriptor in found:
        os.set_inheritable(descriptor, False)
    return list(found)
