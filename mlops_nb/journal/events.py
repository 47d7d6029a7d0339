"""What can happen to a run, and the line that says it.

An event of a pod is a line of its log, marked by `IN_LOG`; elsewhere it is a line of the journal.
"""

from __future__ import annotations

import time
from typing import get_args

import msgspec

from mlops_nb import encoding
from mlops_nb.types import (
    Evaluation,
    Failure,
    Finding,
    Model,
    Monitoring,
    MonitoringReport,
    Plan,
    Record,
    Report,
    RunState,
    StageState,
    Trial,
)

IN_LOG = b"mlops_nb event: "


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


def encode(event: AnyEvent) -> bytes:
    """Return the line of an event."""
    return encoding.record(event).encode() + b"\n"


def decode(line: bytes) -> AnyEvent | None:
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
_TAGS = tuple(kind.__struct_config__.tag for kind in get_args(AnyEvent))


def event_of_line(line: bytes) -> AnyEvent | None:
    """Return the event in a line of a pod's log, None where it has none."""
    if not line.startswith(IN_LOG):
        return None
    try:
        return decode(line.removeprefix(IN_LOG))
    except (ValueError, msgspec.ValidationError):
        # The log's own limit cut it.
        return None


def events_of(lines: bytes) -> list[AnyEvent]:
    """Return the events of lines of a journal."""
    return [event for event in map(decode, lines.splitlines()) if event is not None]
