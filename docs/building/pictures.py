"""A picture whose name ends with `-light` is for the light theme, and its twin for the dark one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from docutils import nodes
from sphinx.transforms import SphinxTransform

if TYPE_CHECKING:
    from sphinx.application import Sphinx

LIGHT, DARK = "-light.png", "-dark.png"


def add_to(app: Sphinx) -> None:
    """Look at the pictures of each page."""
    app.add_transform(_Twins)


class _Twins(SphinxTransform):
    default_priority = 500

    def apply(self, **_: Any) -> None:
        page = Path(self.env.doc2path(self.env.docname))
        for image in list(self.document.findall(nodes.image)):
            other = image["uri"].replace(LIGHT, DARK)
            if other == image["uri"] or not (page.parent / other).exists():
                continue
            twin = image.deepcopy()
            twin["uri"] = other
            image["classes"].append("only-light")
            twin["classes"].append("only-dark")
            image.parent.insert(image.parent.index(image) + 1, twin)
