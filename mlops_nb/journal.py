"""A run's folder and its journal: what happened, as JSON lines that are only ever appended to.

The run's own processes write events; any session folds them into a `Run`. An event is one `write`
on a descriptor in append mode, so lines of several processes never mix, and a line that a crash
tore off is not read.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import msgspec

from mlops_nb import encoding
from mlops_nb.exceptions import RunError
from mlops_nb.points_file import PointsFile
from mlops_nb.types import (
    Evaluation,
    Failure,
    Finding,
    Model,
    Monitoring,
    MonitoringReport,
    Plan,
    Point,
    Progress,
    Record,
    Report,
    Run,
    RunRequest,
    RunState,
    Stage,
    StageState,
    Study,
    Trial,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

RUN_ID = "MLOPS_RUN_ID"
RUNS = "runs"
TRIALS = "trials"
RUN_FOLDER = "MLOPS_RUN_FOLDER"
CRASH_AT = "MLOPS_CRASH_AT"
_RESERVE_BYTES = 64 * 1024
_IN_LOG = b"mlops_nb event: "


class Event(Record, tag_field="event", frozen=True, kw_only=True):
    """Base of all events; `at` is seconds since the epoch."""

    at: float = msgspec.field(default_factory=time.time)


class RunQueued(Event, tag="run_queued", frozen=True, kw_only=True):
    """A process waits to drive the run; once for the submission, and once for each resume."""

    pid: int


class RunSubmitted(Event, tag="run_submitted", frozen=True, kw_only=True):
    """A cluster has the run, under an id of its own, and shows it at a page."""

    kfp_run_id: str
    kfp_url: str | None = None


class RunStarted(Event, tag="run_started", frozen=True, kw_only=True):
    """The run has a place, and its driver began."""

    pid: int


class Preparing(Event, tag="preparing", frozen=True, kw_only=True):
    """The driver does something before the first stage; `what` for the user."""

    what: str


class StageStarted(Event, tag="stage_started", frozen=True, kw_only=True):
    """A stage began to work."""

    stage: str


class DataProvided(Event, tag="data_provided", frozen=True, kw_only=True):
    """The datasets are there, each file checked against its hash."""

    hashes: dict[str, str]


class CellStarted(Event, tag="cell_started", frozen=True, kw_only=True):
    """A code cell of the notebook began; `done` of `total` are behind it."""

    done: int
    total: int
    source: str


class CellsDone(Event, tag="cells_done", frozen=True, kw_only=True):
    """The notebook came to its end."""

    total: int


class RunTracked(Event, tag="run_tracked", frozen=True, kw_only=True):
    """The run got its MLflow run."""

    mlflow_run_id: str
    tracking_uri: str


class RunRecalled(Event, tag="run_recalled", frozen=True, kw_only=True):
    """A later stage says what was tracked, where the stage that did it was skipped by a cluster."""

    mlflow_run_id: str
    tracking_uri: str
    metrics: dict[str, float]


class RevisionRouted(Event, tag="revision_routed", frozen=True, kw_only=True):
    """A service has a new revision, which was verified and has its traffic."""

    deployment: str
    revision: int
    url: str | None


class MetricsLogged(Event, tag="metrics_logged", frozen=True, kw_only=True):
    """Metrics that are new or have a new value."""

    metrics: dict[str, float]


class PointsLogged(Event, tag="points_logged", frozen=True, kw_only=True):
    """Lines of the points file of a pod; who follows it appends them to the run's own."""

    lines: str


class ModelLogged(Event, tag="model_logged", frozen=True, kw_only=True):
    """The run has a model, or its model has a version now."""

    model: Model


class StudyBegun(Event, tag="study_begun", frozen=True, kw_only=True):
    """A tuning begins, or goes on after a resume; what was tried before follows."""

    plan: Plan


class TrialChanged(Event, tag="trial_changed", frozen=True, kw_only=True):
    """A trial has begun or ended."""

    trial: Trial


class TrialSaid(Event, tag="trial_said", frozen=True, kw_only=True):
    """What is new of a trial in a pod; who follows it appends it to the trial's own record.

    `events`, `points` and `log` are lines of those files.
    """

    number: int
    events: str = ""
    points: str = ""
    log: str = ""


class ImportanceFound(Event, tag="importance_found", frozen=True, kw_only=True):
    """How much each hyperparameter matters, by the trials so far."""

    importance: dict[str, float]


class ModelEvaluated(Event, tag="model_evaluated", frozen=True, kw_only=True):
    """The run's model was evaluated, and has passed its gates or not."""

    evaluation: Evaluation


class EvaluationReported(Event, tag="evaluation_reported", frozen=True, kw_only=True):
    """The report of a pod's evaluation; who follows it keeps it in the run's folder."""

    report: Report


class WindowReported(Event, tag="window_reported", frozen=True, kw_only=True):
    """The report of a window that a pod has looked at; who follows it keeps it likewise."""

    report: MonitoringReport


class WindowJudged(Event, tag="window_judged", frozen=True, kw_only=True):
    """A window of a deployment's requests was compared with the training; what is to be said."""

    monitoring: Monitoring
    findings: tuple[Finding, ...] = ()


