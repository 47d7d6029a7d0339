"""Follow a run with all that it logs: its state, its metrics' curves, the end of its log."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.following.series import Series
from mlops_nb.journal import read_report, read_window
from mlops_nb.types import Moment, StageState

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops_nb.runners import Runner
    from mlops_nb.types import Curve, Point, Run

INTERVAL_S = 0.25
# While nothing happens a moment comes so often all the same, for those who show how time goes by.
BEAT_S = 1.0
_LOG_BYTES = 4_000
_LOG_LINES = 12


class Curves:
    """The curves of a run's metrics, as points come in."""

    def __init__(self) -> None:
        self._series: dict[str, Series] = {}
        self._drawn: dict[str, Curve] = {}
        self.now: tuple[Curve, ...] = ()

    def add(self, points: Iterable[Point]) -> None:
        """Take further points."""
        changed: dict[str, Series] = {}
        for point in points:
            series = self._series.get(point.name)
            if series is None:
                series = self._series[point.name] = Series(point.name)
            series.add(point.step, point.value)
            changed[point.name] = series
        if changed:
            self._drawn.update((name, series.curve()) for name, series in changed.items())
            self.now = tuple(self._drawn.values())


def curves(runner: Runner, run_id: str) -> tuple[Curve, ...]:
    """Return the curves of a run as they are now."""
    found = Curves()
    found.add(runner.points(run_id)[0])
    return found.now


def follow(runner: Runner, run_id: str) -> Iterator[Moment]:
    """Yield a run's moments: at once, whenever it has changed, and on every beat, to its end."""
    before: Moment | None = None
    shown_at = 0.0
    for moment in looks(runner, run_id, interval_s=INTERVAL_S):
        if moment is before and time.monotonic() - shown_at < BEAT_S:
            continue
        before, shown_at = moment, time.monotonic()
        yield moment


def looks(runner: Runner, run_id: str, *, interval_s: float) -> Iterator[Moment]:
    """Yield a run's moments, one a look, to its end; the same object says that nothing changed.

    Args:
        runner: Who knows the run.
        run_id: The run.
        interval_s: Time between two looks; with 0 each step is one look and returns at once.
    """
    drawn, offset = Curves(), 0
    before: Moment | None = None
    for run in runner.watch(run_id, interval_s=interval_s, ticking=True):
        if before is not None and run.mlflow_run_id != before.run.mlflow_run_id:
            # Resumed: the metrics begin anew.
            drawn, offset = Curves(), 0
        points, offset = runner.points(run_id, offset)
        drawn.add(points)
        now = _moment(runner, run, drawn.now)
        before = before if before is not None and now == before else now
        yield before


def _moment(runner: Runner, run: Run, curves: tuple[Curve, ...]) -> Moment:
    stage = _at_work(run)
    text = runner.logs(run.id, stage, last_bytes=_LOG_BYTES) if stage else ""
    log = "\n".join(text.splitlines()[-_LOG_LINES:])
    page = run.evaluation.report if run.evaluation is not None else None
    # Once: a live card need not have it.
    report = read_report(Path(page)) if page and run.state.terminal else None
    watched = run.monitoring.report if run.monitoring is not None else None
    window = read_window(Path(watched)) if watched and run.state.terminal else None
    return Moment(run=run, curves=curves, stage=stage, log=log, report=report, window=window)


def _at_work(run: Run) -> str | None:
    """Return the stage that matters now: the one that failed or works, or the last that did."""
    idle = (StageState.PENDING, StageState.SKIPPED)
    if run.error is not None and run.error.stage in {stage.name for stage in run.stages}:
        return run.error.stage
    begun = [stage.name for stage in run.stages if stage.state not in idle]
    return begun[-1] if begun else None
