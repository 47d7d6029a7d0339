"""The stage of tuning: execute the notebook once for each trial."""

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
        executed=executed.path,
    )
    result = NamedTuple("result", [("mlflow_run_id", str), ("model_uri", str), ("metrics", str)])
    return result(outputs["mlflow_run_id"], outputs["model_uri"], outputs["metrics"])