class StageFinished(Event, tag="stage_finished", frozen=True, kw_only=True):
    """A stage ended; `seconds` by a monotonic clock, None where it could not say."""

    stage: str
    state: StageState
    seconds: float | None = None
    note: str | None = None
    error: Failure | None = None
    peak_memory_bytes: int | None = None


class StageKilled(Event, tag="stage_killed", frozen=True, kw_only=True):
    """The process of a stage was ended by a signal; its parent saw how."""

    stage: str
    signal: str
    peak_memory_bytes: int


class RunFinished(Event, tag="run_finished", frozen=True, kw_only=True):
    """The run ended, by its driver's word or by that of a session that found the driver gone."""

    state: RunState
    seconds: float | None = None
    error: Failure | None = None


AnyEvent = (
    RunQueued
    | RunSubmitted
    | RunStarted
    | Preparing
    | StageStarted
    | DataProvided
    | CellStarted
    | CellsDone
    | RunTracked
    | RunRecalled
    | MetricsLogged
    | PointsLogged
    | ModelLogged
    | ModelEvaluated
    | EvaluationReported
    | WindowReported
    | WindowJudged
    | RevisionRouted
    | StudyBegun
    | TrialChanged
    | TrialSaid
    | ImportanceFound
    | StageFinished
    | StageKilled
    | RunFinished
)


def _encode(event: AnyEvent) -> bytes:
    return encoding.record(event).encode() + b"\n"


def _decode(line: bytes) -> AnyEvent | None:
    """Return the event of a line, None for one of a later release that this one does not know."""
    event: AnyEvent | None
    try:
        event = _EVENTS.decode(line)
    except msgspec.DecodeError:
        # It is of a later release, or holds a NaN, for which JSON has no number.
        data = encoding.loads(line)
        known = isinstance(data, dict) and data.get("event") in _TAGS
        event = msgspec.convert(data, AnyEvent) if known else None
    return event


# A quarter of the time of reading JSON data first, and making events of it then.
_EVENTS = msgspec.json.Decoder(AnyEvent)
_REQUESTS = msgspec.json.Decoder(RunRequest)
_TAGS = tuple(kind.__struct_config__.tag for kind in get_args(AnyEvent))


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
        """Make the folder and write the request.

        Raises:
            FileExistsError: A run of this id exists.
        """
        self.path.mkdir(parents=True, mode=0o700)
        self.log("driver").parent.mkdir()
        self.events.touch(mode=0o600)
        replace_file(self.request, encoding.record(request, indent=2).encode())

    def append(self, event: AnyEvent) -> None:
        """Append an event; the end of a stage or run is on the disk when this returns.

        On a full disk the run's reserve makes room for what must be said of its end.
        """
        _crash_if_asked("before", event)
        descriptor = os.open(self.events, os.O_WRONLY | os.O_APPEND)
        data = _encode(event)
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
        _crash_if_asked("after", event)

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


def _crash_if_asked(when: str, event: AnyEvent) -> None:
    """Die here, for tests of what is left then: `MLOPS_CRASH_AT` names one event of a journal."""
    wanted = os.environ.get(CRASH_AT)
    if wanted is not None:
        parts = (when, event.__struct_config__.tag, getattr(event, "stage", None))
        if wanted == " ".join(str(part) for part in parts if part is not None):
            os.kill(os.getpid(), signal.SIGKILL)


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file as a whole or not at all: a reader sees the old content or the new."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise


def emit(event: AnyEvent) -> None:
    """Append an event to the journal of the run that this process works for.

    Without a run folder, as in a pod, the event is a line of standard output, which
    `event_of_line` reads.
    """
    folder = os.environ.get(RUN_FOLDER)
    if folder:
        RunFolder(Path(folder)).append(event)
    else:
        # Of its own, whatever the user's code has left unfinished on the line before.
        os.write(1, b"\n" + _IN_LOG + _encode(event))


def keep_report(page: str, report: Report | MonitoringReport) -> None:
    """Keep a report with the run that this process works for; a pod says it, without its page."""
    folder = os.environ.get(RUN_FOLDER)
    if folder:
        RunFolder(Path(folder)).keep_report(page, report)
    elif isinstance(report, Report):
        emit(EvaluationReported(report=report))
    else:
        emit(WindowReported(report=report))


def event_of_line(line: bytes) -> AnyEvent | None:
    """Return the event in a line of a pod's log, None where it has none."""
    if not line.startswith(_IN_LOG):
        return None
    try:
        return _decode(line.removeprefix(_IN_LOG))
    except (ValueError, msgspec.ValidationError):
        # The log's own limit cut it.
        return None


def events_of(lines: bytes) -> list[AnyEvent]:
    """Return the events of lines of a journal."""
    return [event for event in map(_decode, lines.splitlines()) if event is not None]


def new_run(request: RunRequest) -> Run:
    """Return the run that a request asks for, before anything has happened."""
    return Run(
        id=request.id,
        pipeline=request.pipeline,
        pipeline_digest=request.pipeline_digest,
        state=RunState.PENDING,
        backend=request.backend,
        snapshot=request.snapshot,
        stages=tuple(Stage(name=name) for name in request.stages),
        created_at=request.created_at,
        findings=request.findings,
        reproduces=request.reproduces,
        lineage=request.lineage,
    )


