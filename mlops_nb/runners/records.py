"""The runs of a project as they are on this machine's disk, whichever back-end runs them."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import msgspec

from mlops_nb.exceptions import AbsentRunError, RunError, UsageError
from mlops_nb.journal import RunFolder
from mlops_nb.types import Record, RunState

if TYPE_CHECKING:
    import builtins
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_nb.types import Point, Run, RunRequest


class _Backend(Record, frozen=True):
    """The one field that says where a run is; the rest of a request is long."""

    backend: str


_BACKEND = msgspec.json.Decoder(_Backend)


class Records:
    """The folders of runs.

    Args:
        folder: Where they are, one a run, named by the run's id.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, newest first."""
        try:
            names = [entry.name for entry in os.scandir(self.path) if entry.name[0] != "."]
        except FileNotFoundError:
            return ()
        # Text, and not paths: there may be thousands, and most verbs ask for this.
        within = f"{self.path}{os.sep}{{}}{os.sep}{RunFolder(self.path).request.name}"
        return tuple(n for n in sorted(names, reverse=True) if os.path.isfile(within.format(n)))  # noqa: PTH113

    def newest(self) -> str | None:
        """Return the id of the newest run, None where there is none; few folders are looked at."""
        try:
            names = [entry.name for entry in os.scandir(self.path) if entry.name[0] != "."]
        except FileNotFoundError:
            return None
        return next((name for name in sorted(names, reverse=True) if self.has(name)), None)

    def of(self, backend: str) -> tuple[str, ...]:
        """Return the ids of a back-end's runs, newest first."""
        return tuple(run_id for run_id in self.ids() if self.backend(run_id) == backend)

    def backend(self, run_id: str) -> str:
        """Return the name of the back-end that a run was submitted to."""
        folder = self.folder(run_id)
        try:
            return _BACKEND.decode(folder.request.read_bytes()).backend
        except msgspec.DecodeError:
            # It holds a NaN, for which JSON has no number.
            return folder.load_request().backend

    def has(self, run_id: str) -> bool:
        """Whether there is such a run; there is none of a name that no file can have."""
        folder = self._place(run_id)
        named = folder.run_id == run_id and run_id[0] != "."
        return named and os.path.isfile(folder.request)  # noqa: PTH113  (it never raises)

    def folder(self, run_id: str) -> RunFolder:
        """Return the folder of a run.

        Raises:
            RunError: There is no such run.
        """
        if not self.has(run_id):
            raise no_such_run(run_id)
        return self._place(run_id)

    def _place(self, run_id: str) -> RunFolder:
        """Return where a run would be; that of a trial is in its tuning's."""
        tuning, slash, number = run_id.partition("/")
        folder = RunFolder(self.path / tuning)
        if folder.path.parent != self.path or not slash:
            return folder
        return folder.trial(int(number)) if number.isdecimal() else folder

    def new(self, request: RunRequest) -> RunFolder:
        """Make the folder of a run.

        Raises:
            RunError: There is a run of this id.
            UsageError: The engine would read a placeholder into something that it names.
        """
        must_be_plain(request)
        folder = RunFolder(self.path / request.id)
        try:
            folder.create(request)
        except FileExistsError:
            raise there_already(request.id) from None
        return folder

    def discard(self, run_id: str) -> None:
        """Remove the folder of a run that was never started."""
        shutil.rmtree(self.path / run_id, ignore_errors=True)

    def points(self, run_id: str, offset: int = 0) -> tuple[builtins.list[Point], int]:
        """Return the metric points after a byte offset, and the offset to go on from."""
        return self.folder(run_id).read_points(offset)

    def logs(self, run_id: str, stage: str | None = None, *, last_bytes: int | None = None) -> str:
        """Return the log of a stage, or of all stages and then the driver's.

        Raises:
            RunError: The pipeline has no such stage.
        """
        folder = self.folder(run_id)
        stages = (*folder.load_request().stages, "driver")
        if stage is None:
            return headed({name: _read(folder.log(name), last_bytes) for name in stages})
        must_have_stage(run_id, stage, stages)
        return _read(folder.log(stage), last_bytes)

    def delete(self, run: Run) -> None:
        """Delete an ended run's folder, and mark its MLflow run as deleted.

        Raises:
            RunError: The run goes on.
        """
        must_be_whole(run.id)
        must_have_ended(run)
        folder = self.folder(run.id)
        if run.mlflow_run_id is not None and run.tracking_uri is not None:
            from mlops_nb.tracking.close import DELETED, close

            close(run.tracking_uri, run.mlflow_run_id, DELETED, folder.points)
        # Under another name it is no run any more, however far the removal comes.
        gone = self.path / f".deleted-{run.id}"
        folder.path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)


def no_such_run(run_id: str) -> AbsentRunError:
    """Say that there is no run of an id."""
    return AbsentRunError(f"there is no run {run_id!r}", hint="list them: jupyter mlops runs")


def there_already(run_id: str) -> RunError:
    """Say that there is a run of an id that a new one asks for."""
    return RunError(
        f"there is a run {run_id!r} already", hint=f"see it: jupyter mlops show {run_id}"
    )


def must_have_stage(run_id: str, stage: str, stages: tuple[str, ...]) -> None:
    """Refuse a stage that a run does not have.

    Raises:
        RunError: It has none of that name.
    """
    if stage not in stages:
        raise RunError(f"run {run_id} has no stage {stage!r}", hint=f"it has: {', '.join(stages)}")


def must_be_plain(request: RunRequest) -> None:
    """Refuse names in which an engine, here or on a cluster, would look for a placeholder.

    What is JSON among the arguments is none of them: there the braces are escaped.

    Raises:
        UsageError: There is one.
    """
    for name, text in request.arguments.items():
        if "{{" in text:
            raise UsageError(
                f"{name.replace('_', ' ')} is {text!r}, and {{{{ begins a placeholder of pipelines",
                hint="give it a name without {{",
            )


def must_have_ended(run: Run) -> None:
    """Refuse to delete a run that goes on.

    Raises:
        RunError: It does.
    """
    if not run.state.terminal:
        raise RunError(
            f"run {run.id} is {run.state.value}",
            hint=f"end it first: jupyter mlops cancel {run.id}",
        )


def must_be_whole(run_id: str) -> None:
    """Refuse to do to a trial by itself what is done to the tuning that it is a part of.

    Raises:
        RunError: It is a trial.
    """
    tuning, slash, _ = run_id.partition("/")
    if slash:
        raise RunError(
            f"{run_id} is a trial of run {tuning}, and begins and ends with it",
            hint=f"name the run: {tuning}",
        )


def headed(logs: Mapping[str, str]) -> str:
    """Put the logs of stages one after another, each that is not empty under its stage's name."""
    return "\n".join(f"== {name}\n{text}" for name, text in logs.items() if text)


def must_be_resumable(run: Run) -> None:
    """Refuse to resume a run that goes on or has succeeded.

    Raises:
        RunError: There is nothing to resume.
    """
    if not run.state.terminal:
        raise RunError(
            f"run {run.id} is {run.state.value}: there is nothing to resume",
            hint=f"follow it: jupyter mlops watch {run.id}",
        )
    if run.state is RunState.SUCCEEDED:
        raise RunError(
            f"run {run.id} has succeeded: there is nothing to resume",
            hint=f"see it: jupyter mlops show {run.id}",
        )


def _read(path: Path, last_bytes: int | None = None) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        if last_bytes is not None:
            file.seek(max(0, path.stat().st_size - last_bytes))
        return file.read().decode("utf-8", errors="replace")
