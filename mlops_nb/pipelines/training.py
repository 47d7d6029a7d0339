"""The training pipeline."""

from typing import Any

from kfp import dsl

from mlops_nb.pipelines import TRAINING, components
from mlops_nb.pipelines.platform import Platform
from mlops_nb.pipelines.pods import Pods


def define(platform: Platform | None) -> Any:
    """Return the pipeline as KFP has it.

    Args:
        platform: Whose pods the stages run in; None for the generic pipeline.
    """
    pods = Pods(platform)

    @dsl.pipeline(
        name="training",
        description="Train the model of a notebook from pinned code and data, evaluate, register.",
        pipeline_config=pods.config,
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
        tests: str,
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
        criteria: str,
        code_ref: str = "",
        cpu: str = "1",
        memory: str = "2Gi",
        accelerator: str = "",
        accelerators: str = "0",
    ) -> None:
        """Wire the stages; everything that varies is a parameter."""
        code = components.provision_code(
            volume=pods.volume, repo=code_repo, sha=code_sha, ref=code_ref
        )
        data = components.provision_data(
            volume=pods.volume,
            repo=data_repo,
            sha=data_sha,
            train=train_dataset,
            test=test_dataset,
            other=other_datasets,
        )
        trained = components.train(
            volume=pods.volume,
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
            volume=pods.volume,
            code=code.output,
            data=data.output,
            code_paths=code_paths,
            notebook=notebook,
            tests=tests,
            target=target,
            tracking_uri=tracking_uri,
            experiment=experiment,
            mlflow_run_id=trained.outputs["mlflow_run_id"],
            model_uri=trained.outputs["model_uri"],
            snapshot=snapshot,
            criteria=criteria,
        )
        registered = components.register(
            metrics=evaluated.outputs["metrics"],
            refusal=evaluated.outputs["refusal"],
            tracking_uri=tracking_uri,
            mlflow_run_id=trained.outputs["mlflow_run_id"],
            model_uri=trained.outputs["model_uri"],
            name=model_name,
            alias=model_alias,
        )
        tasks = (code, data, trained, evaluated, registered)
        for stage, task in zip(TRAINING.stages, tasks, strict=True):
            pods.give(task, stage)

    return training
