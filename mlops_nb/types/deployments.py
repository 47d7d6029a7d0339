"""A model service, its revisions and their traffic."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from mlops_nb.types.base import Record
from mlops_nb.types.runs import Failure, Model


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
        despite: What spoke against it, where it was deployed by force.
    """

    model: Model
    run_id: str | None = None
    snapshot: str | None = None
    code: str | None = None
    datasets: dict[str, str] = msgspec.field(default_factory=dict)
    deployed_by: str | None = None
    despite: str | None = None


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
        host: What requests name as their `Host`, where the address is that of a gateway.
        error: Why it is not ready.
    """

    name: str
    target: str
    state: DeploymentState
    revisions: tuple[Revision, ...] = ()
    url: str | None = None
    token_file: str | None = None
    host: str | None = None
    error: Failure | None = None

    def revision(self, number: int) -> Revision:
        """Return the revision of that number."""
        return next(revision for revision in self.revisions if revision.number == number)

    @property
    def serving(self) -> Revision | None:
        """The revision with the most traffic, None where none has any."""
        best = max(self.revisions, key=lambda revision: revision.percent, default=None)
        return best if best is not None and best.percent else None


class Load(Record, frozen=True, kw_only=True):
    """What a revision has answered since it started, and how fast of late.

    Attributes:
        number: The revision.
        requests: Predictions that it was asked for.
        refused: Those that it refused as malformed (4xx).
        failed: Those that it failed to answer (5xx).
        per_second: Requests a second since the reading before; None at the first one.
        p50_s: Half of the answers since then took no longer; None where there were none.
        p99_s: 99 of 100 of them took no longer.
        memory_bytes: Most memory that its workers have held.
    """

    number: int
    requests: int
    refused: int = 0
    failed: int = 0
    per_second: float | None = None
    p50_s: float | None = None
    p99_s: float | None = None
    memory_bytes: int = 0


class Input(Record, frozen=True, kw_only=True):
    """One input of a model.

    Attributes:
        name: The column.
        type: Its type as MLflow has it, such as "double".
        required: Whether a request has to have it.
        value: An example's value, None where there is none.
    """

    name: str
    type: str
    required: bool = True
    value: Any = None


class Pulse(Record, frozen=True, kw_only=True):
    """A deployment at one moment, with what its revisions have counted.

    Attributes:
        deployment: The deployment.
        loads: One for each revision that answers.
        inputs: Columns that the serving revision takes; empty for tensors, or where unknown.
    """

    deployment: Deployment
    loads: tuple[Load, ...] = ()
    inputs: tuple[Input, ...] = ()

    def load(self, number: int) -> Load | None:
        """Return what a revision has counted, None where it does not answer."""
        return next((load for load in self.loads if load.number == number), None)
