"""Processes of a run: find them all, end them all.

A kernel sits in a session of its own and a notebook may start what it likes, so neither a process
group nor the tree below the driver holds everything. What all of them have is the run's id in
their environment.
"""

from __future__ import annotations

import contextlib
import os
import resource
import sys
from typing import TYPE_CHECKING

from mlops_nb.journal import RUN_ID

if TYPE_CHECKING:
    import psutil

GRACE_S = 3.0


def is_alive(pid: int) -> bool:
    """Whether there is a process of this id."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def peak_memory_bytes() -> int:
    """Return the most memory that this process, or one child that has ended, held at once."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return max(memory_bytes(resource.getrusage(kind)) for kind in kinds)


def memory_bytes(usage: resource.struct_rusage) -> int:
    """Return the peak of a usage in bytes: Linux counts in KiB, macOS in bytes."""
    return usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024


def of_run(run_id: str) -> list[psutil.Process]:
    """List the living processes that work for a run, but for this one."""
    import psutil

    found = []
    for process in psutil.process_iter():
        # Any of them may end while it is looked at.
        with contextlib.suppress(psutil.Error, OSError):
            if process.pid == os.getpid() or process.environ().get(RUN_ID) != run_id:
                continue
            if process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def end(run_id: str, *, grace_s: float = GRACE_S) -> None:
    """End all processes of a run but this one: ask, wait, then kill, until none is left."""
    import psutil

    asked = of_run(run_id)
    for process in asked:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    psutil.wait_procs(asked, timeout=grace_s)
    # A process may have started another while it was asked to end.
    while remaining := of_run(run_id):
        for process in remaining:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(remaining, timeout=grace_s)
