"""Start the supervisor and the front where there are none; each of them does it for the other."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from mlops_nb import crash, lease
from mlops_nb.deployment.local import launch, tree
from mlops_nb.deployment.local.records import appended, control, identity

if TYPE_CHECKING:
    from pathlib import Path

SUPERVISOR_LEASE = "supervisor.lease"
FRONT_LEASE = "front.lease"
_PACKAGE = "mlops_nb.deployment.local"
_SUPERVISOR = "_supervisor"
_FRONT = "_front"
_started: dict[tuple[str, str], subprocess.Popen[bytes]] = {}


def ensure_supervisor(root: Path) -> None:
    """Start the supervisor, unless there is one or one is on its way."""
    if lease.holder(control(root) / SUPERVISOR_LEASE) is None:
        _start(root, "supervisor", _SUPERVISOR)


def ensure_front(root: Path) -> None:
    """Start the front, unless there is one or one is on its way."""
    if lease.holder(control(root) / FRONT_LEASE) is None:
        _start(root, "front", _FRONT)


def end_supervisor(root: Path) -> None:
    """Kill the supervisor that holds the lease."""
    _kill(root, SUPERVISOR_LEASE, _SUPERVISOR)


def end_front(root: Path) -> None:
    """Kill the front that holds the lease."""
    _kill(root, FRONT_LEASE, _FRONT)


def _start(root: Path, module: str, name: str) -> None:
    key = (str(root), module)
    if key in _started and _started[key].poll() is None:
        return
    own = {tree.MARK: tree.mark(identity(root), name, 0)}
    environment = {**launch.kept(launch.ENGINE), **crash.inherited(), **own}
    # The folders that this process finds the package in may be none that a new one has.
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    with os.fdopen(appended(control(root) / f"{module}.log"), "ab") as log:
        _started[key] = subprocess.Popen(
            [sys.executable, "-m", f"{_PACKAGE}.{module}", str(root)],
            cwd=control(root),
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def _kill(root: Path, file: str, name: str) -> None:
    holder = lease.holder(control(root) / file)
    if holder and tree.carries(holder.pid, tree.mark(identity(root), name, 0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(holder.pid, signal.SIGKILL)
