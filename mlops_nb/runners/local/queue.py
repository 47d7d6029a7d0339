"""The line in which the runs of a project wait for a place; nobody keeps it.

    python -I -S queue.py FOLDER TICKET LINE PLACES COMMAND...

A waiting run is this one small process, which imports nothing but the standard library and becomes
the run's driver by `exec`. It holds a lock on its ticket while it waits and on a place while it
runs. The system lets go of both at any death, so a killed run is in nobody's way. Each sleeps until
the lock of the one before it is let go of, so that a long line costs no more than a short one.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from contextlib import suppress

_POLL_S = 0.1
_PLACES = "places"


def draw_ticket(folder: str, run_id: str) -> tuple[str, int]:
    """Stand at the end of the line.

    Returns:
        The ticket's name, and the descriptor that holds its lock.
    """
    os.makedirs(os.path.join(folder, _PLACES), mode=0o700, exist_ok=True)
    name = f"{time.time_ns():020d}-{run_id}"
    path, unseen = _path(folder, name), _path(folder, f".{name}")
    descriptor = os.open(unseen, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    # Seen only when it is locked: others take an unlocked ticket for that of a dead process.
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    os.rename(unseen, path)
    return name, descriptor


def waiting(folder: str) -> list[str]:
    """List the ids of the runs in the line, the next one first."""
    return [name.partition("-")[2] for name in _tickets(folder)]


def wait_for_place(folder: str, ticket: str, places: int) -> int:
    """Wait until this ticket is the first and a place is free; return the place's descriptor."""
    while (before := _before(folder, ticket)) is not None:
        _outlast(folder, before)
    while True:
        for number in range(places):
            descriptor = _taken(_path(folder, _PLACES, str(number)))
            if descriptor is not None:
                return descriptor
        time.sleep(_POLL_S)


def _before(folder: str, ticket: str) -> str | None:
    """Return the ticket before this one, None where it is the first."""
    return max((name for name in _tickets(folder) if name < ticket), default=None)


def _outlast(folder: str, ticket: str) -> None:
    """Wait until a ticket's process has left the line or is gone, and take the ticket away."""
    with suppress(FileNotFoundError):
        descriptor = os.open(_path(folder, ticket), os.O_RDWR)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            _leave(folder, ticket)
        finally:
            os.close(descriptor)


def _taken(path: str) -> int | None:
    """Take the lock of a file and return its descriptor, None where another process has it."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _tickets(folder: str) -> list[str]:
    names = os.listdir(folder) if os.path.isdir(folder) else ()
    return sorted(name for name in names if name[0].isdigit())


def _leave(folder: str, ticket: str) -> None:
    with suppress(FileNotFoundError):
        os.unlink(_path(folder, ticket))


def _path(*parts: str) -> str:
    return os.path.join(*parts)


def main(folder: str, ticket: str, line: str, places: str, *command: str) -> None:
    """Wait, then become the command with the place's lock."""
    place = wait_for_place(folder, ticket, int(places))
    _leave(folder, ticket)
    # The next one waits for the lock of it.
    os.close(int(line))
    os.set_inheritable(place, True)
    os.execv(command[0], command)  # noqa: S606


if __name__ == "__main__":
    main(*sys.argv[1:])
