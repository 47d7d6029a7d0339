"""The images that stages run in on a cluster: their names; one folder each, with its Containerfile.

`tools` and `base` are images of ours as well, which the others are built from and share.
"""

from __future__ import annotations

from mlops_nb.version import __version__

STAGES = ("code", "data", "train", "evaluate")


def image(stage: str) -> str:
    """Return the name of a stage's image; a registry is put before it where images are pushed."""
    # A tag has no plus sign.
    return f"{repository(stage)}:{__version__.replace('+', '-')}"


def repository(stage: str) -> str:
    """Return the name of a stage's image without its tag, as a digest follows it."""
    return f"mlops-nb-{stage}-python"
