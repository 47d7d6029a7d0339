"""Start the process of a revision: its socket, its command and its environment."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.deployment.local import tree
from mlops_nb.deployment.local.records import appended, private
from mlops_nb.serving.package import RUNTIME

if TYPE_CHECKING:
    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.deployment.local.records import Place, WantedRevision

HOST = "127.0.0.1"
BACKLOG = 2048
# What a process gets of the environment of whoever has called; all else has to be asked for.
KEPT = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_LOCALE = "LC_"
_UNITS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12} | {
    f"{letter}i": 1024**power for power, letter in enumerate("KMGT", start=1)
}
_QUANTITY = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]*)")


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


def revision(
    place: Place, wanted: WantedRevision, mark: str
) -> tuple[subprocess.Popen[bytes], int]:
    """Start a revision; return its process and its port.

    The port is open before the process is there, and only the process keeps it open afterwards.
    """
    log = place.log(wanted.number)
    private(log.parent)
    with bind() as listener, os.fdopen(appended(log), "ab") as output:
        process = subprocess.Popen(
            command(place, wanted, listener.fileno()),
            cwd=place.folder,
            env=environment(place, wanted, mark),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            pass_fds=(listener.fileno(),),
            start_new_session=True,
        )
        return process, listener.getsockname()[1]


def command(place: Place, wanted: WantedRevision, descriptor: int) -> list[str]:
    """Return the command of a revision."""
    service = wanted.descriptor.service
    options = {
        "fd": descriptor,
        "revision": wanted.number,
        "workers": workers(wanted.descriptor),
        "token-file": place.token,
        "log-folder": private(place.requests(wanted.number)),
        "log-sample": service.log_sample,
        "log-limit-mb": service.log_limit_mb,
        "batch-rows": service.batch_rows,
        "batch-delay-ms": service.batch_delay_ms,
        "body-limit-mb": service.body_limit_mb,
        "timeout-s": service.timeout_s,
        "drain-s": service.drain_s,
    }
    given = [text for name, value in options.items() for text in (f"--{name}", str(value))]
    return [wanted.python, "-m", "mlops_nb.serving", wanted.folder, *given]


def environment(place: Place, wanted: WantedRevision, mark: str) -> dict[str, str]:
    """Return the environment of a revision: little, what it asks for, and its secrets."""
    return {
        **kept(),
        "PYTHONUNBUFFERED": "1",
        **wanted.descriptor.environment,
        **place.secrets(wanted.number),
        "PYTHONPATH": str(Path(wanted.folder) / RUNTIME),
        tree.MARK: mark,
    }


def kept() -> dict[str, str]:
    """Return the part of this process's environment that others get."""
    return {k: v for k, v in os.environ.items() if k in KEPT or k.startswith(_LOCALE)}


def workers(descriptor: Descriptor) -> int:
    """Return how many processes answer."""
    return max(1, descriptor.replicas.min)


def memory_limit_bytes(descriptor: Descriptor) -> int:
    """Return what a revision may hold: what a replica gets, for each of its workers.

    Raises:
        ValueError: It is not a quantity as Kubernetes writes them.
    """
    return quantity_bytes(descriptor.resources.memory) * workers(descriptor)


def quantity_bytes(text: str) -> int:
    """Read a Kubernetes quantity of memory, such as `2Gi` or `500M`.

    Raises:
        ValueError: It is none.
    """
    match = _QUANTITY.fullmatch(text.strip())
    if match is None or match[2] not in _UNITS:
        raise ValueError(f"{text!r} is not a quantity of memory, such as 2Gi or 500M")
    return int(float(match[1]) * _UNITS[match[2]])
