"""Pages with figures, written from the results: docs/benchmarks.md, and the marked parts of others.

`<!-- bench: NAME -->` begins a part that is a table, `<!-- bench: NAME says -->` one that is what
follows from it, and `<!-- /bench -->` ends both.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from benchmarks import record

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.record import Found, Table

ROOT = record.RESULTS.parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
MARKED = ("README.md", "docs/scale.md")
_PART = re.compile(
    r"(?P<begin><!-- bench: (?P<name>[\w-]+)(?P<says> says)? -->\n)(?P<text>.*?)"
    r"(?P<end><!-- /bench -->)",
    re.DOTALL,
)
_HEAD = """# Benchmarks

`make bench` measures all of it and writes this page (some 25 minutes on two cores that have nothing
else to do); `python -m benchmarks NAME ...` measures one and prints it, `--write` keeps it. Each
figure stands beside a named peer from the same round on the same machine. Read the ratios: seconds
are those of one machine. The figures of other pages come from here.
"""


def write(results: Mapping[str, Found]) -> None:
    """Write all pages anew."""
    PAGE.write_text(page(results), encoding="utf-8")
    for name in MARKED:
        path = ROOT / name
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            path.write_text(filled(text, record.tables(results)), encoding="utf-8")


def page(results: Mapping[str, Found]) -> str:
    """Return the page with all results."""
    return "\n".join(_page(results))


def filled(text: str, tables: Mapping[str, Table]) -> str:
    """Return a page with its marked parts as the results are; what was not measured stays."""

    def part(found: re.Match[str]) -> str:
        table = tables.get(found["name"])
        if table is None:
            return found[0]
        content = f"{table.says}\n" if found["says"] else f"\n{table.markdown()}\n\n"
        return f"{found['begin']}{content}{found['end']}"

    return _PART.sub(part, text)


def marked(text: str) -> list[str]:
    """Return the names of the tables that a page has parts of."""
    return [found["name"] for found in _PART.finditer(text)]


def _page(results: Mapping[str, Found]) -> Iterator[str]:
    yield _HEAD
    for name, found in results.items():
        yield f"## {name}\n"
        yield f"{found.measured.where}. It took {found.seconds:.0f} s.\n"
        for table in found.tables:
            yield f"{table.section()}\n"
