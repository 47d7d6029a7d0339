"""Square pictures of shares: lines and dots from 0 to 1, and matrices of counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.drawing import html
from mlops_nb.drawing.charts import caption, stroke

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_nb.types import Plot

_WIDTH, _HEIGHT = 200, 190
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 190, 8, 156
_CELL, _MARGIN = 44, 70
_BLUE = "var(--jp-brand-color1,#1976d2)"


def lines(name: str, plots: Sequence[Plot], *, across: str, up: str) -> str:
    """Return lines over the diagonal, nothing where there is none.

    Args:
        name: What the picture shows.
        plots: A line's place decides its pattern.
        across: What goes from left to right.
        up: What goes from bottom to top.
    """
    drawn = "".join(
        f'<path d="M{"L".join(f"{_x(x):.1f} {_y(y):.1f}" for x, y in plot.points)}h.01" '
        f"{stroke(i)}/>"
        for i, plot in enumerate(plots)
        if plot.points
    )
    said = "; ".join(f"{plot.label}: {len(plot.points)} points" for plot in plots)
    return _square(name, said, drawn, across, up) if drawn else ""


def dots(name: str, points: Sequence[tuple[float, float]], *, across: str, up: str) -> str:
    """Return dots over the diagonal, nothing where there is none."""
    drawn = "".join(
        f'<circle cx="{_x(x):.1f}" cy="{_y(y):.1f}" r="1.8" fill="#777" fill-opacity=".6" '
        f'style="fill:{_BLUE}"/>'
        for x, y in points
    )
    return _square(name, f"{len(points)} rows", drawn, across, up) if drawn else ""


def matrix(name: str, classes: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Return a matrix of counts, darker where a row has more of its own; nothing for none."""
    if not counts:
        return ""
    size = _MARGIN + _CELL * len(classes)
    parts = [caption(size / 2 + _MARGIN / 2, 11, "predicted", "middle")]
    for i, name_ in enumerate(classes):
        middle = _MARGIN + _CELL * (i + 0.5)
        parts.append(caption(middle, 26, name_[:7], "middle"))
        parts.append(caption(_MARGIN - 6, middle - 34, name_[:10], "end"))
    for i, row in enumerate(counts):
        parts += [_count(i, j, count, sum(row)) for j, count in enumerate(row)]
    said = "; ".join(
        f"of {sum(row)} rows of {name_}, {row[i]} are right"
        for i, (name_, row) in enumerate(zip(classes, counts, strict=True))
    )
    return _svg(name, said, size, size - 36, "".join(parts))


def _count(i: int, j: int, count: int, total: int) -> str:
    x, y = _MARGIN + _CELL * j, _MARGIN + _CELL * i - 36
    share = count / total if total else 0.0
    return (
        f'<rect x="{x}" y="{y}" width="{_CELL}" height="{_CELL}" stroke="#ccc" fill="#1976d2" '
        f'style="stroke:{html.LINE};fill:{_BLUE}" fill-opacity="{0.04 + 0.46 * share:.2f}"/>'
        + caption(x + _CELL / 2, y + _CELL / 2 + 4, f"{count}", "middle")
    )


def _square(name: str, said: str, drawn: str, across: str, up: str) -> str:
    frame = (
        f'<path d="M{_LEFT} {_TOP}V{_BOTTOM}H{_RIGHT}" fill="none" stroke="#ccc" '
        f'style="stroke:{html.LINE}"/><path d="M{_LEFT} {_BOTTOM}L{_RIGHT} {_TOP}" fill="none" '
        f'stroke="#bbb" stroke-width=".8" stroke-dasharray="3 3" style="stroke:{html.LINE}"/>'
    )
    words = (
        caption(_LEFT - 5, _BOTTOM + 3, "0", "end")
        + caption(_LEFT - 5, _TOP + 7, "1", "end")
        + caption((_LEFT + _RIGHT) / 2, _BOTTOM + 15, across, "middle")
        + caption(_LEFT, _BOTTOM + 30, f"\u2191 {up}", "start")
    )
    return _svg(name, said, _WIDTH, _HEIGHT, frame + drawn + words)


def _svg(name: str, said: str, width: float, height: float, body: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" style="display:block;max-width:100%">'
        f"<title>{html.text(name)}</title><desc>{html.text(said)}</desc>{body}</svg>"
    )


def _x(share: float) -> float:
    return _LEFT + (_RIGHT - _LEFT) * share


def _y(share: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * share
