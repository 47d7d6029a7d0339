"""Processes of a project, and what they cost while they have nothing to do."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from pathlib import Path


def processes(root: Path, word: str) -> list[psutil.Process]:
    """List the processes of a project that have a word in their commands."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = " ".join(process.info["cmdline"] or ())
        if word in command and str(root) in command:
            found.append(process)
    return found


def idle(resting: list[psutil.Process], seconds: float = 4.0) -> tuple[float, float]:
    """Return CPU seconds a second of processes that have nothing to do, and their own bytes."""
    time.sleep(1.0)
    before = sum(sum(process.cpu_times()[:2]) for process in resting)
    time.sleep(seconds)
    spent = sum(sum(process.cpu_times()[:2]) for process in resting) - before
    return spent / seconds, sum(process.memory_full_info().uss for process in resting)
