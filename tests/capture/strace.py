"""Faults at a system call of git's, or of the snapshot's own process: it is killed, or told no.

A stand-in on the PATH counts the calls of git that a snapshot makes, and runs one of them under
strace, which strikes at the n-th system call that changes the disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

CALLS = (
    "write,pwrite64,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,"
    "mkdir,mkdirat,fsync,fdatasync,ftruncate"
)
_REAL = shutil.which("git")
_SHIM = """#!/bin/sh
number=$(($(cat {here}/count) + 1))
echo $number > {here}/count
if [ $number != {number} ] && [ {number} != all ]; then exec {git} "$@"; fi
{alone} strace -qq -f -o {here}/trace.$number {inject} {git} "$@"
code=$?
# A kill of the whole: git's caller dies as git does.
if [ $code = 137 ]; then kill -9 $PPID; fi
exit $code
"""
_SNAPSHOT = """
import sys
from pathlib import Path
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import CodeError
print("ready", flush=True)
root = Path(sys.argv[1])
try:
    Repository.find(root).snapshot(sys.argv[2], root, {})
except CodeError as error:
    sys.exit(f"refused: {error.message} -- {error.hint}")
"""


def works() -> bool:
    """Whether processes may be traced here."""
    if shutil.which("strace") is None:
        return False
    return not subprocess.run(["strace", "-qq", "-o", os.devnull, "true"], check=False).returncode


needs_strace = pytest.mark.skipif(not works(), reason="strace is not here, or may not trace")


@dataclass
class Ended:
    """How a snapshot ended, and what git and its own process did meanwhile."""

    code: int
    said: str


class Snapshots:
    """Takes snapshots of a project, with faults.

    Args:
        root: The project.
        folder: Of the stand-in and its notes.
    """

    def __init__(self, root: Path, folder: Path) -> None:
        self.root, self.folder = root, folder
        (folder / "bin").mkdir(parents=True)

    def take(self, name: str, *, git: int | str, inject: str = "", alone: bool = False) -> Ended:
        """Take one, with a call of git under strace, of which it may die alone or take ours along.

        Args:
            name: Of the snapshot.
            git: Number of the call, "all", or 0 for none.
            inject: Options of strace.
            alone: Whether a kill of git leaves our process alive.
        """
        shim = self.folder / "bin" / "git"
        exec_ = "exec" if alone else ""
        text = _SHIM.format(here=self.folder, git=_REAL, number=git, inject=inject, alone=exec_)
        shim.write_text(text)
        shim.chmod(0o755)
        return self._run([], name, {"PATH": f"{shim.parent}{os.pathsep}{os.environ['PATH']}"})

    def take_traced(self, name: str, inject: str = "") -> Ended:
        """Take one whose own process is under strace, and no git."""
        trace = str(self.folder / "trace.0")
        return self._run(["strace", "-qq", "-o", trace, *inject.split()], name, {})

    def _run(self, tracer: list[str], name: str, environment: dict[str, str]) -> Ended:
        for trace in self.folder.glob("trace.*"):
            trace.unlink()
        (self.folder / "count").write_text("0")
        done = subprocess.run(
            [*tracer, sys.executable, "-c", _SNAPSHOT, str(self.root), name],
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **environment},
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return Ended(done.returncode, done.stderr)

    def traced(self) -> dict[int, list[str]]:
        """Return the system calls of each process under strace, by the number of git's call."""
        return {
            int(path.suffix[1:]): [line for line in path.read_text().splitlines() if "(" in line]
            for path in self.folder.glob("trace.*")
        }


def name_of(line: str) -> str:
    """Return the name of the system call of a line of a trace, which may begin with a pid."""
    return line.partition("(")[0].rpartition(" ")[2]


def struck(fault: str, call: str = CALLS, when: int = 65_535) -> str:
    """Return strace's options for a fault at the n-th system call of a kind; at none as it is."""
    return f"-e trace={CALLS} -e inject={call}:{fault}:when={when}"
