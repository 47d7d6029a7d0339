"""A run: what was asked for, and what has happened since."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from mlops_nb.types.base import Record
from mlops_nb.types.evaluations import Evaluation, Report
from mlops_nb.types.monitoring import Monitoring, MonitoringReport
from mlops_nb.types.pins import Finding, Snapshot
from mlops_nb.types.tuning import Study


class RunState(str, Enum):
    """Where a run is. LOST: its process is gone and left no end of its own."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    LOST = "LOST"

    @property
    def terminal(self) -> bool:
        """Whether nothing more will happen by itself."""
        return self not in (RunState.PENDING, RunState.RUNNING)


class StageState(str, Enum):
    """Where a stage is. SKIPPED: there was nothing for it to do, and `note` says why."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    SKIPPED = "SKIPPED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"
    LOST = "LOST"


class Failure(Record, frozen=True, kw_only=True):
    """Why a run or a stage ended badly.

    Attributes:
        type: Name of the exception's class.
        message: What happened.
        hint: What to do.
        stage: The stage that failed, when one did.
        cell: The notebook's cell, counted from 1 over all cells of the user's file.
        log: Path of the stage's log.
    """

    type: str
    message: str
    hint: str
    stage: str | None = None
    cell: int | None = None
    log: str | None = None


class Stage(Record, frozen=True, kw_only=True):
    """One stage of a run.

    Attributes:
        name: Its name in the pipeline.
        state: Where it is.
        seconds: Wall time by a monotonic clock, None until it has ended.
        note: Why there was nothing for it to do.
        started_at: Seconds since the epoch, None until it has started.
        peak_memory_bytes: Most memory that one of its processes held at once, None where that is
            not known.
    """

    name: str
    state: StageState = StageState.PENDING
    seconds: float | None = None
    note: str | None = None
    started_at: float | None = None
    peak_memory_bytes: int | None = None


class Stop(Record, frozen=True, kw_only=True):
    """A request to stop a notebook.

    Attributes:
        type: That of the failure it becomes.
        message: That of the failure it becomes.
    """

    type: str
    message: str


class Progress(Record, frozen=True, kw_only=True):
    """Cells of the notebook done so far.

    Attributes:
        done: How many.
        total: Of how many.
        source: First line of the one that runs.
    """

    done: int
    total: int
    source: str = ""


class Point(Record, array_like=True, frozen=True, gc=False):
    """One value of a metric as the notebook logged it.

    Attributes:
        name: The metric.
        step: Its step.
        at: When, in seconds since the epoch.
        value: The value, which may be NaN or infinite.
    """

    name: str
    step: int
    at: float
    value: float


class Curve(Record, frozen=True, kw_only=True):
    """The values of a metric in the course of a run, thinned out for drawing.

    Attributes:
        name: The metric.
        axis: What x is: "step", "order" (1, 2, ...) where the steps do not grow, or "second".
        count: How many values were logged; `points` has the extremes of neighbouring ones.
        points: x and value; a value of NaN is a gap, where one was logged that is not finite.
    """

    name: str
    axis: str
    count: int
    points: tuple[tuple[float, float], ...]


class Model(Record, frozen=True, kw_only=True):
    """The model of a run.

    Attributes:
        uri: Where MLflow has it.
        digest: The same for the same model trained again; `tracking/digest.py` says of what.
        name: Its registered name, None until it is registered; so are version and alias.
        version: Its version under that name.
        alias: The alias that this version got.
    """

    uri: str
    digest: str | None = None
    name: str | None = None
    version: str | None = None
    alias: str | None = None


class Lineage(Record, frozen=True, kw_only=True):
    """Where a model comes from that an update has made of another one.

    Attributes:
        parent: The model that it went out from.
        run_id: The run that made that, None where it is another project's.
        since: DVC's hash of the training data that the parent has seen.
        until: DVC's hash of those of this run.
        files: How many of them are new, None where it is about rows.
        rows: How many rows are new, None where it is about files.
        replay: Share of the old data that is learnt again.
        retrained: Why all was learnt anew, None where the parent learnt on.
        chain: The runs that led here, oldest first; the parent's is the last one.
    """

    parent: Model
    since: str
    until: str
    run_id: str | None = None
    files: int | None = None
    rows: int | None = None
    replay: float = 0.0
    retrained: str | None = None
    chain: tuple[str, ...] = ()


class RunRequest(Record, frozen=True, kw_only=True):
    """What a runner needs to start a run, and to start it again.

    Attributes:
        id: Sorts by time of submission.
        pipeline: Name of the generic pipeline.
        pipeline_digest: SHA-256 of the compiled pipeline, the same for every project.
        stages: Its stages, in order.
        backend: Name of the runner.
        snapshot: What was pinned.
        arguments: The pipeline's parameters, flat and scalar.
        created_at: ISO 8601, UTC.
        findings: What the preflight warned of.
        reproduces: The run that this one repeats, when it does.
        rebuild: Whether the run works in an environment built from the snapshot's lock.
        cache: Whether stages that an earlier run has done with the same inputs are skipped.
        timeout_s: Seconds that the run may take once it has a place, 0 for no limit.
        stage_timeout_s: Seconds that each stage may take, 0 for no limit.
        lineage: What the run goes out from, where it is an update.
    """

    id: str
    pipeline: str
    stages: tuple[str, ...]
    backend: str
    snapshot: Snapshot
    arguments: dict[str, str]
    created_at: str
    findings: tuple[Finding, ...] = ()
    pipeline_digest: str = ""
    reproduces: str | None = None
    rebuild: bool = False
    cache: bool = False
    timeout_s: int = 0
    stage_timeout_s: int = 0
    lineage: Lineage | None = None


class Run(Record, frozen=True, kw_only=True):
    """A run as any session sees it: the request, and what has happened since.

    Attributes:
        id: Sorts by time of submission; that of a trial is its tuning's, a slash and its number.
        pipeline: Name of the generic pipeline.
        state: Where it is.
        backend: Name of the runner, such as "local".
        snapshot: What was pinned.
        stages: Its stages, in order.
        created_at: When it was submitted, in ISO 8601, UTC.
        seconds: Wall time of its attempts, None until one has ended.
        ahead: How many runs are before this one in the queue, None where it is in none.
        progress: Cells done, None before the notebook starts.
        provided: Hashes of the datasets as the run got them, by path.
        metrics: The latest value of each metric.
        model: The model, None where it has none.
        mlflow_run_id: Its run in MLflow, None until there is one.
        kfp_run_id: Its run on the server of Kubeflow Pipelines, None on this machine.
        kfp_url: Where that server shows it.
        tracking_uri: Where MLflow is, as the run has it.
        notebook: Path of the executed notebook, None where it is not on this machine.
        pipeline_digest: SHA-256 of the compiled pipeline, the same for every project.
        reproduces: The run that this one repeats, when it does.
        findings: What the preflight warned of.
        error: Why it ended badly.
        trouble: Since when a cluster gives no answer, None where it does.
        deployment: The service that it has put up.
        revision: The revision of it.
        url: Where that answers.
        study: What a tuning has tried.
        evaluation: What an evaluation of its model came to, with the gates that it passed or not.
        monitoring: What a window of requests came to, and whether that is an alarm.
        lineage: What an update went out from.
    """

    id: str
    pipeline: str
    state: RunState
    backend: str
    snapshot: Snapshot
    stages: tuple[Stage, ...]
    created_at: str
    seconds: float | None = None
    ahead: int | None = None
    progress: Progress | None = None
    provided: dict[str, str] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    model: Model | None = None
    mlflow_run_id: str | None = None
    kfp_run_id: str | None = None
    kfp_url: str | None = None
    tracking_uri: str | None = None
    notebook: str | None = None
    pipeline_digest: str = ""
    reproduces: str | None = None
    findings: tuple[Finding, ...] = ()
    error: Failure | None = None
    trouble: str | None = None
    deployment: str | None = None
    revision: int | None = None
    url: str | None = None
    study: Study | None = None
    evaluation: Evaluation | None = None
    monitoring: Monitoring | None = None
    lineage: Lineage | None = None

    def stage(self, name: str) -> Stage:
        """Return the stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


