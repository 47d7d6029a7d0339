"""The stages of training but evaluation: execute the notebook, register the model."""

from typing import NamedTuple

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("train"), install_kfp_package=False)
def train(
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
    executed: dsl.Output[dsl.Artifact],
) -> NamedTuple("Outputs", [("mlflow_run_id", str), ("model_uri", str)]):  # type: ignore[valid-type]
    """Execute the notebook and track it."""
    from typing import NamedTuple

    from mlops_nb.stages import execute

    outputs = execute(
        "train",
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
        executed=executed.path,
    )
    result = NamedTuple("result", [("mlflow_run_id", str), ("model_uri", str)])
    return result(outputs["mlflow_run_id"], outputs["model_uri"])


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def register(
    metrics: str,
    refusal: str,
    tracking_uri: str,
    mlflow_run_id: str,
    model_uri: str,
    name: str,
    alias: str,
) -> str:
    """Make a model version of the model, with its alias."""
    from mlops_nb.stages import execute

    outputs = execute(
        "register",
        metrics=metrics,
        refusal=refusal,
        tracking_uri=tracking_uri,
        mlflow_run_id=mlflow_run_id,
        model_uri=model_uri,
        name=name,
        alias=alias,
    )
    return outputs["version"]
