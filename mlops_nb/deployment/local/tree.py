"""The processes of a deployment: who they are, what they hold, and how they end.

All of them carry `MLOPS_DEPLOYMENT=ID/NAME/NUMBER` in their environment. The id is the project's
own on this machine, so nothing is ever found, or ended, by a name alone.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MARK = "MLOPS_DEPLOYMENT"
_SAME_START_S = 2.0
_GONE_S = 5.0
_MOMENT_S = 0.5


def mark(identity: str, name: str, number: int) -> str:
    """Return what the processes of a revision carry."""
    return f"{identity}/{name}/{number}"


def started(pid: int) -> float:
    """Return when a process was started, 0.0 where there is none."""
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.Error:
        return 0.0


def is_same(pid: int | None, since: float, value: str) -> bool:
    """Whether a process lives that was started then with this mark; a zombie does not."""
    if pid is None:
        return False
    try:
        process = psutil.Process(pid)
        alive = process.status() != psutil.STATUS_ZOMBIE
        same = alive and abs(process.create_time() - since) < _SAME_START_S
        return same and process.environ().get(MARK) == value
    except psutil.Error:
        return False


def carries(pid: int, value: str) -> bool:
    """Whether a process carries this mark."""
    with contextlib.suppress(psutil.Error, OSError):
        return psutil.Process(pid).environ().get(MARK) == value
    return False


def marked(prefix: str) -> Iterator[tuple[psutil.Process, str]]:
    """Find the living processes whose mark starts so, with their marks."""
    for process in psutil.process_iter():
        # Any of them may end while it is looked at, and others' may not be looked at.
        with contextlib.suppress(psutil.Error, OSError):
            value = process.environ().get(MARK, "")
            if value.startswith(prefix) and process.status() != psutil.STATUS_ZOMBIE:
                yield process, value


def kill(value: str) -> None:
    """Kill all processes with this mark, until none is left."""
    _kill(lambda: [process for process, carried in marked(value) if carried == value])


def kill_all(prefix: str, *, but: int | None = None) -> None:
    """Kill all processes whose mark starts so, until none is left but the one with this id."""
    _kill(lambda: [process for process, _ in marked(prefix) if process.pid != but])


def _kill(find: Callable[[], list[psutil.Process]]) -> None:
    while found := find():
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(found, timeout=_GONE_S)


def memory_bytes(pid: int, limit_bytes: int) -> int:
    """Return what a process and those below it hold.

    What they share is counted once where the sum of what is mapped is above the limit; to find out
    takes the system too long to be asked every time.
    """
    found = [pid, *_FAMILIES.below(pid)]
    mapped = sum(_resident(member) for member in found)
    return mapped if mapped <= limit_bytes else sum(_own(member) for member in found)


def _resident(pid: int) -> int:
    with contextlib.suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _own(pid: int) -> int:
    with contextlib.suppress(psutil.Error):
        info = psutil.Process(pid).memory_full_info()
        return int(getattr(info, "pss", info.uss))
    return 0


class _Families:
    """Who is whose child, found once for all that ask within a moment.

    To find it takes a look at every process of the machine, which each revision would take alone.
    """

    def __init__(self) -> None:
        self._alone = threading.Lock()
        self._found_at = -math.inf
        self._children: dict[int, list[int]] = {}

    def below(self, pid: int) -> list[int]:
        """Return the ids of a process's children, and of theirs."""
        children = self._now()
        found = [*children.get(pid, ())]
        for child in found:
            found += (other for other in children.get(child, ()) if other not in found)
        return found

    def _now(self) -> dict[int, list[int]]:
        with self._alone:
            if time.monotonic() - self._found_at > _MOMENT_S:
                children: dict[int, list[int]] = {}
                for process in psutil.process_iter():
                    with contextlib.suppress(psutil.Error):
                        children.setdefault(process.ppid(), []).append(process.pid)
                self._children, self._found_at = children, time.monotonic()
            return self._children


_FAMILIES = _Families()
