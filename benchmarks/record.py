"""What a benchmark has found: tables, from which both the terminal's text and Markdown are made."""

from __future__ import annotations

import os
import platform
import sys
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

RESULTS = Path(__file__).resolve().parent / "results.json"


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table.

    Attributes:
        name: What a page names it by.
        title: What was measured, and what a row is.
        columns: Their heads.
        rows: Their cells, as they are shown.
        note: What one has to know to read it.
        says: What follows from it, in a sentence or two with its figures.
        peers: Version of each thing that is compared with, or why it is absent.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    says: str = ""
    peers: dict[str, str] = {}

    def markdown(self) -> str:
        """Return the table alone."""
        lines = [self.columns, ("---",) * len(self.columns), *self.rows]
        return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)

    def text(self) -> str:
        """Return all of it for a terminal, in columns of equal width."""
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = [
            "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
            for cells in lines
        ]
        ruled = [padded[0], "  ".join("-" * width for width in widths), *padded[1:]]
        parts = (self.title, "\n".join(ruled), self.note, self.says, _peers(self.peers))
        return "\n\n".join(part for part in parts if part)

    def section(self) -> str:
        """Return all of it for a page."""
        peers = _peers(self.peers)
        parts = (f"### {self.title}", self.markdown(), self.note, self.says, peers)
        return "\n\n".join(part for part in parts if part)


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """When and where something was measured.

    Attributes:
        at: ISO 8601, UTC, to the minute.
        machine: Cores, kind of processor, memory, system.
        load: How many processes wanted a core before any of it began.
        python: Version of the interpreter.
        packages: Versions of those that the figures depend on.
    """

    at: str
    machine: str
    load: float
    python: str
    packages: dict[str, str]

    @property
    def where(self) -> str:
        """Say it in a line."""
        packages = ", ".join(f"{name} {number}" for name, number in self.packages.items())
        busy = f"; other work wanted {self.load:.1f} cores meanwhile" if self.load > 0.5 else ""
        return f"{self.at[:10]}: {self.machine}{busy}; Python {self.python}, {packages}"


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """What one benchmark has found."""

    measured: Measured
    seconds: float
    tables: tuple[Table, ...]


# Of each benchmark by its name, as it was last measured.
Results = dict[str, Found]


def load() -> Results:
    """Return the results that are kept in the repository."""
    if not RESULTS.is_file():
        return {}
    return msgspec.json.decode(RESULTS.read_bytes(), type=Results)


def keep(results: Results) -> None:
    """Keep results."""
    data = msgspec.json.format(msgspec.json.encode(results), indent=1)
    RESULTS.write_bytes(data + b"\n")


def tables(results: Mapping[str, Found]) -> dict[str, Table]:
    """Return all tables by their names."""
    return {table.name: table for found in results.values() for table in found.tables}


def here(packages: Iterable[str], load: float) -> Measured:
    """Return what is measured with, here and now."""
    return Measured(
        at=datetime.now(timezone.utc).isoformat(timespec="minutes"),
        machine=_machine(),
        load=round(load, 1),
        python=platform.python_version(),
        packages={name: version_of(name) for name in packages},
    )


def version_of(package: str) -> str:
    """Return the version of a package that is installed here."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def say(text: str) -> None:
    """Tell who waits how far it is."""
    print(f"  {text}", file=sys.stderr, flush=True)


def _peers(peers: Mapping[str, str]) -> str:
    return f"Beside: {', '.join(f'{name} {number}' for name, number in peers.items())}." * bool(
        peers
    )


def _machine() -> str:
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    memory_gb = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9
    parts = (f"{cores} cores", _processor(), f"{memory_gb:.0f} GB", platform.system())
    return ", ".join(parts)


def _processor() -> str:
    """Return the kind of the processor, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.is_file() else []
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.processor() or platform.machine())
