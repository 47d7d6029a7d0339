"""What we know that the server has of a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb import encoding
from mlops_nb.exceptions import ScheduleError
from mlops_nb.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_nb.runners.kubeflow import Place
    from mlops_nb.types import RecurringRun, Schedule

FOLDER = "recurring"


class Kept:
    """What the server was asked for, a file for each schedule.

    Args:
        folder: That of all schedules.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / FOLDER

    def keep(self, schedule: Schedule, body: dict[str, Any]) -> None:
        """Keep what the server was asked for."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(self._path(schedule), encoding.record(body).encode())

    def read(self, schedule: Schedule) -> dict[str, Any]:
        """Return what the server was asked for.

        Raises:
            ScheduleError: That is gone.
        """
        path = self._path(schedule)
        try:
            body: dict[str, Any] = encoding.loads(path.read_bytes())
        except FileNotFoundError:
            raise ScheduleError(
                f"what the server was asked for is gone: {path}",
                hint=f"schedule it anew, after: jupyter mlops unschedule {schedule.name}",
            ) from None
        return body

    def forget(self, schedule: Schedule) -> None:
        """Remove what is kept of a schedule."""
        self._path(schedule).unlink(missing_ok=True)

    def _path(self, schedule: Schedule) -> Path:
        return self._folder / f"{schedule.id}.json"


def recurring_of(schedule: Schedule) -> RecurringRun:
    """Return the recurring run that fires a schedule.

    Raises:
        ScheduleError: There is none.
    """
    if schedule.recurring is None:
        raise ScheduleError(
            f"{schedule.name} was never given to the server",
            hint=f"schedule it again: jupyter mlops unschedule {schedule.name}",
        )
    return schedule.recurring


def place_of(recurring: RecurringRun) -> Place:
    """Return where a recurring run is."""
    from mlops_nb.runners.kubeflow import Place

    return Place(url=recurring.url, namespace=recurring.namespace, context=recurring.context)
