"""Runs side by side, in a cell."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from mlops_nb.drawing import charts, html, words

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_nb.types import Comparison, Row

# How many metrics are drawn unfolded.
CHARTS = 6


def comparison_html(comparison: Comparison) -> str:
    """Return runs side by side: a legend, what differs, the curves, and the rest in a fold."""
    differing = [row for row in comparison.rows if row.differs]
    equal = [row for row in comparison.rows if not row.differs]
    parts = [
        f"<b>{len(comparison.runs)} runs side by side</b>",
        _legend(comparison),
        _table(comparison, differing) if differing else "<div>nothing differs</div>",
        _curves(comparison),
        html.folded(f"{len(equal)} more are equal", _table(comparison, equal)) if equal else "",
    ]
    return html.frame("".join(f"<div>{part}</div>" for part in parts))


def comparison_text(comparison: Comparison) -> str:
    """Return what differs as lines of text."""
    rows = [(row.kind, row.name, *_values(row)) for row in comparison.rows if row.differs]
    return words.inert("\n".join("  ".join(row) for row in [("", "", *comparison.runs), *rows]))


def letter(index: int) -> str:
    """Return the short name of a run in charts and tables: A, B, ..."""
    return string.ascii_uppercase[index] if index < 26 else str(index + 1)


def _legend(comparison: Comparison) -> str:
    rows = [
        (f"<b>{letter(i)}</b>", charts.sample(i), html.code(run_id))
        for i, run_id in enumerate(comparison.runs)
    ]
    return html.raw_table((), rows)


def _table(comparison: Comparison, rows: Iterable[Row]) -> str:
    head = ("", "", *map(letter, range(len(comparison.runs))))
    cells, before = [], None
    for row in rows:
        kind = row.kind if row.kind != before else ""
        before = row.kind
        cells.append((html.dim(kind), html.text(row.name, 80), *map(_cell, _values(row))))
    return html.raw_table(head, cells)


def _values(row: Row) -> list[str]:
    return [words.compared(row, value) for value in row.values]


def _cell(value: str) -> str:
    return html.text(value, 300) or html.dim("\u2013")


def _curves(comparison: Comparison) -> str:
    """Draw each metric that has a curve in some run, the lines of all runs in one picture."""
    lines: dict[str, list[charts.Line | None]] = {}
    for i, curves in enumerate(comparison.curves):
        for curve in curves:
            if curve.count > 1:
                lines.setdefault(curve.name, [None] * len(comparison.runs))[i] = charts.Line(
                    curve, letter(i)
                )
    names = sorted(lines, key=words.rank)
    figures = [_figure(name, lines[name]) for name in names]
    rest = html.folded(f"{len(figures) - CHARTS} more curves", html.row(figures[CHARTS:]))
    return html.row(figures[:CHARTS]) + (rest if len(figures) > CHARTS else "")


def _figure(name: str, lines: list[charts.Line | None]) -> str:
    return (
        f'<div style="max-width:270px"><div><b>{html.text(name, 60)}</b></div>'
        f"{charts.chart(name, lines)}</div>"
    )
