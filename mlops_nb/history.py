"""What this session has executed and opened, remembered from when the extension is loaded.

Files are seen through Python's audit events. What a library opens in C or in another process
(pyarrow, HDF5, a shell line) raises none, and is not seen.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

# Enough for any session that reads data file by file; a run away loop must not fill the memory.
OPENED_LIMIT = 20_000
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

_cells: list[Executed] = []
_opened: dict[str, None] = {}
_hooked = False


@dataclass(frozen=True)
class Executed:
    """One execution of a cell; front ends that do not say which cell it was leave the id out."""

    cell_id: str | None
    source: str


def record(shell: InteractiveShell) -> None:
    """Remember the cells of an IPython session, those before this call by their text alone."""
    _cells[:] = [Executed(None, source) for source in shell.history_manager.input_hist_raw[1:]]
    shell.events.register("pre_run_cell", _remember)
    # An audit hook stays for as long as the process lives.
    global _hooked
    if not _hooked:
        sys.addaudithook(_watch)
        _hooked = True


def executed() -> tuple[Executed, ...]:
    """Return what was executed, oldest first."""
    return tuple(_cells)


def opened() -> tuple[Path, ...]:
    """Return the absolute paths of the files that were opened for reading, oldest first."""
    return tuple(map(Path, tuple(_opened)))


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    # Called for all that Python audits, so the first test must be cheap; it must never raise.
    if event != "open" or len(_opened) >= OPENED_LIMIT:
        return
    path, mode, flags = arguments
    reads = mode[0] == "r" if isinstance(mode, str) and mode else not flags & _WRITING
    if reads and isinstance(path, str) and not path.endswith((".py", ".pyc", ".so")):
        _opened[os.path.abspath(path)] = None  # noqa: PTH100  (a Path costs ten times as much)


def _remember(info: Any) -> None:
    if info.store_history and not info.silent:
        _cells.append(Executed(getattr(info, "cell_id", None), info.raw_cell))
