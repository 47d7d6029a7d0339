"""Send a run's metric points on to MLflow, from where MLflow has acknowledged them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_nb.journal.points_file import PointsFile
    from mlops_nb.tracking.store import Store
    from mlops_nb.types import Point

# Some 1,000 points, which is what MLflow takes in one call; a line has 3 kB at the very most.
_BATCH_BYTES = 50_000


class Forwarder:
    """Sends a points file to an MLflow run, batch by batch.

    It may be interrupted anywhere and go on in another process: a batch that was sent and not yet
    acknowledged is sent again, and MLflow stores a point of the same name, step, time and value
    once.

    Attributes:
        refused: Points that MLflow does not take, however often they are sent.
        progressed_at: Monotonic time of the last batch that was acknowledged.
    """

    def __init__(self, store: Store, mlflow_run_id: str, file: PointsFile) -> None:
        self.store, self.mlflow_run_id, self.file = store, mlflow_run_id, file
        self.offset = file.acknowledged()
        self.refused: list[Point] = []
        self.progressed_at = time.monotonic()

    def forward(self) -> bool:
        """Send one batch.

        Returns:
            Whether there was one.

        Raises:
            TrackingError: MLflow cannot be reached; the batch is to be sent again.
        """
        points, end = self.file.read_logged(self.offset, _BATCH_BYTES)
        if end == self.offset:
            return False
        self.refused += self.store.log_points(self.mlflow_run_id, points)
        self.file.acknowledge(end)
        self.offset = end
        self.progressed_at = time.monotonic()
        return True

    def missing(self) -> int:
        """Return how many points MLflow has not got."""
        return len(self.refused) + len(self.file.read(self.offset)[0])
