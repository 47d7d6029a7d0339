"""How answers are shown: a terminal, a cell and `--json` differ in nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlops_nb.types import (
        Comparison,
        Deployment,
        Moment,
        Pulse,
        RegisteredModel,
        Run,
        Schedule,
        Setting,
        Status,
        Summary,
        Timetable,
        Verdict,
    )


class View(Protocol):
    """How the result of a verb is shown."""

    def text(self, text: str) -> None:
        """Show a text as it is."""

    def run(self, moment: Moment) -> None:
        """Show a run as it is."""

    def runs(self, runs: Sequence[Summary]) -> None:
        """Show a list of runs."""

    def follow(
        self, moments: Iterator[Moment], *, wait: bool, cancel: Callable[[], Run]
    ) -> Run | None:
        """Show a run as it goes on; return it as it ended, or None where nobody waited."""

    def comparison(self, comparison: Comparison) -> None:
        """Show runs side by side."""

    def status(self, status: Status) -> None:
        """Show what would be pinned."""

    def deployments(self, deployments: Sequence[Deployment]) -> None:
        """Show what is served."""

    def models(self, models: Sequence[RegisteredModel]) -> None:
        """Show registered models."""

    def deployment(self, pulses: Iterator[Pulse], project: str | None) -> None:
        """Show one deployment, with how it does and what can be done with it."""

    def verdict(self, verdict: Verdict) -> None:
        """Show whether a run came out the same."""

    def settings(self, settings: Sequence[Setting]) -> None:
        """Show settings."""

    def schedule(self, schedule: Schedule) -> None:
        """Show one schedule, its next firings and its history."""

    def timetable(self, timetable: Timetable) -> None:
        """Show the schedules, and whether anybody fires them."""
