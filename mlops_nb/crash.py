"""Named points at which a process dies where a test asks for it, to see what is left then.

`MLOPS_CRASH_AT` names a point, and each process that comes to it is killed there and then. With
`@PATH` it is the file that names it, and whoever dies of it removes the file first: the next one to
come there lives. Where the variable is not set, nothing happens.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

CRASH_AT = "MLOPS_CRASH_AT"


def point(name: str) -> None:
    """Die here, as by `kill -9`, where this point is asked for."""
    wanted = os.environ.get(CRASH_AT)
    if wanted is not None and (wanted == name or _is_armed(wanted, name)):
        os.kill(os.getpid(), signal.SIGKILL)


def inherited() -> dict[str, str]:
    """Return the variable for a process that gets an environment of its own; mostly nothing."""
    return {CRASH_AT: os.environ[CRASH_AT]} if CRASH_AT in os.environ else {}


def _is_armed(wanted: str, name: str) -> bool:
    if not wanted.startswith("@"):
        return False
    path = Path(wanted[1:])
    try:
        armed = path.read_text(encoding="utf-8") == name
        if armed:
            path.unlink()
    except FileNotFoundError:
        return False
    return armed
