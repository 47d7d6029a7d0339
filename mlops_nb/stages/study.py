"""Stage: put all trials of a tuning into a study that its workers share."""

from __future__ import annotations

import os

import msgspec

from mlops_nb import encoding
from mlops_nb.journal import RunTracked, StudyBegun, emit
from mlops_nb.stages import volume as volumes
from mlops_nb.stages.train import pinned
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.tuning import shared
from mlops_nb.tuning import storage as storages
from mlops_nb.types import Plan


def run(
    *, volume: str, tracking_uri: str, experiment: str, snapshot: str, tuning: str, storage: str
) -> dict[str, str]:
    """Make the study, and the MLflow run of the tuning; what an interrupted attempt made is taken.

    Args:
        volume: What the stages of the run share.
        tracking_uri: Where MLflow keeps the runs.
        experiment: Name of the MLflow experiment.
        snapshot: The whole snapshot as JSON.
        tuning: What is to be done, a `Plan` as JSON.
        storage: Where the study is to be, as `tuning.storage` has it.

    Returns:
        `mlflow_run_id` of the tuning.

    Raises:
        StageError: The database of the study cannot be used.
        TrackingError: MLflow cannot be used.
    """
    plan = msgspec.convert(encoding.loads(tuning), Plan)
    pins = pinned(snapshot, volume)
    run_id = pins.code.pinned_for
    where = storages.opened(storage, volumes.folder(volume))
    store = Store(tracking_uri)
    mlflow_run_id = shared.tracked(where, run_id)
    if not mlflow_run_id or not store.reopen(mlflow_run_id):
        mlflow_run_id = store.start(
            experiment=experiment,
            snapshot=pins,
            run_id=run_id,
            kfp_run_id=os.environ.get(volumes.KFP_RUN_ID, run_id),
        )
    emit(RunTracked(mlflow_run_id=mlflow_run_id, tracking_uri=tracking_uri))
    store.log_text(mlflow_run_id, encoding.record(plan, indent=2), tags.TUNING_ARTIFACT)
    shared.begin(where, run_id, plan, pins.parameters, mlflow_run_id)
    emit(StudyBegun(plan=plan))
    print(f"study {run_id}: {plan.trials} trials wait")
    return {"mlflow_run_id": mlflow_run_id}
