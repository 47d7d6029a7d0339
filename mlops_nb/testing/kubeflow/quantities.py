"""Quantities as Kubernetes reads them."""

from __future__ import annotations

import re

_QUANTITY = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_DECIMAL = {unit: 1000.0**power for power, unit in enumerate(("", *"kMGTPE"))}
_BINARY = {f"{unit}i": 1024.0**power for power, unit in enumerate("KMGTPE", 1)}
_UNITS = {"n": 1e-9, "u": 1e-6, "m": 1e-3, **_DECIMAL, **_BINARY}


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


def number(text: str) -> float:
    """Return what a quantity amounts to: bytes, cores."""
    digits = text.rstrip("numkMGTPEi")
    return float(digits) * _UNITS[text[len(digits) :]]
