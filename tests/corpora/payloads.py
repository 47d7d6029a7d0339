"""What does something when it is loaded, and must not be."""

from __future__ import annotations

from pathlib import Path


class Payload:
    """An object whose pickle makes a file, the canary, when it is read.

    Args:
        canary: The file.
    """

    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return (Path.touch, (self.canary,))
