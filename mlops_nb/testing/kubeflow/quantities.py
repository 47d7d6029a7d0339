"""Quantities as Kubernetes reads them."""

from __future__ import annotations

import re

_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")


def check(text: str) -> str:
    """Return a quantity as it is.

    Raises:
        ValueError: With the message of the Kubernetes library, which the driver passes on.
    """
    if not _QUANTITY.fullmatch(text):
        raise ValueError(
            f"failed to init podSpecPatch: quantities must match the regular expression: {text!r}"
        )
    return text
