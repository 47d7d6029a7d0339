"""The run that a journal tells of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.journal.events import (
    AnyEvent,
    CellsDone,
    CellStarted,
    DataProvided,
    EvaluationReported,
    ImportanceFound,
    MetricsLogged,
    ModelEvaluated,
    ModelLogged,
    PointsLogged,
    Preparing,
    RevisionRouted,
    RunFinished,
    RunQueued,
    RunRecalled,
    RunStarted,
    RunSubmitted,
    RunTracked,
    StageFinished,
    StageKilled,
    StageStarted,
    StudyBegun,
    TrialChanged,
    TrialSaid,
    WindowJudged,
    WindowReported,
)
from mlops_nb.types import Progress, Run, RunRequest, RunState, Stage, StageState, Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
