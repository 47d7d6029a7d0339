"""The process of a firing whose runs start on the disk and end at once; started by its path."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from mlops_nb import backends
from mlops_nb.journal import RUNS, RunFinished, RunQueued, RunStarted
from mlops_nb.runners.records import Records
from mlops_nb.types import RunState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.settings import Config
    from mlops_nb.types import Run, RunRequest

NAME = "disk"


class DiskRunner:
    """Starts a run by one event of its journal, as the local runner's driver does."""

    def __init__(self, config: Config) -> None:
        self.records = Records(config.state_folder / RUNS)

    def submit(self, request: RunRequest) -> Run:
        folder = self.records.new(request)
        return self._start(folder)

    def ids(self) -> tuple[str, ...]:
        return self.records.of(NAME)

    def get(self, run_id: str) -> Run:
        folder = self.records.folder(run_id)
        run = folder.load()
        if run.state is RunState.RUNNING:
            folder.append(RunFinished(state=RunState.SUCCEEDED))
        elif run.state is RunState.PENDING:
            folder.append(RunFinished(state=RunState.LOST))
        return folder.load()

    def watch(self, run_id: str, **_: object) -> Iterator[Run]:
        yield self.get(run_id)

    def resume(self, run_id: str) -> Run:
        return self._start(self.records.folder(run_id))

    def _start(self, folder) -> Run:
        folder.append(RunQueued(pid=0))
        folder.append(RunStarted(pid=0))
        return folder.load()


backends.RUNNERS[NAME] = f"{__name__}:DiskRunner"

if __name__ == "__main__":
    sys.modules["quick"] = sys.modules["__main__"]
    backends.RUNNERS[NAME] = "quick:DiskRunner"
    from mlops_nb.scheduling.firing import main

    main()
