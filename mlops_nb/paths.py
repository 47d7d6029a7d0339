"""Paths that users give: what no file system takes is refused here, with the same words for all."""

from __future__ import annotations

import os
from pathlib import Path

from mlops_nb.exceptions import UsageError

# What file systems take; beyond it each call fails in a way of its own.
_LONGEST, _LONGEST_PATH = 255, 4_000


def given(path: Path | str) -> Path:
    """Return the path that a user has given.

    Raises:
        UsageError: No file can be of that name.
    """
    text = os.fspath(path)
    if not can_be(text):
        raise UsageError(
            f"{text[:80]!r} can be no path here",
            hint=f"name a file or folder: {_LONGEST} bytes a name at the most, and no NUL in it",
        )
    return Path(text)


def can_be(text: str) -> bool:
    """Whether a file can be of this name, wherever it is."""
    try:
        encoded = os.fsencode(text)
    except UnicodeEncodeError:
        return False
    fits = all(len(part) <= _LONGEST for part in encoded.split(b"/"))
    return fits and len(encoded) <= _LONGEST_PATH and b"\0" not in encoded
