"""What the site has that its pages do not: tables made from the code, a picture for each theme."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from building import pages, pictures, records, tables

if TYPE_CHECKING:
    from sphinx.application import Sphinx


def setup(app: Sphinx) -> dict[str, Any]:
    """Add it all to a build."""
    for part in (pages, pictures, records, tables):
        part.add_to(app)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
