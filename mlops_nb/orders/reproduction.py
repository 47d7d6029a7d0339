"""Run a recorded run again from its record alone, and say whether the same came out.

Nothing of the working tree, the session or the settings goes in: code and data come by the recorded
commit, parameters from the recorded arguments. The packages are those of this interpreter, compared
with the record, or are rebuilt from the recorded lock.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding
from mlops_nb.capture import environment, git, repository
from mlops_nb.exceptions import RunError
from mlops_nb.pipelines import PIPELINES
from mlops_nb.types import Check, RunState, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_nb.types import Environment, Run, RunRequest

TOLERANCE = 1e-6
_TRAINING = "training"


def request(
    recorded: RunRequest,
    *,
    run_id: str,
    created_at: str,
    top: Path,
    tracking_uri: str,
    rebuild: bool = False,
) -> RunRequest:
    """Return the request that runs a recorded one again, here and in this process's environment.

    It registers no model version: an alias must not move because somebody checked a claim.

    Args:
        recorded: What was asked for.
        run_id: The new run's id.
        created_at: ISO 8601, UTC.
        top: Top folder of the repository that has the commit here.
        tracking_uri: Where MLflow keeps runs here.
        rebuild: Run in an environment built from the recorded lock, not in this process's.
    """
    installed = recorded.snapshot.environment if rebuild else environment.read(top)
    code = msgspec.structs.replace(recorded.snapshot.code, ref=repository.REF_PREFIX + run_id)
    snapshot = msgspec.structs.replace(recorded.snapshot, code=code, environment=installed)
    tests = [d.path for d in snapshot.datasets if d.role == "test"]
    arguments = {
        # What an earlier release has not recorded yet.
        "tests": encoding.dumps(tests, name="dataset paths"),
        "criteria": "{}",
        **recorded.arguments,
        "environment": snapshot.environment.hash,
        "snapshot": encoding.dumps(msgspec.to_builtins(snapshot), name="the snapshot's records"),
        "code_repo": str(top),
        "code_ref": code.ref,
        "data_repo": _data_repo(recorded, top),
        "tracking_uri": tracking_uri,
        "model_name": "",
    }
    pipeline = PIPELINES[recorded.pipeline]
    return msgspec.structs.replace(
        recorded,
        id=run_id,
        # A trial was one stage of its tuning; it is repeated as the training that it is.
        stages=pipeline.stages,
        pipeline_digest=pipeline.digest,
        # What ran on a cluster is repeated here: it needs no more than its record.
        backend="local",
        snapshot=snapshot,
        arguments=arguments,
        created_at=created_at,
        findings=(),
        reproduces=recorded.id,
        rebuild=rebuild,
        cache=False,
    )


def _data_repo(recorded: RunRequest, top: Path) -> str:
    """Return where the recorded commit of the data is: here, if here has it."""
    repo, sha = recorded.arguments["data_repo"], recorded.arguments["data_sha"]
    return str(top) if repo and git.has_commit(top, sha) else repo


def must_be_reproducible(run: Run) -> None:
    """Raise `RunError` where there is no result to compare with."""
    if run.study is not None:
        best = run.study.best
        raise RunError(
            f"run {run.id} is a tuning; its trials are what can be repeated",
            hint=f"name one: jupyter mlops reproduce {run.id}/{best.number if best else 0}",
        )
    if run.pipeline != _TRAINING:
        raise RunError(
            f"run {run.id} is no training: it is of the pipeline {run.pipeline}",
            hint="name a training: jupyter mlops runs",
        )
    if run.state is not RunState.SUCCEEDED:
        raise RunError(
            f"run {run.id} is {run.state.value}: it has no result to compare with",
            hint="name a run that succeeded: jupyter mlops runs",
        )


def recorded_by(again: Run) -> str:
    """Return the id of the run that an ended one repeats.

    Raises:
        RunError: It goes on, or repeats none.
    """
    if again.reproduces is None:
        raise RunError(
            f"run {again.id} repeats no other",
            hint=f"repeat it: jupyter mlops reproduce {again.id}",
        )
    if not again.state.terminal:
        raise RunError(
            f"run {again.id} is {again.state.value}: there is nothing to compare yet",
            hint=f"follow it: jupyter mlops watch {again.id}",
        )
    return again.reproduces


def compare(recorded: Run, again: Run, *, tolerance: float) -> Verdict:
    """Compare a run with its reproduction.

    Args:
        recorded: The run as it was.
        again: The reproduction, ended.
        tolerance: Largest relative difference of a metric, absolute below 1.

    Returns:
        The verdict; its checks stand in the order in which one thing decides the next, so that the
        first that failed is the reason.
    """
    checks = [
        *_data(recorded, again),
        *_environment(recorded.snapshot.environment, again.snapshot.environment),
        _outcome(again),
        *_metrics(recorded, again, tolerance),
        *_model(recorded, again),
    ]
    failed = [check for check in checks if check.decides and not check.passed]
    return Verdict(
        run_id=recorded.id,
        reproduction_id=again.id,
        passed=not failed,
        reason=_reason(failed),
        checks=tuple(checks),
    )


def _reason(failed: list[Check]) -> str | None:
    if not failed:
        return None
    first = failed[0]
    if first.kind == "metric":
        return (
            f"{first.name} was {first.recorded} and is {first.again}, from the same code, data, "
            "parameters and packages: the notebook does not fix what it draws at random"
        )
    return f"{first.kind} {first.name}: recorded {first.recorded}, now {first.again}"


def _data(recorded: Run, again: Run) -> Iterator[Check]:
    for dataset in recorded.snapshot.datasets:
        # One that could not be provided ended the run, whose own check says so.
        now = again.provided.get(dataset.path)
        if now is not None:
            yield Check(
                kind="data",
                name=dataset.path,
                recorded=dataset.hash,
                again=now,
                passed=now == dataset.hash,
            )


def _environment(recorded: Environment, again: Environment) -> Iterator[Check]:
    yield Check(
        kind="interpreter",
        name=recorded.implementation,
        recorded=recorded.python,
        again=again.python,
        passed=(recorded.implementation, recorded.python) == (again.implementation, again.python),
    )
    before, now = recorded.packages, again.packages
    differing = sorted(n for n in before.keys() | now.keys() if before.get(n) != now.get(n))
    for name in differing:
        yield Check(
            kind="package",
            name=name,
            recorded=before.get(name, "absent"),
            again=now.get(name, "absent"),
            passed=False,
        )
    if not differing:
        count = f"{len(before)} packages"
        yield Check(kind="packages", name="all", recorded=count, again=count, passed=True)


def _outcome(again: Run) -> Check:
    error = f": {again.error.message}" if again.error is not None else ""
    return Check(
        kind="run",
        name="state",
        recorded=RunState.SUCCEEDED.value,
        again=again.state.value + error,
        passed=again.state is RunState.SUCCEEDED,
    )


def _metrics(recorded: Run, again: Run, tolerance: float) -> Iterator[Check]:
    if again.state is not RunState.SUCCEEDED:
        return
    for name, value in recorded.metrics.items():
        now = again.metrics.get(name)
        yield Check(
            kind="metric",
            name=name,
            recorded=repr(value),
            again=repr(now) if now is not None else "absent",
            passed=now is not None and _close(value, now, tolerance),
        )


def _model(recorded: Run, again: Run) -> Iterator[Check]:
    before = recorded.model.digest if recorded.model else None
    if before is None or again.state is not RunState.SUCCEEDED:
        return
    now = again.model.digest if again.model else None
    yield Check(
        kind="model",
        name="contents",
        recorded=before,
        again=now or "absent",
        passed=now == before,
        # Some formats have more in them than the model: a clock, an address, a random id.
        decides=now is None,
    )


def _close(value: float, now: float, tolerance: float) -> bool:
    if math.isnan(value) or math.isnan(now):
        return math.isnan(value) and math.isnan(now)
    return math.isclose(value, now, rel_tol=tolerance, abs_tol=tolerance)
