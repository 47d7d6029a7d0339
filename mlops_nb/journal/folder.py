"""The folder of a run: its request, its journal, and what its stages leave."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import crash, encoding
from mlops_nb.exceptions import RunError
from mlops_nb.files import replace_file
from mlops_nb.journal.events import (
    AnyEvent,
    RunFinished,
    RunQueued,
    StageFinished,
    encode,
    events_of,
)
from mlops_nb.journal.folding import fold, new_run
from mlops_nb.journal.points_file import PointsFile
from mlops_nb.types import MonitoringReport, Point, Report, Run, RunRequest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RUNS = "runs"
TRIALS = "trials"
_REQUESTS = msgspec.json.Decoder(RunRequest)
_RESERVE_BYTES = 64 * 1024


@dataclass(frozen=True)
class RunFolder:
    """The files of one run under `.mlops/runs/<id>/`."""

    path: Path

    @property
    def run_id(self) -> str:
        """The id of the run; that of a trial is its tuning's, a slash and its number."""
        if self.path.parent.name == TRIALS:
            return f"{self.path.parent.parent.name}/{self.path.name}"
        return self.path.name

    @property
    def request(self) -> Path:
        """The request, written before the run starts and never changed."""
        return self.path / "request.json"

    @property
    def events(self) -> Path:
        """The journal."""
        return self.path / "events.jsonl"

    @property
    def points(self) -> Path:
        """The metric points, a JSON array a line, in the order in which they were logged."""
        return self.path / "points.jsonl"

    @property
    def notebook(self) -> Path:
        """The executed notebook, up to the last cell that began."""
        return self.path / "notebook.ipynb"

    @property
    def report(self) -> Path:
        """The report of an evaluation or a window, as a page; beside it, as JSON, what it shows."""
        return self.path / "report.html"

    @property
    def lock(self) -> Path:
        """Held by the driver for as long as it lives."""
        return self.path / "driver.lock"

    @property
    def stop(self) -> Path:
        """A `Stop`, which ends the notebook; absent where nobody asks for that."""
        return self.path / "stop"

    @property
    def study(self) -> Path:
        """What a tuning has tried, as Optuna keeps it."""
        return self.path / "study.jsonl"

    def trial(self, number: int) -> RunFolder:
        """Return the folder of a trial, which is a run of its own."""
        return RunFolder(self.path / TRIALS / str(number))

    @property
    def whole(self) -> RunFolder:
        """The folder of the tuning that a trial is a part of; of any other run, its own."""
        part = self.path.parent.name == TRIALS
        return RunFolder(self.path.parent.parent) if part else self

    def trials(self) -> list[int]:
        """Return the numbers of the trials that have a folder."""
        return sorted(int(path.parent.name) for path in self.path.glob(f"{TRIALS}/*/request.json"))

    @property
    def work(self) -> Path:
        """Checkouts and intermediate artifacts, removed when the run has succeeded."""
        return self.path / "work"

    def log(self, stage: str) -> Path:
        """Return the path of a stage's log, or of the driver's."""
        return self.path / "logs" / f"{stage}.log"

    def load_request(self) -> RunRequest:
        """Read the request.

        Raises:
            RunError: The record is damaged.
        """
        data = self.request.read_bytes()
        with contextlib.suppress(msgspec.DecodeError):
            return _REQUESTS.decode(data)
        try:
            return msgspec.convert(encoding.loads(data), RunRequest)
        except (ValueError, msgspec.ValidationError) as error:
            raise RunError(
                f"the record of run {self.path.name} cannot be read: {error}",
                hint=f"move it out of the way: mv {self.path} {self.path.parent.parent}",
            ) from error

    def create(self, request: RunRequest) -> None:
        """Make the folder and write the request; both are on the disk when this returns.

        The run is there when its request is. A folder without one was left by a process that was
        killed over it, and is taken.

        Raises:
            FileExistsError: A run of this id exists.
        """
        self.path.mkdir(parents=True, mode=0o700, exist_ok=True)
        with _alone_in(self.path.parent), _alone_in(self.path):
            crash.point("run folder made")
            if self.request.exists():
                raise FileExistsError(self.request)
            self.log("driver").parent.mkdir(exist_ok=True)
            self.events.touch(mode=0o600)
            replace_file(self.request, encoding.record(request, indent=2).encode())
            crash.point("run recorded")

    def append(self, event: AnyEvent) -> None:
        """Append an event; the end of a stage or run is on the disk when this returns.

        On a full disk the run's reserve makes room for what must be said of its end.
        """
        _crash_point("before", event)
        descriptor = os.open(self.events, os.O_WRONLY | os.O_APPEND)
        data = encode(event)
        try:
            while data:
                data = data[self._write(descriptor, data) :]
            if isinstance(event, (StageFinished, RunFinished)):
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if isinstance(event, RunFinished):
            self._reserve.unlink(missing_ok=True)
        if isinstance(event, RunQueued):
            # Who looks for runs that have begun looks at the one folder, and not into thousands.
            os.utime(self.path.parent)
        _crash_point("after", event)

    def _write(self, descriptor: int, data: bytes) -> int:
        try:
            return os.write(descriptor, data)
        except OSError as error:
            if error.errno != errno.ENOSPC or not self._reserve.exists():
                raise
            self._reserve.unlink(missing_ok=True)
            return os.write(descriptor, data)

    def reserve(self) -> None:
        """Set the space aside that the end of the run will need."""
        self._reserve.write_bytes(bytes(_RESERVE_BYTES))

    @property
    def _reserve(self) -> Path:
        return self.path / "reserve"

    def read(self, offset: int = 0) -> tuple[list[AnyEvent], int]:
        """Return the events after a byte offset, and the offset to go on from."""
        with self.events.open("rb") as file:
            file.seek(offset)
            data = file.read()
        end = data.rfind(b"\n") + 1
        return events_of(data[:end]), offset + end

    def read_points(self, offset: int = 0) -> tuple[list[Point], int]:
        """Return the metric points after a byte offset, and the offset to go on from.

        The points are those of the run's current MLflow run. When a resume has started another, an
        offset of before is behind the end, or the new `mlflow_run_id` says it: begin at 0.
        """
        return PointsFile(self.points).read(offset)

    def load(self) -> Run:
        """Fold the journal into the run as it is now."""
        return self.with_files(fold(new_run(self.load_request()), self.read()[0]))

    def with_files(self, run: Run) -> Run:
        """Return the run with the paths of what the folder holds by now."""
        notebook = str(self.notebook) if self.notebook.is_file() else None
        run = msgspec.structs.replace(run, notebook=notebook)
        if not self.report.is_file():
            return run
        if run.monitoring is not None:
            monitoring = msgspec.structs.replace(run.monitoring, report=str(self.report))
            return msgspec.structs.replace(run, monitoring=monitoring)
        if run.evaluation is None:
            return run
        evaluation = msgspec.structs.replace(run.evaluation, report=str(self.report))
        return msgspec.structs.replace(run, evaluation=evaluation)

    def keep_report(self, page: str, report: Report | MonitoringReport) -> None:
        """Keep the report of an evaluation, or of a window."""
        replace_file(self.report.with_suffix(".json"), encoding.record(report, indent=2).encode())
        replace_file(self.report, page.encode())


def read_report(page: Path) -> Report | None:
    """Return what the report of an evaluation shows, None where it is not there."""
    path = page.with_suffix(".json")
    if not path.is_file():
        return None
    return msgspec.convert(encoding.loads(path.read_bytes()), Report)


def read_window(page: Path) -> MonitoringReport | None:
    """Return what the report of a window shows, None where it is not there."""
    path = page.with_suffix(".json")
    if not path.is_file():
        return None
    return msgspec.convert(encoding.loads(path.read_bytes()), MonitoringReport)


def _crash_point(when: str, event: AnyEvent) -> None:
    """Be a point before or after an event, such as `before stage_finished train`."""
    if crash.CRASH_AT in os.environ:
        parts = (when, event.__struct_config__.tag, getattr(event, "stage", None))
        crash.point(" ".join(str(part) for part in parts if part is not None))


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Hold a lock on a folder, which ends at any death; its entries are on the disk afterwards."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
