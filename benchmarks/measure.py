"""CPU and wall of a command with all of its descendants, also those that outlive it."""

from __future__ import annotations

import ctypes
import json
import os
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True)
class Cost:
    """What a command took, in seconds."""

    cpu_s: float
    wall_s: float


def cost(command: list[str], cwd: Path, environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command to its end and to that of all that it started.

    A run's driver outlives the command that submits it. The measuring process adopts such orphans
    (Linux's subreaper) and waits for them, so that the system's own accounting has all of them.

    Raises:
        RuntimeError: The command failed.
    """
    arguments = [sys.executable, "-m", "benchmarks.measure", str(cwd), *command]
    root = Path(__file__).resolve().parent.parent
    done = subprocess.run(
        arguments,
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        raise RuntimeError(f"{command} failed:\n{done.stdout}\n{done.stderr}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def median(costs: list[Cost]) -> Cost:
    """Return the median of each figure."""
    return Cost(
        statistics.median(c.cpu_s for c in costs), statistics.median(c.wall_s for c in costs)
    )


def _main(cwd: str, *command: str) -> int:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL
    )
    code = process.wait()
    wall = time.monotonic() - start
    with suppress(ChildProcessError):
        while True:
            os.wait()
    times = os.times()
    print(json.dumps({"cpu_s": times.children_user + times.children_system, "wall_s": wall}))
    return code


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
