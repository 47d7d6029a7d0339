"""Shares as bars, inline SVG with the figures beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.drawing import charts, html, words

if TYPE_CHECKING:
    from collections.abc import Sequence

_ROW = 18


def bars(shares: Sequence[tuple[str, float]]) -> str:
    """Return shares of 1 as bars with their names and figures, nothing for none."""
    if not shares:
        return ""
    height = _ROW * len(shares) + 4
    said = ", ".join(f"{name} {share:.0%}" for name, share in shares)
    rows = "".join(_bar(i, name, share) for i, (name, share) in enumerate(shares))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="270" height="{height}" '
        f'viewBox="0 0 270 {height}" style="display:block;max-width:100%">'
        f"<title>importance</title><desc>{html.text(said)}</desc>{rows}</svg>"
    )


def _bar(index: int, name: str, share: float) -> str:
    y = _ROW * index
    width = 100 * min(1.0, max(0.0, share))
    return (
        charts.caption(104, y + 13, words.short(name), "end")
        + f'<rect x="110" y="{y + 3}" width="{width:.1f}" height="12" fill="#777" '
        f'style="fill:var(--jp-brand-color1,#1976d2)"/>'
        + charts.caption(116 + width, y + 13, f"{share:.0%}", "start")
    )
