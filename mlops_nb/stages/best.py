"""Stage: give out the best trial of a shared study."""

from __future__ import annotations

import msgspec

from mlops_nb import encoding
from mlops_nb.exceptions import StageError
from mlops_nb.journal import MetricsLogged, ModelLogged, emit
from mlops_nb.journal.points_file import LoggedPoint
from mlops_nb.stages import SOME_RUN
from mlops_nb.stages import volume as volumes
from mlops_nb.stages.train import pinned
from mlops_nb.tracking.store import Store
from mlops_nb.tuning import shared
from mlops_nb.tuning import storage as storages
from mlops_nb.types import Plan


def run(
    *, volume: str, tracking_uri: str, snapshot: str, tuning: str, storage: str, mlflow_run_id: str
) -> dict[str, str]:
    """Find the best trial, and end the MLflow run of the tuning with what it has come to.

    Args:
        volume: What the stages of the run share.
        tracking_uri: Where MLflow keeps the runs.
        snapshot: The whole snapshot as JSON.
        tuning: What was to be done, a `Plan` as JSON.
        storage: Where the study is, as `tuning.storage` has it.
        mlflow_run_id: The run of the tuning in MLflow.

    Returns:
        `mlflow_run_id` of the best trial, its `model_uri`, "" where it logged no model, and its
        `metrics` as a JSON object.

    Raises:
        StageError: No trial came to its end, or the database of the study cannot be used.
        TrackingError: MLflow cannot be used.
    """
    plan = msgspec.convert(encoding.loads(tuning), Plan)
    run_id = pinned(snapshot, volume).code.pinned_for
    store = Store(tracking_uri)
    status = "FAILED"
    try:
        ended = shared.ended(storages.opened(storage, volumes.folder(volume)), run_id)
        if not ended:
            raise _fruitless()
        store.log_points(mlflow_run_id, _best_so_far(plan, ended))
        sign = -1 if plan.direction == "maximize" else 1
        best = min(ended, key=lambda trial: (sign * trial.value, trial.number))
        tracked, model = store.find(f"{run_id}/{best.number}")
        metrics = store.metrics(tracked)
        store.log_metrics(mlflow_run_id, metrics)
        status = "FINISHED"
    finally:
        store.finish(mlflow_run_id, status)
    emit(MetricsLogged(metrics=metrics))
    if model is not None:
        digest = store.models.digest(model.uri, tracked)
        emit(ModelLogged(model=msgspec.structs.replace(model, digest=digest)))
    print(f"trial {best.number} is the best of {len(ended)}: {plan.objective} {best.value:.6g}")
    return {
        "mlflow_run_id": tracked,
        "model_uri": model.uri if model is not None else "",
        "metrics": encoding.dumps(metrics, name="metrics"),
    }


def _best_so_far(plan: Plan, ended: list[shared.Ended]) -> list[LoggedPoint]:
    """Return the best value after each trial, in the order in which they ended."""
    points, best = [], ended[0].value
    for step, trial in enumerate(ended, start=1):
        best = trial.value if plan.better(trial.value, best) else best
        points.append(LoggedPoint(f"best_{plan.objective}", step, trial.at, best))
    return points


def _fruitless() -> StageError:
    return StageError(
        "no trial came to its end: all failed or were pruned",
        hint=f"see why, with the number of a trial: jupyter mlops show {SOME_RUN}",
    )
