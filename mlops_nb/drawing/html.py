"""The parts that cards are made of. What others wrote becomes text here, and nothing else.

Styles stand in the elements, because a code host strips style sheets; where it strips those as
well, tables and words still read in order. Colours are Lab's own, with values for other places.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from mlops_nb.drawing import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_nb.types import Finding

COLOURS = {
    "PENDING": "var(--jp-ui-font-color3,#767676)",
    "RUNNING": "var(--jp-brand-color1,#1976d2)",
    "SUCCEEDED": "var(--jp-success-color1,#2e7d32)",
    "SKIPPED": "var(--jp-ui-font-color3,#767676)",
    "FAILED": "var(--jp-error-color1,#c62828)",
    "CANCELED": "var(--jp-warn-color1,#b26a00)",
    "LOST": "var(--jp-error-color1,#c62828)",
    "STARTING": "var(--jp-brand-color1,#1976d2)",
    "UPDATING": "var(--jp-brand-color1,#1976d2)",
    "READY": "var(--jp-success-color1,#2e7d32)",
    "DEGRADED": "var(--jp-warn-color1,#b26a00)",
    "STOPPED": "var(--jp-ui-font-color3,#767676)",
}
LINE = "var(--jp-border-color2,#c8c8c8)"
DIM = "color:var(--jp-ui-font-color2,#616161)"
CODE = "font-family:var(--jp-code-font-family,monospace);font-size:12px"
_SEVERITIES = {"error": "FAILED", "warning": "CANCELED", "info": "RUNNING"}
_FRAME = (
    f"border:1px solid {LINE};border-radius:6px;padding:12px 16px;max-width:900px;"
    "box-sizing:border-box;font-family:var(--jp-ui-font-family,sans-serif);font-size:13px;"
    "line-height:1.5;color:var(--jp-ui-font-color1,inherit)"
)
_CELL = (
    "text-align:left;padding:2px 20px 2px 0;vertical-align:top;background:none;border:none;"
    "line-height:1.5;white-space:pre-wrap;overflow-wrap:break-word;max-width:640px"
)
# Lab stripes the tables of outputs.
_ROW = "background:none"
# Longer texts are cut: a card is looked at, the record has the whole.
LIMIT = 2_000


# What colours are where no front end says it; the reader's system chooses light or dark.
_LIGHT = (
    ":root{color-scheme:light dark;--jp-ui-font-color1:#212121;--jp-ui-font-color2:#5f5f5f;"
    "--jp-border-color2:#c8c8c8;--jp-brand-color1:#1565c0;--jp-layout-color3:#e0e0e0}"
)
_DARK = (
    "@media(prefers-color-scheme:dark){:root{--jp-ui-font-color1:#e6e6e6;"
    "--jp-ui-font-color2:#b0b0b0;--jp-border-color2:#4a4a4a;--jp-brand-color1:#64b5f6;"
    "--jp-layout-color3:#424242;--jp-error-color1:#ef9a9a;--jp-success-color1:#81c784;"
    "--jp-warn-color1:#ffb74d}}"
)
_PAGE = (
    '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    '<meta http-equiv="Content-Security-Policy" '
    "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
    "<style>{style}</style><title>{title}</title></head><body>{body}</body></html>\n"
)


def page(title: str, body: str) -> str:
    """Return a page of its own, in which nothing can run and which asks for nothing."""
    head = f"<h1 style='font-size:18px'>{text(title)}</h1>"
    return _PAGE.format(style=_LIGHT + _DARK, title=text(title), body=frame(head + body))


def text(value: str, limit: int = LIMIT) -> str:
    """Return a text as HTML that is a text: no element, no attribute, no control character."""
    cut = f"\u2026 ({len(value):,} characters)" if len(value) > limit else ""
    return escape(words.inert(value[:limit])) + cut


def frame(body: str) -> str:
    """Return a card with this in it."""
    return f'<div style="{_FRAME}">{body}</div>'


def dim(value: str) -> str:
    """Return a text that stands back."""
    return f'<span style="{DIM}">{text(value)}</span>'


def code(value: str) -> str:
    """Return a text as code; one click selects the whole of it."""
    return f'<code style="{CODE};user-select:all;background:none;padding:0">{text(value)}</code>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of texts."""
    return raw_table(head, [[text(cell) for cell in row] for row in rows])


def raw_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table whose cells are HTML already."""
    top = "".join(
        f'<th scope="col" style="{_CELL};{DIM};font-weight:normal">{text(name)}</th>'
        for name in head
    )
    lines = "".join(
        f'<tr style="{_ROW}">'
        + "".join(f'<td style="{_CELL}">{cell}</td>' for cell in row)
        + "</tr>"
        for row in rows
    )
    top = f'<tr style="{_ROW}">{top}</tr>' if head else ""
    style = "margin:4px 0;font-size:12px;border:none;border-collapse:collapse"
    return f'<div style="overflow-x:auto"><table style="{style}">{top}{lines}</table></div>'


def row(parts: Sequence[str]) -> str:
    """Return parts beside each other, as many as there is room for."""
    style = "display:flex;flex-wrap:wrap;gap:12px 18px;margin:8px 0"
    return f'<div style="{style}">{"".join(parts)}</div>' if parts else ""


def folded(title: str, body: str, *, unfolded: bool = False) -> str:
    """Return something to be unfolded."""
    attribute = " open" if unfolded else ""
    summary = f'<summary style="cursor:pointer;{DIM}">{text(title)}</summary>'
    return f'<details style="margin:2px 0"{attribute}>{summary}{body}</details>' if body else ""


def warned(value: str) -> str:
    """Return a text that one should see."""
    return f'<span style="color:{COLOURS["CANCELED"]}">\u25cf {text(value)}</span>'


def finding(found: Finding) -> str:
    """Return a finding."""
    colour = COLOURS[_SEVERITIES[found.severity]]
    return (
        f'<div style="margin:2px 0"><b style="color:{colour}">{text(found.severity)}</b> '
        f'{text(found.message)}<div style="{DIM}">hint: {text(found.hint)}</div></div>'
    )


def state(name: str) -> str:
    """Return a state, told by a mark and a word beside its colour."""
    return f'<b style="color:{COLOURS[name]}">{words.MARKS[name]} {name}</b>'
