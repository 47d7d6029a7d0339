"""Curves as inline SVG: no script, no library, right in light and dark, readable without colour.

Every line has a dash pattern of its own and, where there are several, its label at its end.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_nb.drawing import html

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_nb.types import Curve

_WIDTH, _HEIGHT = 270, 116
_LEFT, _RIGHT, _TOP, _BOTTOM = 44, 254, 8, 94
_LABEL_GAP, _LABELS_END = 10, 97
_INK = "var(--jp-ui-font-color2,#616161)"
# Apart from each other for colour-blind eyes, and from white and black by at least 3:1.
_LINES = (
    ("var(--jp-brand-color1,#1976d2)", ""),
    ("#d55e00", "6 3"),
    ("#009e73", "2 3"),
    ("#b4679b", "9 3 2 3"),
    ("#8a7a00", "12 4"),
    ("#7a7a7a", "4 2 1 2 1 2"),
)


@dataclass(frozen=True)
class Line:
    """A curve in a chart; `label` stands at its end and in the text."""

    curve: Curve
    label: str = ""


def chart(name: str, lines: Sequence[Line | None]) -> str:
    """Return the picture of a metric, nothing where no value can be drawn.

    Args:
        name: The metric.
        lines: A line's place decides its pattern; None keeps a place free.
    """
    drawn = [(i, line, _segments(line.curve)) for i, line in enumerate(lines) if line is not None]
    points = [p for _, _, segments in drawn for segment in segments for p in segment]
    if not points:
        return ""
    scale = _Scale.of(points)
    said = "; ".join(_said(line) for _, line, _ in drawn)
    paths = "".join(_path(i, segments, scale) for i, _, segments in drawn)
    axis = drawn[0][1].curve.axis
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="display:block;max-width:100%">'
        f"<title>{html.text(name)}</title><desc>{html.text(said)}</desc>"
        f"{_axes(scale, axis)}{paths}{_labels(drawn, scale)}</svg>"
    )


def sample(index: int) -> str:
    """Return a short piece of the line with this number, for a legend."""
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" width="34" height="8" aria-hidden="true">'
        f'<path d="M1 4H33" {stroke(index)}/></svg>'
    )


def summary(curve: Curve) -> str:
    """Return a curve in few words, for where pictures are stripped."""
    first, last = curve.points[0][1], curve.points[-1][1]
    return f"{first:.4g} \u2192 {last:.4g} \u00b7 {curve.count:,} values"


def _described(curve: Curve) -> str:
    """Return a curve in words, for who cannot see it."""
    values = [value for _, value in curve.points if math.isfinite(value)]
    if not values:
        return f"{curve.count:,} values, none of them finite"
    gaps = "" if len(values) == len(curve.points) else ", with values that are not finite"
    return (
        f"{values[0]:.4g} to {values[-1]:.4g}, lowest {min(values):.4g}, "
        f"highest {max(values):.4g}, {curve.count:,} values{gaps}"
    )


@dataclass(frozen=True)
class _Scale:
    """From values to pixels. It halves first: the span of two floats may be more than a float."""

    left: float
    right: float
    low: float
    high: float

    @classmethod
    def of(cls, points: Sequence[tuple[float, float]]) -> _Scale:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        low, high = min(ys), max(ys)
        if low == high:
            pad = abs(low) * 0.05 or 0.5
            low, high = low - pad, high + pad
        return cls(min(xs), max(xs), low, high)

    def x(self, value: float) -> float:
        return _LEFT + (_RIGHT - _LEFT) * _share(value, self.left, self.right)

    def y(self, value: float) -> float:
        return _BOTTOM - (_BOTTOM - _TOP) * _share(value, self.low, self.high)


def _share(value: float, low: float, high: float) -> float:
    span = high / 2 - low / 2
    return (value / 2 - low / 2) / span if span > 0 and math.isfinite(span) else 0.5


def _said(line: Line) -> str:
    described = _described(line.curve)
    return f"{line.label}: {described}" if line.label else described


def _segments(curve: Curve) -> list[list[tuple[float, float]]]:
    """Split a curve at its gaps."""
    segments: list[list[tuple[float, float]]] = [[]]
    for x, y in curve.points:
        if math.isfinite(y):
            segments[-1].append((x, y))
        elif segments[-1]:
            segments.append([])
    return [segment for segment in segments if segment]


def _path(index: int, segments: Sequence[Sequence[tuple[float, float]]], scale: _Scale) -> str:
    drawn = "".join(
        "M" + "L".join(f"{scale.x(x):.1f} {scale.y(y):.1f}" for x, y in segment) + "h.01"
        for segment in segments
    )
    return f'<path d="{drawn}" {stroke(index)}/>'


def stroke(index: int) -> str:
    """Return the attributes of the line with this number."""
    colour, dash = _LINES[index % len(_LINES)]
    pattern = f' stroke-dasharray="{dash}"' if dash else ""
    return (
        f'fill="none" stroke="#777" stroke-width="1.6" stroke-linecap="round" '
        f'stroke-linejoin="round"{pattern} style="stroke:{colour}"'
    )


def _axes(scale: _Scale, axis: str) -> str:
    ticks = "".join(
        f'<path d="M{_LEFT} {scale.y(v):.1f}H{_RIGHT}" stroke="#ddd" style="stroke:{html.LINE}" '
        f'stroke-width=".6"/>{caption(_LEFT - 5, scale.y(v) + 3, f"{v:.4g}", "end")}'
        for v in _ticks(scale.low, scale.high)
    )
    below = _HEIGHT - 8
    word = "value" if axis == "order" else axis
    ends = caption(_LEFT, below, f"{word} {scale.left:.6g}", "start")
    if scale.right > scale.left:
        ends += caption(_RIGHT, below, f"{scale.right:.6g}", "end")
    return ticks + ends


def caption(x: float, y: float, text: str, anchor: str, colour: str = _INK) -> str:
    """Return a text in a picture; `anchor` is start, middle or end."""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="10" fill="#777" '
        f'style="fill:{colour};font-family:var(--jp-ui-font-family,sans-serif)">'
        f"{html.text(text)}</text>"
    )


def _labels(
    drawn: Sequence[tuple[int, Line, list[list[tuple[float, float]]]]], scale: _Scale
) -> str:
    """Mark the ends of the lines: a dot for each, its label where there is one, none on another."""
    ends = [(i, line.label, segments[-1][-1]) for i, line, segments in drawn if segments]
    ends.sort(key=lambda end: scale.y(end[2][1]))
    parts = []
    places = _apart([scale.y(y) + 3.5 for _, _, (_, y) in ends])
    for (index, label, (x, y)), place in zip(ends, places, strict=True):
        colour = _LINES[index % len(_LINES)][0]
        parts.append(
            f'<circle cx="{scale.x(x):.1f}" cy="{scale.y(y):.1f}" r="2.4" fill="#777" '
            f'style="fill:{colour}"/>'
        )
        if label:
            parts.append(caption(scale.x(x) + 5, place, label, "start", colour))
    return "".join(parts)


def _apart(places: Sequence[float]) -> list[float]:
    """Move heights, given from the top down, so that text on each is free and in the picture."""
    lowered: list[float] = []
    for place in places:
        lowered.append(max(place, lowered[-1] + _LABEL_GAP) if lowered else place)
    raised: list[float] = []
    for place in reversed(lowered):
        raised.append(min(place, raised[-1] - _LABEL_GAP if raised else _LABELS_END))
    return raised[::-1]


def _ticks(low: float, high: float) -> list[float]:
    """Return a few round numbers between two values."""
    span = high - low
    if not math.isfinite(span) or span < 1e-300:
        return [low, high]
    power = 10.0 ** math.floor(math.log10(span / 3))
    step = next(n * power for n in (1, 2, 2.5, 5, 10) if span / (n * power) <= 4.5)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [i * step for i in range(first, last + 1)] or [low, high]