def fold(run: Run, events: Iterable[AnyEvent]) -> Run:
    """Return the run after these events."""
    for event in _merged(events):
        run = msgspec.structs.replace(run, **_changes(run, event))
    return run


def _merged(events: Iterable[AnyEvent]) -> Iterator[AnyEvent]:
    """Yield events, with metrics that come one after another as one.

    Each event with metrics makes a copy of all that are known.
    """
    metrics: dict[str, float] = {}
    for event in events:
        if isinstance(event, MetricsLogged):
            metrics.update(event.metrics)
            continue
        if metrics:
            yield MetricsLogged(metrics=metrics)
            metrics = {}
        yield event
    if metrics:
        yield MetricsLogged(metrics=metrics)


def _changes(run: Run, event: AnyEvent) -> dict[str, Any]:
    match event:
        case RunQueued():
            return {
                "state": RunState.PENDING,
                "error": None,
                "progress": None,
                "stages": _reopened(run.stages),
            }
        case RunSubmitted(kfp_run_id=kfp_run_id, kfp_url=url):
            return {"kfp_run_id": kfp_run_id, "kfp_url": url}
        case RunStarted():
            return {"state": RunState.RUNNING, "error": None, "stages": _reopened(run.stages)}
        case Preparing(what=what):
            return {"progress": Progress(done=0, total=0, source=what)}
        case StageStarted(stage=name, at=at):
            stage = Stage(name=name, state=StageState.RUNNING, started_at=at)
            return {"stages": _with(run.stages, stage)}
        case DataProvided(hashes=hashes):
            return {"provided": hashes}
        case CellStarted(done=done, total=total, source=source):
            return {"progress": Progress(done=done, total=total, source=source)}
        case CellsDone(total=total):
            return {"progress": Progress(done=total, total=total)}
        case RunTracked(mlflow_run_id=run_id, tracking_uri=uri):
            # A resume tracks a run of its own, and what is shown is that one's.
            return {"mlflow_run_id": run_id, "tracking_uri": uri, "metrics": {}}
        case RunRecalled(mlflow_run_id=run_id, tracking_uri=uri, metrics=metrics):
            recalled = {"mlflow_run_id": run_id, "tracking_uri": uri, "metrics": metrics}
            return recalled if run.mlflow_run_id is None else {}
        case MetricsLogged(metrics=metrics):
            return {"metrics": {**run.metrics, **metrics}}
        case ModelLogged(model=model):
            known = run.model.digest if run.model and run.model.uri == model.uri else None
            return {"model": msgspec.structs.replace(model, digest=model.digest or known)}
        case ModelEvaluated(evaluation=evaluation):
            return {"evaluation": evaluation}
        case WindowJudged(monitoring=monitoring, findings=findings):
            return {"monitoring": monitoring, "findings": (*run.findings, *findings)}
        case RevisionRouted(deployment=name, revision=revision, url=url):
            return {"deployment": name, "revision": revision, "url": url}
        case StudyBegun(plan=plan):
            return {"study": Study(plan=plan)}
        case TrialChanged(trial=trial):
            return {"study": run.study.having(trial) if run.study else None}
        case ImportanceFound(importance=importance):
            rated = {"importance": importance}
            return {"study": msgspec.structs.replace(run.study, **rated) if run.study else None}
        case StageFinished(stage=name, error=error):
            began = next((s.started_at for s in run.stages if s.name == name), None)
            stage = Stage(
                name=name,
                state=event.state,
                seconds=event.seconds,
                note=event.note,
                started_at=began,
                peak_memory_bytes=event.peak_memory_bytes,
            )
            return {"stages": _with(run.stages, stage), "error": error or run.error}
        case StageKilled():
            # What the driver makes of it is in the stage's end.
            return {}
        case PointsLogged() | TrialSaid() | EvaluationReported() | WindowReported():
            # They are of pods, and have files here.
            return {}
        case RunFinished(state=state, seconds=seconds, error=error):
            return {
                "state": state,
                "seconds": (run.seconds or 0) + seconds if seconds is not None else run.seconds,
                "error": error or run.error,
                "stages": _closed(run.stages, state),
            }


def _with(stages: tuple[Stage, ...], changed: Stage) -> tuple[Stage, ...]:
    return tuple(changed if stage.name == changed.name else stage for stage in stages)


def _reopened(stages: tuple[Stage, ...]) -> tuple[Stage, ...]:
    done = (StageState.SUCCEEDED, StageState.SKIPPED)
    return tuple(s if s.state in done else Stage(name=s.name) for s in stages)


def _closed(stages: tuple[Stage, ...], state: RunState) -> tuple[Stage, ...]:
    """Give the stage that was running when the run ended the run's own end."""
    end = StageState.LOST if state is RunState.LOST else StageState(state.value)
    return tuple(
        msgspec.structs.replace(s, state=end) if s.state is StageState.RUNNING else s
        for s in stages
    )
