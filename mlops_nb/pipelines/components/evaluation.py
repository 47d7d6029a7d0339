"""The stage that says what a model is worth; training has it too."""

from typing import NamedTuple

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def evaluate(
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    tests: str,
    target: str,
    tracking_uri: str,
    experiment: str,
    mlflow_run_id: str,
    model_uri: str,
    snapshot: str,
    criteria: str,
) -> NamedTuple("Outputs", [("metrics", str), ("refusal", str)]):  # type: ignore[valid-type]
    """Evaluate the model on the test datasets, and see whether it passes its gates."""
    from typing import NamedTuple

    from mlops_nb.stages import execute

    outputs = execute(
        "evaluate",
        volume=volume,
        code=code,
        data=data,
        code_paths=code_paths,
        notebook=notebook,
        tests=tests,
        target=target,
        tracking_uri=tracking_uri,
        experiment=experiment,
        mlflow_run_id=mlflow_run_id,
        model_uri=model_uri,
        snapshot=snapshot,
        criteria=criteria,
    )
    result = NamedTuple("result", [("metrics", str), ("refusal", str)])
    return result(outputs["metrics"], outputs["refusal"])
