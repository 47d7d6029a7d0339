"""Stage: make a model version of the run's model."""

from __future__ import annotations

from mlops_nb.journal import ModelLogged, RunRecalled, emit
from mlops_nb.stages import Skipped, volume
from mlops_nb.tracking.store import Store
from mlops_nb.types import Model


def run(
    *, metrics: str, refusal: str, tracking_uri: str, mlflow_run_id: str, model_uri: str,
    name: str, alias: str,
) -> dict[str, str]:  # fmt: skip
    """Register the model and give the new version its alias.

    Args:
        metrics: JSON object of the test metrics; evaluation comes before registration.
        refusal: Why the model may not be registered, "" where it may.
        tracking_uri: Where MLflow keeps run and registry.
        mlflow_run_id: The run that logged the model.
        model_uri: The model, "" for none.
        name: Registered name, "" to register nothing.
        alias: Alias of the new version, "" for none.

    Returns:
        `version`, "" where there is no model.

    Raises:
        TrackingError: The registry refuses.
    """
    store = Store(tracking_uri)
    if volume.in_pod():
        # The cluster may have skipped the stages before this one, and this one runs always.
        tracked = store.metrics(mlflow_run_id)
        emit(RunRecalled(mlflow_run_id=mlflow_run_id, tracking_uri=tracking_uri, metrics=tracked))
    if not model_uri:
        raise Skipped("the notebook logged no model", version="")
    if refusal:
        raise Skipped(refusal, version="")
    if not name:
        raise Skipped("this run is to register nothing", version="")
    version, made = store.registry.register(
        name=name, uri=model_uri, mlflow_run_id=mlflow_run_id, alias=alias
    )
    emit(ModelLogged(model=Model(uri=model_uri, name=name, version=version, alias=alias or None)))
    print(f"{name} version {version}")
    if not made:
        raise Skipped(f"version {version} is this model already", version=version)
    return {"version": version}
