"""The records that travel between stages, processes and front doors.

They are `msgspec` structs: frozen, typed, and checked when they are read back from JSON, at an
import cost of a few milliseconds.
"""

from __future__ import annotations

import hashlib
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "Check",
    "Code",
    "CommandLineText",
    "Comparison",
    "Curve",
    "Dataset",
    "Deployment",
    "DeploymentState",
    "Environment",
    "Failure",
    "Finding",
    "Hyperparameter",
    "Image",
    "Model",
    "Moment",
    "Origin",
    "Point",
    "Progress",
    "Published",
    "Revision",
    "RevisionState",
    "Row",
    "Run",
    "RunRequest",
    "RunState",
    "Setting",
    "Snapshot",
    "Stage",
    "StageState",
    "Status",
    "Traffic",
    "Verdict",
]


class Record(msgspec.Struct, frozen=True):
    """Base of all records: immutable, and readable by older and newer releases.

    Unknown fields are passed over, and a field that comes later has a default.
    """


class CommandLineText(str):
    """A parameter's value as typed after `--param`, to be read by the parameter's type."""

    __slots__ = ()


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


class Code(Record, frozen=True, kw_only=True):
    """The code of a run, as a commit.

    Attributes:
        repo: Where the commit is: a folder, or a URL without credentials.
        sha: The commit, which holds the working tree as it was.
        branch: The branch that was checked out, or None when HEAD was detached.
        dirty: Whether the tree differed from the commit that HEAD named.
        ref: The private ref that keeps the commit from being collected.
        folder: The project's folder inside the repository, "" for its root.
        remote: URL of the `origin` remote without credentials, when there is one.
        python_path: Folders of the repository that the session imported from.
    """

    repo: str
    sha: str
    branch: str | None
    dirty: bool
    ref: str
    folder: str = ""
    remote: str | None = None
    python_path: tuple[str, ...] = ()


class Dataset(Record, frozen=True, kw_only=True):
    """One dataset of a run.

    Attributes:
        role: "train", "test" or "other".
        path: Path in the data repository, with forward slashes.
        hash: DVC's hash of the content (`<md5>` or `<md5>.dir`), or `git:<sha>` for a file in git.
        repo: The data repository.
        sha: The commit of that repository whose pointer file has this hash.
        size_bytes: Size of the content.
        files: Number of files.
        changed: Whether the content differed from what the user's pointer file says.
    """

    role: str
    path: str
    hash: str
    repo: str
    sha: str
    size_bytes: int
    files: int = 1
    changed: bool = False


class Hyperparameter(Record, frozen=True, kw_only=True):
    """One name of the parameters cell.

    Attributes:
        name: A Python identifier.
        type: The declared or inferred type, "any" where there is none.
        default: The value in the cell; None as well when the cell computes it.
        value: The value of the run.
        source: Who had the last word: "cell", "session", "argument" or "expression" (the cell
            computes it from `expression`, and the run leaves that to the cell).
        expression: Source text of a default that is not a literal.
    """

    name: str
    type: str
    default: Any
    value: Any
    source: str
    expression: str | None = None


class Environment(Record, frozen=True, kw_only=True):
    """The interpreter and its packages.

    Attributes:
        python: Version, such as "3.11.7".
        implementation: Such as "CPython".
        platform: Such as "Linux-x86_64".
        lock: One `name==version` per installed distribution, sorted; `name @ URL` for one that came
            from a repository, an archive or a folder instead of an index.
        hash: SHA-256 over all of the above.
        local: Names of the packages that were installed from the repository's own folders.
    """

    python: str
    implementation: str
    platform: str
    lock: tuple[str, ...]
    hash: str
    local: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        *,
        python: str,
        implementation: str,
        platform: str,
        lock: Iterable[str],
        local: tuple[str, ...] = (),
    ) -> Environment:
        """Return the environment of these, with its hash."""
        lines = tuple(sorted(lock))
        text = "\n".join((implementation, python, platform, *lines))
        return cls(
            python=python,
            implementation=implementation,
            platform=platform,
            lock=lines,
            hash=hashlib.sha256(text.encode()).hexdigest(),
            local=local,
        )

    @property
    def packages(self) -> dict[str, str]:
        """Version of each package by its name, or the URL that it came from."""
        pairs = (line.replace(" @ ", "==", 1).partition("==") for line in self.lock)
        return {name: version for name, _, version in pairs}


