"""What works for a project for as long as a server of its own does, such as a scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Service(Protocol):
    """Something that works beside the requests, in a thread or process of its own."""

    def start(self) -> None:
        """Begin, and return at once."""

    def stop(self) -> None:
        """End, and return when that is done."""


# Each is made of the project's folder.
SERVICES: list[Callable[[Path], Service]] = []
