"""Curves as a line of block characters, for terminals and for text."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from mlops_nb.drawing import words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_nb.types import Curve

_BLOCKS = "▁▂▃▄▅▆▇█"
_WIDTH = 40
# How many metrics are drawn.
LINES = 4


def lines(curves: Sequence[Curve], metrics: Mapping[str, float]) -> list[str]:
    """Return a line for each main metric: its name, its curve, its value now."""
    drawn = [curve for curve in words.ranked(curves) if curve.count > 1][:LINES]
    width = max((len(curve.name[:24]) for curve in drawn), default=0)
    return [
        f"  {curve.name[:24]:<{width}}  {sparkline(curve)}  "
        f"{metrics.get(curve.name, curve.points[-1][1]):.4g}"
        for curve in drawn
    ]


def sparkline(curve: Curve, width: int = _WIDTH) -> str:
    """Return a curve as blocks: the middle of each column, a space where it has no value."""
    points = [(x, y) for x, y in curve.points if math.isfinite(y)]
    if not points:
        return ""
    width = min(width, len(points))
    first, last = points[0][0], points[-1][0]
    columns: list[list[float]] = [[] for _ in range(width)]
    for x, y in points:
        share = (x - first) / (last - first) if last > first else 0
        columns[min(width - 1, int(share * width))].append(y)
    # Halves first: the sum of two floats may be more than a float.
    middles = [min(column) / 2 + max(column) / 2 if column else None for column in columns]
    known = [middle for middle in middles if middle is not None]
    low, high = min(known), max(known)
    return "".join(" " if middle is None else _block(middle, low, high) for middle in middles)


def _block(value: float, low: float, high: float) -> str:
    span = high / 2 - low / 2
    share = (value / 2 - low / 2) / span if span > 0 else 0.5
    return _BLOCKS[min(len(_BLOCKS) - 1, int(share * len(_BLOCKS)))]
