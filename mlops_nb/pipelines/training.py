"""The training pipeline."""

from kfp import dsl

from mlops_nb.pipelines import components

# On a cluster the volume that a run's pods share. The local engine deletes what it stands for after
# every run, and local stages keep what they share in the run's own folder.
VOLUME = dsl.WORKSPACE_PATH_PLACEHOLDER
WORKSPACE = dsl.WorkspaceConfig(
    size="10Gi",
    kubernetes=dsl.KubernetesWorkspaceConfig(pvcSpecPatch={"accessModes": ["ReadWriteMany"]}),
)


@dsl.pipeline(
    name="training",
    description="Train the model of a notebook from pinned code and data, evaluate, register.",
    pipeline_config=dsl.PipelineConfig(workspace=WORKSPACE),
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
    code_ref: str = "",
    cpu: str = "1",
    memory: str = "2Gi",
    accelerator: str = "",
    accelerators: str = "0",
) -> None:
    """Wire the stages; everything that varies is a parameter."""
    code = components.provision_code(volume=VOLUME, repo=code_repo, sha=code_sha, ref=code_ref)
    data = components.provision_data(
        volume=VOLUME,
        repo=data_repo,
        sha=data_sha,
        train=train_dataset,
        test=test_dataset,
        other=other_datasets,
    )
    trained = components.train(
        volume=VOLUME,
        code=code.output,
        data=data.output,
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
    trained.set_cpu_request(cpu).set_memory_request(memory).set_memory_limit(memory)
    trained.set_accelerator_type(accelerator).set_accelerator_limit(accelerators)
    evaluated = components.evaluate(
        volume=VOLUME,
        code=code.output,
        data=data.output,
        code_paths=code_paths,
        notebook=notebook,
        test=test_dataset,
        target=target,
        tracking_uri=tracking_uri,
        mlflow_run_id=trained.outputs["mlflow_run_id"],
        model_uri=trained.outputs["model_uri"],
        snapshot=snapshot,
    )
    components.register(
        metrics=evaluated.output,
        tracking_uri=tracking_uri,
        mlflow_run_id=trained.outputs["mlflow_run_id"],
        model_uri=trained.outputs["model_uri"],
        name=model_name,
        alias=model_alias,
    )
