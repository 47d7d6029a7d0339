"""What a run in memory does: a script, and the events that come of it."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from mlops_nb.exceptions import UsageError
from mlops_nb.journal import (
    AnyEvent,
    DataProvided,
    MetricsLogged,
    ModelLogged,
    RunFinished,
    RunStarted,
    RunTracked,
    StageFinished,
    StageStarted,
)
from mlops_nb.types import Failure, Model, Point, Record, RunState, StageState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.types import Run

# What a pipeline's stages are known for; those of other names only begin and end.
_DATA, _TRAIN, _REGISTER = "provision-data", "train", "register"


class Script(Record, frozen=True, kw_only=True):
    """What one attempt of a run does; each stage succeeds at once where nothing else is said.

    Attributes:
        metrics: What `train` logs: a value, or one each for the steps 0, 1, ...
        logs: What stages print, by their names.
        model: What `register` says of the model.
        fails_at: The stage that fails.
        error: How it fails; its `stage` is set to `fails_at`.
        stays_at: The stage that goes on until the run is canceled.
    """

    metrics: dict[str, float | tuple[float, ...]] = msgspec.field(default_factory=dict)
    logs: dict[str, str] = msgspec.field(default_factory=dict)
    model: Model | None = None
    fails_at: str | None = None
    error: Failure = Failure(
        type="ScriptedError", message="the script says so", hint="resume the run"
    )
    stays_at: str | None = None


class Printed(NamedTuple):
    """A stage has printed something."""

    stage: str
    text: str


class Measured(NamedTuple):
    """The run has logged points."""

    points: tuple[Point, ...]


Happening = AnyEvent | Printed | Measured


def attempt(script: Script, run: Run, number: int) -> Iterator[tuple[Happening, ...]]:
    """Yield what happens in an attempt of a run, one moment after another.

    Args:
        script: What is to happen.
        run: The run as it is before; what has succeeded is not done again.
        number: Which attempt it is.
    """
    yield (RunStarted(pid=0),)
    for stage in run.stages:
        name = stage.name
        if stage.state in (StageState.SUCCEEDED, StageState.SKIPPED):
            continue
        yield (StageStarted(stage=name), Printed(name, script.logs.get(name, "")))
        if name == _TRAIN:
            yield from _logged(script, run, number)
        if name == script.stays_at:
            return
        if name == script.fails_at:
            yield _failed(script, name)
            return
        yield (*_achieved(script, run, name), _finished(name, StageState.SUCCEEDED))
    yield (RunFinished(state=RunState.SUCCEEDED, seconds=0.0),)


def must_fit(script: Script, stages: tuple[str, ...]) -> None:
    """Refuse a script that names a stage which its pipeline has not.

    Raises:
        UsageError: It does.
    """
    named = {*script.logs, script.fails_at, script.stays_at} - {None}
    unknown = sorted(str(name) for name in named.difference(stages))
    if unknown:
        raise UsageError(
            f"the script names the stage {unknown[0]!r}, which the pipeline has not",
            hint=f"it has: {', '.join(stages)}",
        )


def _logged(script: Script, run: Run, number: int) -> Iterator[tuple[Happening, ...]]:
    # Nobody finds it in MLflow. Who follows metrics learns from it that they begin anew.
    mlflow_run_id = uuid.uuid5(uuid.NAMESPACE_OID, f"{run.id}/{number}").hex
    tracked = RunTracked(mlflow_run_id=mlflow_run_id, tracking_uri="memory:")
    yield (tracked,)
    values = {
        name: given if isinstance(given, tuple) else (given,)
        for name, given in script.metrics.items()
    }
    points = tuple(
        Point(name, step, tracked.at, value)
        for name, steps in values.items()
        for step, value in enumerate(steps)
    )
    if points:
        last = {point.name: point.value for point in points}
        yield (Measured(points), MetricsLogged(metrics=last))


def _achieved(script: Script, run: Run, stage: str) -> Iterator[AnyEvent]:
    if stage == _DATA:
        yield DataProvided(hashes={data.path: data.hash for data in run.snapshot.datasets})
    if stage == _REGISTER and script.model is not None:
        yield ModelLogged(model=script.model)


def _failed(script: Script, stage: str) -> tuple[Happening, ...]:
    error = msgspec.structs.replace(script.error, stage=stage)
    end = RunFinished(state=RunState.FAILED, seconds=0.0, error=error)
    return (_finished(stage, StageState.FAILED, error), end)


def _finished(stage: str, state: StageState, error: Failure | None = None) -> StageFinished:
    return StageFinished(stage=stage, state=state, seconds=0.0, error=error)
