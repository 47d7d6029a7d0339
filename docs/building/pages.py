"""Links of a page that leave the folder: in the site they lead to a page of it, or to a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sphinx.application import Sphinx

# Where the site has what lies beside the folder.
MOVED = {
    "](../CHANGELOG.md": "](changelog.md",
    "](../CONTRIBUTING.md": "](contributing.md",
    "](../README.md": "](index.md",
}


def add_to(app: Sphinx) -> None:
    """Look at each page before it is read."""
    app.connect("source-read", _redirect)


def _redirect(app: Sphinx, name: str, source: list[str]) -> None:
    for there, here in MOVED.items():
        source[0] = source[0].replace(there, here)
