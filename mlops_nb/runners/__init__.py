"""Start a pipeline and follow it: one seam, and a back-end for each place where runs can go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator

    from mlops_nb.types import Point, Run, RunRequest


class Runner(Protocol):
    """What every back-end can do. Runs are named by their ids.

    All methods but `submit` raise `RunError` where there is no such run.
    """

    def submit(self, request: RunRequest) -> Run:
        """Start a run that goes on without the caller, and return it as it is now."""

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, newest first."""

    def list(self) -> tuple[Run, ...]:
        """Return all runs, newest first."""

    def get(self, run_id: str) -> Run:
        """Return a run as it is now."""

    def request(self, run_id: str) -> RunRequest:
        """Return what a run was asked for."""

    def watch(
        self, run_id: str, *, interval_s: float = 0.2, ticking: bool = False
    ) -> Iterator[Run]:
        """Yield a run as it is now and then whenever something has happened, to its end.

        Args:
            run_id: The run.
            interval_s: Time between two looks.
            ticking: Yield also after a look at which nothing had happened.
        """

    def points(self, run_id: str, offset: int = 0) -> tuple[builtins.list[Point], int]:
        """Return the metric points after an offset, and the offset to go on from.

        They are those of the run's current attempt: begin at 0 when `mlflow_run_id` has changed. An
        offset that is smaller than the one asked for says the same.
        """

    def logs(self, run_id: str, stage: str | None = None, *, last_bytes: int | None = None) -> str:
        """Return the log of a stage, or those of all stages one after another.

        Args:
            run_id: The run.
            stage: One of its stages, or "driver".
            last_bytes: No more than the end of each log.

        Raises:
            RunError: The pipeline has no such stage.
        """

    def cancel(self, run_id: str) -> Run:
        """End a run and all of its processes; a run that has ended stays as it is."""

    def delete(self, run_id: str) -> None:
        """Delete the record of an ended run.

        Raises:
            RunError: The run goes on.
        """

    def resume(self, run_id: str) -> Run:
        """Start an ended run again from the stage that failed.

        Raises:
            RunError: The run goes on, or has succeeded.
        """
