"""Which cells this session has executed, in order: remembered from when the extension is loaded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

_cells: list[Executed] = []


@dataclass(frozen=True)
class Executed:
    """One execution of a cell; front ends that do not say which cell it was leave the id out."""

    cell_id: str | None
    source: str


def record(shell: InteractiveShell) -> None:
    """Remember the cells of an IPython session, those before this call by their text alone."""
    _cells[:] = [Executed(None, source) for source in shell.history_manager.input_hist_raw[1:]]
    shell.events.register("pre_run_cell", _remember)


def executed() -> tuple[Executed, ...]:
    """Return what was executed, oldest first."""
    return tuple(_cells)


def _remember(info: Any) -> None:
    if info.store_history and not info.silent:
        _cells.append(Executed(getattr(info, "cell_id", None), info.raw_cell))