class Summary(Record, frozen=True, kw_only=True):
    """A run without what is long: what a list of runs shows, and filters and sorts by.

    Fields are those of `Run`, but `notebook` is the path of the user's notebook in the repository,
    and `parameters` has the value of each hyperparameter.
    """

    id: str
    pipeline: str
    state: RunState
    backend: str
    created_at: str
    notebook: str
    stages: tuple[Stage, ...]
    dirty: bool = False
    seconds: float | None = None
    ahead: int | None = None
    progress: Progress | None = None
    parameters: dict[str, Any] = msgspec.field(default_factory=dict)
    metrics: dict[str, float] = msgspec.field(default_factory=dict)
    model: Model | None = None
    mlflow_run_id: str | None = None
    kfp_url: str | None = None
    reproduces: str | None = None
    error: Failure | None = None
    trouble: str | None = None
    deployment: str | None = None
    revision: int | None = None
    url: str | None = None

    @classmethod
    def of(cls, run: Run) -> Summary:
        """Return what a list shows of a run."""
        own = {name: getattr(run, name) for name in _SHARED}
        pins = run.snapshot
        return cls(**own, notebook=pins.notebook, dirty=pins.code.dirty, parameters=pins.parameters)


_SHARED = set(Summary.__struct_fields__).intersection(Run.__struct_fields__) - {"notebook"}


class Listing(Record, frozen=True, kw_only=True):
    """Some runs of all that were asked for.

    Attributes:
        runs: They.
        total: How many were asked for.
    """

    runs: tuple[Summary, ...]
    total: int


class Glimpse(Record, frozen=True, kw_only=True):
    """What is told of a run whenever it has changed: a moment without what never changes.

    Attributes:
        run: The run, without what is long.
        curves: A curve for every metric that was logged.
        stage: The stage at work, or the last one that was.
        log: The end of that stage's log.
    """

    run: Summary
    curves: tuple[Curve, ...] = ()
    stage: str | None = None
    log: str = ""


class Change(Record, frozen=True, kw_only=True):
    """Something that is other than before.

    Attributes:
        kind: "run", "deployment" or "schedule".
        id: Which: the run's id, the deployment's or the schedule's name.
        data: As it is now, a `Glimpse`, a `Deployment` or a `Schedule`; None where it is gone.
    """

    kind: str
    id: str
    data: Any


class Moment(Record, frozen=True, kw_only=True):
    """A run as it is at one moment, with what it has logged so far.

    Attributes:
        run: The run.
        curves: A curve for every metric that was logged.
        stage: The stage at work, or the last one that was.
        log: The end of that stage's log.
        report: What its evaluation has found, once it is there.
        window: What was found of a window of requests, likewise.
    """

    run: Run
    curves: tuple[Curve, ...] = ()
    stage: str | None = None
    log: str = ""
    report: Report | None = None
    window: MonitoringReport | None = None
