"""A lease: a lock that one process holds for as long as it lives, and that says who it is."""

from __future__ import annotations

import json
import os
from datetime import datetime, timezone
from typing import TYPE_CHECKING, NamedTuple

from mlops_nb import locks

if TYPE_CHECKING:
    from pathlib import Path


class Holder(NamedTuple):
    """Who holds a lease."""

    pid: int
    since: str


def take(path: Path) -> int | None:
    """Take a lease and return its descriptor, None where another has it."""
    descriptor = locks.take(path)
    if descriptor is None:
        return None
    since = datetime.now(timezone.utc).isoformat(timespec="seconds")
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps({"pid": os.getpid(), "since": since}).encode(), 0)
    return descriptor


def is_lost(path: Path, descriptor: int) -> bool:
    """Whether a lease that was taken counts no more: its file is gone, or another one is there."""
    try:
        return not os.path.samestat(os.stat(path), os.fstat(descriptor))  # noqa: PTH116
    except FileNotFoundError:
        return True


def holder(path: Path) -> Holder | None:
    """Return who holds a lease, None where nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        return _said(descriptor) if locks.is_another_s(descriptor) else None
    finally:
        os.close(descriptor)


def _said(descriptor: int) -> Holder:
    try:
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    except ValueError:
        # It has the lock and has not written yet.
        return Holder(0, "")
