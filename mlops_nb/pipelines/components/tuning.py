"""The stages of tuning: execute the notebook once for each trial.

On one machine `tune` does all of it. On a cluster `study` begins it, as many tasks of `worker` as
there are to be share the trials, and `best` gives out what has come of them.
"""

from typing import NamedTuple

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("train"), install_kfp_package=False)
def tune(
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    hyperparameters: str,
    environment: str,
    variables: str,
    secrets: str,
    cell_timeout_s: str,
    tracking_uri: str,
    experiment: str,
    autolog: str,
    snapshot: str,
    tuning: str,
    training: str,
    executed: dsl.Output[dsl.Artifact],
) -> NamedTuple("Outputs", [("mlflow_run_id", str), ("model_uri", str), ("metrics", str)]):  # type: ignore[valid-type]
    """Try hyperparameters of the notebook, and give out the best trial."""
    from typing import NamedTuple

    from mlops_nb.stages import execute

    outputs = execute(
        "tune",
        volume=volume,
        code=code,
        data=data,
        code_paths=code_paths,
        notebook=notebook,
        hyperparameters=hyperparameters,
        environment=environment,
        variables=variables,
        secrets=secrets,
        cell_timeout_s=cell_timeout_s,
        tracking_uri=tracking_uri,
        experiment=experiment,
        autolog=autolog,
        snapshot=snapshot,
        tuning=tuning,
        training=training,
        executed=executed.path,
    )
    result = NamedTuple("result", [("mlflow_run_id", str), ("model_uri", str), ("metrics", str)])
    return result(outputs["mlflow_run_id"], outputs["model_uri"], outputs["metrics"])


@dsl.component(base_image=image("train"), install_kfp_package=False)
def study(
    volume: str, tracking_uri: str, experiment: str, snapshot: str, tuning: str, storage: str
) -> str:
    """Put all trials of a tuning into a study that its workers share."""
    from mlops_nb.stages import execute

    outputs = execute(
        "study",
        volume=volume,
        tracking_uri=tracking_uri,
        experiment=experiment,
        snapshot=snapshot,
        tuning=tuning,
        storage=storage,
    )
    return outputs["mlflow_run_id"]


@dsl.component(base_image=image("train"), install_kfp_package=False)
def worker(
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    hyperparameters: str,
    environment: str,
    variables: str,
    secrets: str,
    cell_timeout_s: str,
    tracking_uri: str,
    experiment: str,
    autolog: str,
    snapshot: str,
    tuning: str,
    storage: str,
    mlflow_run_id: str,
    number: str,
) -> str:
    """Try one trial of the study after another, until none is left."""
    from mlops_nb.stages import execute

    outputs = execute(
        "worker",
        volume=volume,
        code=code,
        data=data,
        code_paths=code_paths,
        notebook=notebook,
        hyperparameters=hyperparameters,
        environment=environment,
        variables=variables,
        secrets=secrets,
        cell_timeout_s=cell_timeout_s,
        tracking_uri=tracking_uri,
        experiment=experiment,
        autolog=autolog,
        snapshot=snapshot,
        tuning=tuning,
        storage=storage,
        mlflow_run_id=mlflow_run_id,
        number=number,
    )
    return outputs["tried"]


@dsl.component(base_image=image("train"), install_kfp_package=False)
def best(
    volume: str, tracking_uri: str, snapshot: str, tuning: str, storage: str, mlflow_run_id: str
) -> NamedTuple("Outputs", [("mlflow_run_id", str), ("model_uri", str), ("metrics", str)]):  # type: ignore[valid-type]
    """Give out the best trial of the study."""
    from typing import NamedTuple

    from mlops_nb.stages import execute

    outputs = execute(
        "best",
        volume=volume,
        tracking_uri=tracking_uri,
        snapshot=snapshot,
        tuning=tuning,
        storage=storage,
        mlflow_run_id=mlflow_run_id,
    )
    result = NamedTuple("result", [("mlflow_run_id", str), ("model_uri", str), ("metrics", str)])
    return result(outputs["mlflow_run_id"], outputs["model_uri"], outputs["metrics"])
