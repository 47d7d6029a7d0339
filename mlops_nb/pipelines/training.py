"""The training pipeline."""

from kfp import dsl

from mlops_nb.pipelines import components


@dsl.pipeline(
    name="training",
    description="Train the model of a notebook from pinned code and data, evaluate, register.",
)
def training(
    code_repo: str,
    code_sha: str,
    code_paths: str,
    notebook: str,
    data_repo: str,
    data_sha: str,
    train_dataset: str,
    test_dataset: str,
    other_datasets: str,
    target: str,
    hyperparameters: str,
    environment: str,
    variables: str,
    secrets: str,
    cell_timeout_s: str,
    tracking_uri: str,
    experiment: str,
    autolog: str,
    model_name: str,
    model_alias: str,
    snapshot: str,
) -> None:
    """Wire the stages; everything that varies is a parameter."""
    code = components.provision_code(repo=code_repo, sha=code_sha)
    data = components.provision_data(
        repo=data_repo, sha=data_sha, train=train_dataset, test=test_dataset, other=other_datasets
    )
    trained = components.train(
        code=code.outputs["code"],
        data=data.outputs["data"],
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
    )
    evaluated = components.evaluate(
        code=code.outputs["code"],
        data=data.outputs["data"],
        code_paths=code_paths,
        notebook=notebook,
        test=test_dataset,
        target=target,
        tracking_uri=tracking_uri,
        mlflow_run_id=trained.outputs["mlflow_run_id"],
        model_uri=trained.outputs["model_uri"],
    )
    components.register(
        metrics=evaluated.output,
        tracking_uri=tracking_uri,
        mlflow_run_id=trained.outputs["mlflow_run_id"],
        model_uri=trained.outputs["model_uri"],
        name=model_name,
        alias=model_alias,
    )
