"""Names of back-ends, and the adapters behind them, imported when they are asked for."""

from __future__ import annotations

import difflib
import sys
from importlib import import_module
from typing import TYPE_CHECKING, cast

from mlops_nb.exceptions import AbsentRunError, ConfigError
from mlops_nb.journal import RUNS
from mlops_nb.runners import index
from mlops_nb.runners.records import Records
from mlops_nb.types import Summary

if TYPE_CHECKING:
    import builtins
    from collections.abc import Iterator

    from mlops_nb.runners import Runner
    from mlops_nb.settings import Config
    from mlops_nb.types import Point, Run, RunRequest

RUNNERS = {
    "local": "mlops_nb.runners.local:LocalRunner",
    "kubeflow": "mlops_nb.runners.kubeflow:KubeflowRunner",
    "memory": "mlops_nb.testing.memory:MemoryRunner",
}
# Its runs have no folder, and are those of this process.
_FOLDERLESS = "memory"


def runner(config: Config) -> Runner:
    """Return the runner that the settings name.

    Raises:
        ConfigError: There is none of that name.
    """
    name = config.run_backend
    if name not in RUNNERS:
        near = difflib.get_close_matches(name, RUNNERS, n=1)
        raise ConfigError(
            f"there is no back-end {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(RUNNERS)}",
        )
    module, _, attribute = RUNNERS[name].partition(":")
    return cast("Runner", getattr(import_module(module), attribute)(config))


class Everywhere:
    """All runs of a project, each at the back-end that it was submitted to.

    It is a runner itself: who watches a run need not know where it goes.

    Args:
        config: The project's settings; new runs go where these say.
    """

    def __init__(self, config: Config) -> None:
        self._config = config
        self._records = Records(config.state_folder / RUNS)
        self._runners: dict[str, Runner] = {}

    def submit(self, request: RunRequest) -> Run:
        """Start a run at the back-end that it names."""
        return self._named(request.backend).submit(request)

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, newest first."""
        return tuple(sorted({*self._records.ids(), *self._folderless()}, reverse=True))

    def has(self, run_id: str) -> bool:
        """Whether there is such a run; costs the same however many there are."""
        return self._records.has(run_id) or run_id in self._folderless()

    def newest(self) -> str | None:
        """Return the id of the newest run, None where there is none."""
        known = (self._records.newest(), *self._folderless())
        return max((run_id for run_id in known if run_id is not None), default=None)

    def list(self) -> tuple[Run, ...]:
        """Return all runs, newest first."""
        return tuple(self.get(run_id) for run_id in self.ids())

    def summaries(self) -> tuple[Summary, ...]:
        """Return the summaries of all runs, newest first; those of ended ones cost no look."""
        found = index.of(self._records.path).summaries(self._get_if_there)
        found.update((run_id, Summary.of(self.get(run_id))) for run_id in self._folderless())
        return tuple(found[run_id] for run_id in sorted(found, reverse=True))

    def get(self, run_id: str) -> Run:
        """Return a run as it is now."""
        return self._of(run_id).get(run_id)

    @property
    def has_folderless(self) -> bool:
        """Whether there are runs that no folder tells of."""
        return bool(self._folderless())

    def _get_if_there(self, run_id: str) -> Run | None:
        """Return a run; None where its folder is being made, or deleted, just now."""
        try:
            return self.get(run_id) if self._records.has(run_id) else None
        except AbsentRunError:
            return None

    def request(self, run_id: str) -> RunRequest:
        """Return what a run was asked for."""
        return self._of(run_id).request(run_id)

    def watch(
        self, run_id: str, *, interval_s: float = 0.2, ticking: bool = False
    ) -> Iterator[Run]:
        """Yield a run as it is now and whenever something has happened, to its end."""
        return self._of(run_id).watch(run_id, interval_s=interval_s, ticking=ticking)

    def points(self, run_id: str, offset: int = 0) -> tuple[builtins.list[Point], int]:
        """Return the metric points after an offset, and the offset to go on from."""
        return self._of(run_id).points(run_id, offset)

    def logs(self, run_id: str, stage: str | None = None, *, last_bytes: int | None = None) -> str:
        """Return the log of a stage, or those of all stages."""
        return self._of(run_id).logs(run_id, stage, last_bytes=last_bytes)

    def cancel(self, run_id: str) -> Run:
        """End a run."""
        return self._of(run_id).cancel(run_id)

    def delete(self, run_id: str) -> None:
        """Delete the record of an ended run."""
        self._of(run_id).delete(run_id)

    def resume(self, run_id: str) -> Run:
        """Start an ended run again from the stage that failed."""
        return self._of(run_id).resume(run_id)

    def _of(self, run_id: str) -> Runner:
        if self._records.has(run_id):
            return self._named(self._records.backend(run_id))
        return self._named(
            _FOLDERLESS if run_id in self._folderless() else self._config.run_backend
        )

    def _folderless(self) -> tuple[str, ...]:
        """Return the ids of runs without a folder: none where nobody has made a runner for them."""
        if RUNNERS[_FOLDERLESS].partition(":")[0] not in sys.modules:
            return ()
        return self._named(_FOLDERLESS).ids()

    def _named(self, backend: str) -> Runner:
        if backend not in self._runners:
            self._runners[backend] = runner(self._config.override(run_backend=backend))
        return self._runners[backend]
