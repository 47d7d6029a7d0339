"""The Jupyter Server that started this kernel: which notebook it runs, and that it be saved."""

from __future__ import annotations

import json
import os
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from mlops_nb.types import Saved

_TIMEOUT_S = 5
# The server itself gives front ends ten seconds.
_SAVE_TIMEOUT_S = 15


@dataclass(frozen=True)
class Served:
    """A notebook as the server of its kernel knows it.

    Attributes:
        server: What the server has written of itself: `url`, `token`, `root_dir`.
        path: The notebook's path there.
    """

    server: dict[str, Any]
    path: str

    @property
    def notebook(self) -> Path:
        """The notebook's file."""
        return Path(self.server["root_dir"], self.path)

    def save(self) -> Saved:
        """Have a front end save the notebook; without our extension in the server, nobody can."""
        try:
            told = _asked(self.server, "mlops/save", {"path": self.path}, _SAVE_TIMEOUT_S)
            return msgspec.convert(told, Saved)
        except (OSError, ValueError, msgspec.ValidationError) as error:
            return Saved(saved=None, message=str(error))


def of_kernel() -> Served | None:
    """Return the notebook that this kernel runs, None where no server knows it."""
    kernel_id, server_pid = _kernel_id(), os.environ.get("JPY_PARENT_PID")
    if kernel_id is None or server_pid is None:
        return None
    from jupyter_core.paths import jupyter_runtime_dir

    try:
        record = Path(jupyter_runtime_dir(), f"jpserver-{server_pid}.json")
        server = json.loads(record.read_text(encoding="utf-8"))
        sessions = _asked(server, "api/sessions")
        return _session(server, sessions, kernel_id)
    except (OSError, ValueError, KeyError):
        return None


def _session(server: dict[str, Any], sessions: Any, kernel_id: str) -> Served | None:
    for session in sessions:
        if (session.get("kernel") or {}).get("id") == kernel_id and session.get("path"):
            return Served(server, session["path"])
    return None


def _asked(
    server: dict[str, Any], path: str, body: Any = None, timeout_s: float = _TIMEOUT_S
) -> Any:
    request = urllib.request.Request(  # noqa: S310
        f"{server['url']}{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={
            "Authorization": f"token {server['token']}",
            "Content-Type": "application/json",
        },
    )
    with urllib.request.urlopen(request, timeout=timeout_s) as answer:  # noqa: S310
        return json.load(answer)


def _kernel_id() -> str | None:
    zmqshell = sys.modules.get("ipykernel.kernelapp")
    if zmqshell is None or not zmqshell.IPKernelApp.initialized():
        return None
    connection = Path(zmqshell.IPKernelApp.instance().connection_file).stem
    return connection.removeprefix("kernel-")
