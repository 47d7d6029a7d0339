"""Runs in the memory of this process, which do what a script says: for tests of programs.

Nothing is executed, and no file is written. Time passes when somebody looks: each `get`, and each
step of a `watch`, lets one thing happen. So a test sees every state of a run, in the same order
each time.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from typing import TYPE_CHECKING

from mlops_nb.journal import RunFinished, RunQueued, RunTracked, fold, new_run
from mlops_nb.runners.records import (
    headed,
    must_be_plain,
    must_be_resumable,
    must_have_ended,
    must_have_stage,
    no_such_run,
    there_already,
)
from mlops_nb.settings import Config
from mlops_nb.testing.script import Measured, Printed, Script, attempt, must_fit
from mlops_nb.types import RunState

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_nb.journal import AnyEvent
    from mlops_nb.testing.script import Happening
    from mlops_nb.types import Point, Run, RunRequest


class _Played:
    """One run, and what is still to happen to it."""

    def __init__(self, request: RunRequest) -> None:
        self.request = request
        self.events: list[AnyEvent] = []
        self.points: list[Point] = []
        self.logs: dict[str, str] = {}
        self._attempts = 0
        self._future: Iterator[tuple[Happening, ...]] = iter(())

    def now(self) -> Run:
        """Return the run as it is."""
        return fold(new_run(self.request), self.events)

    def begin(self, script: Script) -> None:
        """Begin an attempt."""
        must_fit(script, self.request.stages)
        self.events.append(RunQueued(pid=0))
        self._attempts += 1
        self._future = attempt(script, self.now(), self._attempts)

    def advance(self) -> None:
        """Let the next thing happen, if there is one."""
        for happening in next(self._future, ()):
            self._take(happening)

    def end(self) -> None:
        """Cancel what is still to happen."""
        self._future = iter(())
        self.events.append(RunFinished(state=RunState.CANCELED, seconds=0.0))

    def _take(self, happening: Happening) -> None:
        if isinstance(happening, Printed):
            stage, text = happening
            self.logs[stage] = self.logs.get(stage, "") + text
        elif isinstance(happening, Measured):
            self.points.extend(happening.points)
        else:
            if isinstance(happening, RunTracked):
                self.points.clear()
            self.events.append(happening)


class _Project:
    """All runs of one project, and the scripts of attempts to come."""

    def __init__(self) -> None:
        self.runs: dict[str, _Played] = {}
        self.scripts: deque[Script] = deque()
        # A live card looks from a thread of its own.
        self.lock = threading.RLock()

    def script(self) -> Script:
        """Take the script of the next attempt."""
        return self.scripts.popleft() if self.scripts else Script()


_PROJECTS: dict[Path, _Project] = {}


def play(*scripts: Script, project: Path | str | None = None) -> None:
    """Say what runs in memory do from now on.

    Args:
        scripts: One for each attempt: a submission is one, and so is a resume. Attempts after the
            last one do what `Script()` says: all succeeds.
        project: A folder of the project; the current folder if None.
    """
    _of(Config.load(project)).scripts = deque(scripts)


class MemoryRunner:
    """Runs that are scripted by `play`, and known to this process alone.

    All runners of a project share them.

    Args:
        config: The project's settings.
    """

    def __init__(self, config: Config) -> None:
        self._project = _of(config)

    def submit(self, request: RunRequest) -> Run:
        """Keep the run; its first look lets it begin.

        Raises:
            UsageError: The script names a stage that the pipeline has not, or a name of the
                request would be read as a placeholder.
        """
        must_be_plain(request)
        with self._project.lock:
            if request.id in self._project.runs:
                raise there_already(request.id)
            played = _Played(request)
            played.begin(self._project.script())
            self._project.runs[request.id] = played
            return played.now()

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, newest first."""
        return tuple(sorted(self._project.runs, reverse=True))

    def list(self) -> tuple[Run, ...]:
        """Return all runs, newest first, each after one more thing has happened to it."""
        return tuple(self.get(run_id) for run_id in self.ids())

    def get(self, run_id: str) -> Run:
        """Return a run after one more thing has happened to it."""
        with self._project.lock:
            played = self._played(run_id)
            played.advance()
            return played.now()

    def request(self, run_id: str) -> RunRequest:
        """Return what a run was asked for."""
        return self._played(run_id).request

    def watch(
        self, run_id: str, *, interval_s: float = 0.2, ticking: bool = False
    ) -> Iterator[Run]:
        """Yield the run now, and after each thing that happens to it, to its end."""
        played = self._played(run_id)
        before: Run | None = None
        while True:
            run = played.now()
            if run != before or ticking:
                yield run
            if run.state.terminal:
                return
            if run == before:
                time.sleep(interval_s)
            before = run
            with self._project.lock:
                played.advance()

    def points(self, run_id: str, offset: int = 0) -> tuple[builtins.list[Point], int]:
        """Return the metric points after the first so many, and how many there are."""
        points = self._played(run_id).points
        return points[offset if offset <= len(points) else 0 :], len(points)

    def logs(self, run_id: str, stage: str | None = None, *, last_bytes: int | None = None) -> str:
        """Return what the script has for a stage, or for all stages that have begun."""
        played = self._played(run_id)
        stages = (*played.request.stages, "driver")
        texts = {name: _end_of(played.logs.get(name, ""), last_bytes) for name in stages}
        if stage is None:
            return headed(texts)
        must_have_stage(run_id, stage, stages)
        return texts[stage]

    def cancel(self, run_id: str) -> Run:
        """End a run; one that has ended stays as it is."""
        with self._project.lock:
            played = self._played(run_id)
            if not played.now().state.terminal:
                played.end()
            return played.now()

    def delete(self, run_id: str) -> None:
        """Forget an ended run."""
        with self._project.lock:
            must_have_ended(self._played(run_id).now())
            del self._project.runs[run_id]

    def resume(self, run_id: str) -> Run:
        """Begin another attempt, which goes on from the stage that failed."""
        with self._project.lock:
            played = self._played(run_id)
            must_be_resumable(played.now())
            played.begin(self._project.script())
            return played.now()

    def _played(self, run_id: str) -> _Played:
        try:
            return self._project.runs[run_id]
        except KeyError:
            raise no_such_run(run_id) from None


def _of(config: Config) -> _Project:
    return _PROJECTS.setdefault(config.root.resolve(), _Project())


def _end_of(text: str, last_bytes: int | None) -> str:
    data = text.encode()
    start = 0 if last_bytes is None else max(0, len(data) - last_bytes)
    return data[start:].decode("utf-8", errors="replace")
