"""What has changed in a project, for those who show all of it and do not want to look again.

A look costs next to nothing while nothing happens: the times of a folder and of a few files are
asked for, and only runs that go on are read.
"""

from __future__ import annotations

import os
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Protocol

from mlops_nb import backends
from mlops_nb.deployment import targets
from mlops_nb.deployment.local import records
from mlops_nb.exceptions import MlopsError
from mlops_nb.following import moments
from mlops_nb.journal import RUNS
from mlops_nb.orders import rollout
from mlops_nb.scheduling import desk
from mlops_nb.scheduling.store import Store
from mlops_nb.types import Change, Glimpse, Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from mlops_nb.settings import Config
    from mlops_nb.types import Deployment, Moment, Record, Schedule

# A folder may change twice within one tick of its clock.
_TICK_NS = 50_000_000
# What is looked at only now and then: folders whose times cannot be trusted, and clusters.
_SURVEY_S = 30.0
_CLUSTER_S = 5.0


class Source(Protocol):
    """One kind of thing that changes."""

    interval_s: float

    def look(self) -> Iterator[Change]:
        """Yield what is other than at the last look."""


class Runs:
    """Runs: begun, going on, ended, deleted.

    The first look yields those that go on.

    Args:
        config: The project's settings.
    """

    interval_s = 0.4

    def __init__(self, config: Config) -> None:
        self._runner = backends.Everywhere(config)
        self._folder = config.state_folder / RUNS
        self._known: dict[str, Summary] | None = None
        self._followed: dict[str, Iterator[Moment]] = {}
        self._shown: dict[str, Moment] = {}
        # Those that are followed no more, and whose end was not told.
        self._untold: set[str] = set()
        self._stamp, self._surveyed_at, self._folderless = -1, 0.0, False

    def look(self) -> Iterator[Change]:
        """Yield the runs that are other than at the last look."""
        if self._is_due():
            yield from self._survey()
        for run_id in list(self._followed):
            yield from self._step(run_id)

    def _is_due(self) -> bool:
        """Whether runs may have begun or gone since the last survey."""
        stamp = _modified(self._folder)
        settled = time.time_ns() - stamp > _TICK_NS
        changed, self._stamp = stamp != self._stamp, stamp if settled else -1
        late = time.monotonic() - self._surveyed_at > _SURVEY_S
        # Also when the last of those that no folder tells of has just gone.
        had, self._folderless = self._folderless, self._runner.has_folderless
        return changed or late or had or self._folderless

    def _survey(self) -> Iterator[Change]:
        self._surveyed_at = time.monotonic()
        now = {summary.id: summary for summary in self._runner.summaries()}
        before, self._known = self._known, now
        for run_id, summary in now.items():
            if not summary.state.terminal:
                self._follow(run_id)
            elif self._is_news(before, summary):
                yield self._ended(summary)
        for run_id in before or ():
            if run_id not in now:
                self._forget(run_id)
                yield Change(kind="run", id=run_id, data=None)

    def _follow(self, run_id: str) -> None:
        if run_id not in self._followed:
            self._followed[run_id] = moments.looks(self._runner, run_id, interval_s=0)

    def _is_news(self, before: dict[str, Summary] | None, ended: Summary) -> bool:
        """Whether a run has ended that nobody saw going on."""
        if before is None or ended.id in self._followed:
            return False
        untold = ended.id in self._untold
        self._untold.discard(ended.id)
        return untold or before.get(ended.id) != ended

    def _ended(self, summary: Summary) -> Change:
        try:
            curves = moments.curves(self._runner, summary.id)
        except (MlopsError, OSError):
            curves = ()
        return Change(kind="run", id=summary.id, data=Glimpse(run=summary, curves=curves))

    def _step(self, run_id: str) -> Iterator[Change]:
        try:
            moment = next(self._followed[run_id], None)
        except (MlopsError, OSError):
            moment = None
        if moment is None:
            shown = self._shown.get(run_id)
            self._forget(run_id)
            if shown is None or not shown.run.state.terminal:
                # It was deleted just now, its cluster is away, or a look has failed: which, is told
                # by a survey that is near.
                self._untold.add(run_id)
                near = time.monotonic() - _SURVEY_S + _CLUSTER_S
                self._surveyed_at = min(self._surveyed_at, near)
        elif moment is not self._shown.get(run_id):
            self._shown[run_id] = moment
            yield self._seen(moment)

    def _seen(self, moment: Moment) -> Change:
        summary = Summary.of(moment.run)
        if self._known is not None:
            self._known[summary.id] = summary
        data = Glimpse(run=summary, curves=moment.curves, stage=moment.stage, log=moment.log)
        return Change(kind="run", id=summary.id, data=data)

    def _forget(self, run_id: str) -> None:
        self._followed.pop(run_id, None)
        self._shown.pop(run_id, None)


class Deployments:
    """Deployments: put up, other than before, taken down.

    Args:
        config: The project's settings.
    """

    interval_s = 1.0

    def __init__(self, config: Config) -> None:
        self._config = config
        self._folder = config.state_folder / records.FOLDER
        self._known: dict[str, Deployment] | None = None
        self._stamps: dict[str, tuple[int, ...]] | None = None
        self._looked_at = 0.0

    def look(self) -> Iterator[Change]:
        """Yield the deployments that are other than at the last look."""
        stamps = records.stamps(self._folder)
        waits = _SURVEY_S if self._config.deploy_target in targets.HERE else _CLUSTER_S
        if stamps == self._stamps and time.monotonic() - self._looked_at < waits:
            return
        self._stamps, self._looked_at = stamps, time.monotonic()
        now = {d.name: d for d in rollout.deployments(self._config)}
        before, self._known = self._known, now
        if before is not None:
            yield from _differences("deployment", before, now)


class Schedules:
    """Schedules: made, fired, changed, forgotten.

    Args:
        config: The project's settings.
    """

    interval_s = 1.0

    def __init__(self, config: Config) -> None:
        self._config, self._store = config, Store(config)
        self._known: dict[str, Schedule] | None = None
        self._stamp: tuple[int, ...] | None = None
        self._looked_at = 0.0

    def look(self) -> Iterator[Change]:
        """Yield the schedules that are other than at the last look."""
        if time.monotonic() - self._looked_at > _SURVEY_S:
            self._looked_at = time.monotonic()
            desk.look(self._config, at_most_every_s=_SURVEY_S / 2)
        stamp = self._store.stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        now = {schedule.name: schedule for schedule in self._schedules()}
        before, self._known = self._known, now
        if before is not None:
            yield from _differences("schedule", before, now)

    def _schedules(self) -> tuple[Schedule, ...]:
        if not self._store.exists:
            return ()
        now = datetime.now(timezone.utc)
        return desk.timetable(self._config, None, now, looks=False).schedules


def _differences(
    kind: str, before: Mapping[str, Record], now: Mapping[str, Record]
) -> Iterator[Change]:
    for name in dict.fromkeys((*before, *now)):
        if before.get(name) != now.get(name):
            yield Change(kind=kind, id=name, data=now.get(name))


# A kind of its own for whatever else is to be shown as it changes.
SOURCES: dict[str, Callable[[Config], Source]] = {
    "run": Runs,
    "deployment": Deployments,
    "schedule": Schedules,
}


def _modified(path: os.PathLike[str]) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116  (several times a second)
    except OSError:
        return 0
