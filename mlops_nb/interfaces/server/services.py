"""What works for a project for as long as a server does whose root it is, such as a scheduler."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from mlops_nb import api

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Service(Protocol):
    """Something that works beside the requests, in a thread or process of its own."""

    def stop(self) -> None:
        """End, and return when that is done."""


def schedules(project: Path) -> Service | None:
    """Fire the project's schedules; None where the settings do not want it here."""
    return api.fire_in_background(project=project)


# Each begins to work when it is made, of the project's folder.
SERVICES: tuple[Callable[[Path], Service | None], ...] = (schedules,)
