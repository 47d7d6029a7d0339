"""What it takes to start a revision, whether it is a process or a container."""

from __future__ import annotations

import os
import re
import socket
from typing import TYPE_CHECKING, NamedTuple, Protocol

from mlops_nb.deployment import command

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Collection

    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.deployment.local.records import WantedRevision

HOST = "127.0.0.1"
BACKLOG = 2048
# What a process gets of the environment of whoever has called; all else has to be asked for. Not
# the folder for temporary files: that of a stage is gone when the stage is.
KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR")
# What the command of a container engine needs beside that, to find its settings and images.
ENGINE = (
    *("CONTAINERS_CONF", "CONTAINERS_STORAGE_CONF", "CONTAINER_HOST"),
    *("DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_HOST", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"),
)
# The type of an end that others have brought about.
KILLED = "ServiceKilled"
_LOCALE = "LC_"
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    f"{letter}i": 1024**power for power, letter in enumerate("KMGT", start=1)
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]*)")


class End(NamedTuple):
    """How a revision has ended: the type of the failure, and its words."""

    kind: str
    message: str


class Form(Protocol):
    """What a revision runs as: a process, or a container."""

    def start(self, wanted: WantedRevision) -> tuple[subprocess.Popen[bytes], int]:
        """Start it; return the process to watch, and the port that it answers on.

        Raises:
            OSError: It cannot be started.
        """

    @property
    def mark(self) -> str:
        """What its process carries in its environment."""

    def kill(self) -> None:
        """End all that is left of it, be it there or not."""

    def end(self, code: int) -> End:
        """Say how it has ended, by the exit code of the process that was watched."""

    def held_bytes(self, pid: int, limit_bytes: int) -> int:
        """Return what it holds of the memory, exactly where it may be above the limit."""


def bind(port: int = 0) -> socket.socket:
    """Open a port of this machine alone; any that is free for 0."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def options(wanted: WantedRevision) -> dict[str, object]:
    """Return the service's options that are the same for a process and a container."""
    descriptor = wanted.descriptor
    return {
        **command.options(wanted.number, descriptor),
        "workers": command.workers(descriptor),
    }


def kept(more: Collection[str] = ()) -> dict[str, str]:
    """Return the part of this process's environment that others get, and `more` of it."""
    names = {*KEPT, *more}
    return {k: v for k, v in os.environ.items() if k in names or k.startswith(_LOCALE)}


def memory_limit_bytes(descriptor: Descriptor) -> int:
    """Return what a revision may hold: what a replica gets, for each of its workers.

    Raises:
        ValueError: It is not a quantity as Kubernetes writes them.
    """
    return quantity_bytes(descriptor.resources.memory) * command.workers(descriptor)


def quantity_bytes(text: str) -> int:
    """Read a Kubernetes quantity of memory, such as `2Gi` or `500M`.

    Raises:
        ValueError: It is none.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{text!r} is not a quantity of memory, such as 2Gi or 500M")
    return int(float(match[1]) * _UNITS[match[2]])