class Snapshot(Record, frozen=True, kw_only=True):
    """All that decides what a run computes.

    Attributes:
        code: The commit.
        notebook: Path of the notebook in the repository.
        datasets: The datasets, by role.
        hyperparameters: The names of the parameters cell, with their values.
        environment: The interpreter and its packages.
        variables: Environment variables that the run receives.
        secrets: Names of those whose values are not recorded.
    """

    code: Code
    notebook: str
    datasets: tuple[Dataset, ...]
    hyperparameters: tuple[Hyperparameter, ...]
    environment: Environment
    variables: dict[str, str] = {}
    secrets: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Hash of what was pinned: equal snapshots have equal ids, wherever they were taken."""
        pinned = {
            "code": [self.code.sha, self.code.folder],
            "notebook": self.notebook,
            "datasets": [[d.role, d.path, d.hash] for d in self.datasets],
            "parameters": self.parameters,
            "environment": self.environment.hash,
            "variables": self.variables,
        }
        text = msgspec.json.encode(pinned, order="sorted")
        return hashlib.sha256(text).hexdigest()

    @property
    def parameters(self) -> dict[str, Any]:
        """Value of each hyperparameter; the source text of those that the cell computes."""
        return {
            p.name: p.expression if p.source == "expression" else p.value
            for p in self.hyperparameters
        }

    def dataset(self, role: str) -> Dataset | None:
        """Return the dataset in this role, or None where the run has none."""
        return next((d for d in self.datasets if d.role == role), None)


class Finding(Record, frozen=True, kw_only=True):
    """Something the user should know before a run.

    Attributes:
        severity: "error" stops the run, "warning" is recorded with it, "info" is only said.
        message: What is so, and what will happen.
        hint: What to type or change.
    """

    severity: str
    message: str
    hint: str


class Status(Record, frozen=True, kw_only=True):
    """What would be pinned now, and what is to be said about it."""

    project: str
    snapshot: Snapshot | None
    findings: tuple[Finding, ...]


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


class Progress(Record, frozen=True, kw_only=True):
    """Cells of the notebook done so far; `source` is the first line of the running one."""

    done: int
    total: int
    source: str = ""


class Point(Record, array_like=True, frozen=True):
    """One value of a metric as the notebook logged it; `at` is seconds since the epoch."""

    name: str
    step: int
    at: float
    value: float


class Curve(Record, frozen=True, kw_only=True):
    """The values of a metric in the course of a run, thinned out for drawing.

    Attributes:
        name: The metric.
        axis: What x is: "step", or "order" (1, 2, ...) where the steps do not grow.
        count: How many values were logged; `points` has the extremes of neighbouring ones.
        points: x and value; a value of NaN is a gap, where one was logged that is not finite.
    """

    name: str
    axis: str
    count: int
    points: tuple[tuple[float, float], ...]


class Model(Record, frozen=True, kw_only=True):
    """The model of a run; `name`, `version` and `alias` once it is registered.

    `digest` is the same for the same model trained again; `tracking/digest.py` says of what.
    """

    uri: str
    digest: str | None = None
    name: str | None = None
    version: str | None = None
    alias: str | None = None


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


class Run(Record, frozen=True, kw_only=True):
    """A run as any session sees it: the request, and what has happened since.

    `provided` has the hashes of the datasets as the run got them, by path. `ahead` is how many runs
    are before this one in the queue, None where it is in none. `trouble` says since when a cluster
    gives no answer, None where it does. `deployment` is the service that the run has put up, with
    the `revision` of it and the `url` where it answers.
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
    provided: dict[str, str] = {}
    metrics: dict[str, float] = {}
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

    def stage(self, name: str) -> Stage:
        """Return the stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


class Moment(Record, frozen=True, kw_only=True):
    """A run as it is at one moment, with what it has logged so far.

    Attributes:
        run: The run.
        curves: A curve for every metric that was logged.
        stage: The stage at work, or the last one that was.
        log: The end of that stage's log.
    """

    run: Run
    curves: tuple[Curve, ...] = ()
    stage: str | None = None
    log: str = ""


class Row(Record, frozen=True, kw_only=True):
    """One thing that runs are compared by.

    Attributes:
        kind: "parameter", "metric", "code", "data", "environment", "package", "variable" or "run".
        name: What it is.
        values: One a run, in the order of the runs; None where a run has none.
        differs: Whether they are not all the same.
    """

    kind: str
    name: str
    values: tuple[Any, ...]
    differs: bool


class Comparison(Record, frozen=True, kw_only=True):
    """Runs side by side.

    Attributes:
        runs: Ids, in the order in which they were asked for.
        rows: What differs comes first. Packages are there only where they differ.
        curves: Curves of each run, in the order of the runs.
    """

    runs: tuple[str, ...]
    rows: tuple[Row, ...]
    curves: tuple[tuple[Curve, ...], ...] = ()


class Check(Record, frozen=True, kw_only=True):
    """One thing that was compared; `kind` is data, interpreter, package, run, metric or model.

    A check that does not decide is for the reader's information: a model file may differ in its
    bytes while all that was measured of the model is the same.
    """

    kind: str
    name: str
    recorded: str
    again: str
    passed: bool
    decides: bool = True


class Verdict(Record, frozen=True, kw_only=True):
    """Whether a run came out the same from its record; `reason` is the first difference."""

    run_id: str
    reproduction_id: str
    passed: bool
    reason: str | None
    checks: tuple[Check, ...]


class Published(Record, frozen=True, kw_only=True):
    """A pipeline as a server has it.

    Attributes:
        pipeline: Its name there.
        version: Name of the version.
        digest: SHA-256 of the compiled pipeline.
        pipeline_id: The server's id of the pipeline.
        version_id: The server's id of the version.
        uploaded: Whether it was uploaded now; the server had it before if not.
    """

    pipeline: str
    version: str
    digest: str
    pipeline_id: str
    version_id: str
    uploaded: bool


class Setting(Record, frozen=True, kw_only=True):
    """One setting: its value now, and where that came from."""

    name: str
    value: Any
    source: str
    description: str


class Image(Record, frozen=True, kw_only=True):
    """The image of a stage, as it was built.

    Attributes:
        stage: What it is for; `evaluate` is that of register as well.
        name: Its name on this machine.
        id: The engine's id of it.
        size_bytes: Its size with all layers, also those that it shares with other images.
        seconds: How long its build took, 0.0 or so where nothing had changed.
        reference: Its name by digest in the registry, None where it was not pushed.
    """

    stage: str
    name: str
    id: str
    size_bytes: int
    seconds: float
    reference: str | None = None


class RevisionState(str, Enum):
    """Where a revision is.

    STARTING: it does not answer yet. READY: it answers. FAILED: it does not start, or ended too
    often. STOPPED: it was taken down and can be started again.
    """

    STARTING = "STARTING"
    READY = "READY"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class DeploymentState(str, Enum):
    """Where a deployment is.

    UPDATING: a revision is being put up beside those that serve. DEGRADED: a revision that has
    traffic is not ready. FAILED: none of them is.
    """

    UPDATING = "UPDATING"
    READY = "READY"
    DEGRADED = "DEGRADED"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class Origin(Record, frozen=True, kw_only=True):
    """What a revision was made of.

    Attributes:
        model: The model, with its registered name and version where it has them.
        run_id: The run that trained it, None for a model from elsewhere.
        snapshot: Id of that run's snapshot.
        code: Commit that the wrapper and the modules are of.
        datasets: Hash of each dataset that the model was trained and tested on, by path.
        deployed_by: The run of the deployment pipeline.
    """

    model: Model
    run_id: str | None = None
    snapshot: str | None = None
    code: str | None = None
    datasets: dict[str, str] = {}
    deployed_by: str | None = None


class Revision(Record, frozen=True, kw_only=True):
    """One version of a deployment: a package that is served.

    Attributes:
        number: Counted from 1, never used again.
        package: Digest of the package.
        origin: What it was made of.
        created_at: ISO 8601, UTC.
        state: Where it is.
        percent: Its part of the requests.
        shadow: Whether it gets a copy of every request, and its answers are thrown away.
        image: Its image by digest, None where it runs as a process.
        url: Where it alone answers, None where it does not.
        restarts: How often it was started again after it had ended by itself.
        error: Why it is not ready.
    """

    number: int
    package: str
    origin: Origin
    created_at: str
    state: RevisionState = RevisionState.STARTING
    percent: int = 0
    shadow: bool = False
    image: str | None = None
    url: str | None = None
    restarts: int = 0
    error: Failure | None = None


class Traffic(Record, frozen=True, kw_only=True):
    """Which revisions get the requests.

    Attributes:
        percent: Part of each revision by its number; they add up to 100.
        shadow: The revision that gets a copy of every request.
    """

    percent: dict[int, int]
    shadow: int | None = None


class Deployment(Record, frozen=True, kw_only=True):
    """A model service as any session sees it.

    Attributes:
        name: Its name, which is the model's name in the URLs too.
        target: Where it is.
        state: Where it stands.
        revisions: Newest first.
        url: Where it answers, the same for all revisions to come; None before the first.
        token_file: File of the token that requests have to carry, None where they need none.
        error: Why it is not ready.
    """

    name: str
    target: str
    state: DeploymentState
    revisions: tuple[Revision, ...] = ()
    url: str | None = None
    token_file: str | None = None
    error: Failure | None = None

    def revision(self, number: int) -> Revision:
        """Return the revision of that number."""
        return next(revision for revision in self.revisions if revision.number == number)

    @property
    def serving(self) -> Revision | None:
        """The revision with the most traffic, None where none has any."""
        best = max(self.revisions, key=lambda revision: revision.percent, default=None)
        return best if best is not None and best.percent else None
