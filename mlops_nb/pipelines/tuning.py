"""The tuning pipeline."""

from typing import Any

from kfp import dsl

from mlops_nb.pipelines import TUNING, components
from mlops_nb.pipelines.platform import Platform
from mlops_nb.pipelines.pods import Pods


def define(platform: Platform | None) -> Any:
    """Return the pipeline as KFP has it.

    Args:
        platform: Whose pods the stages run in; None for the generic pipeline.
    """
    pods = Pods(platform)

    @dsl.pipeline(
        name="tuning",
        description="Search hyperparameters of a notebook from pinned code and data, register.",
        pipeline_config=pods.config,
    )
    def tuning_(
        code_repo: str,
        code_sha: str,
        code_paths: str,
        notebook: str,
        data_repo: str,
        data_sha: str,
        train_dataset: str,
        other_datasets: str,
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
        tuning: str,
        code_ref: str = "",
    ) -> None:
        """Wire the stages; the test dataset is not among what they are given."""
        code = components.provision_code(
            volume=pods.volume, repo=code_repo, sha=code_sha, ref=code_ref
        )
        data = components.provision_data(
            volume=pods.volume,
            repo=data_repo,
            sha=data_sha,
            train=train_dataset,
            test="",
            other=other_datasets,
        )
        tuned = components.tune(
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
            tuning=tuning,
        )
        registered = components.register(
            refusal="",
            metrics=tuned.outputs["metrics"],
            tracking_uri=tracking_uri,
            mlflow_run_id=tuned.outputs["mlflow_run_id"],
            model_uri=tuned.outputs["model_uri"],
            name=model_name,
            alias=model_alias,
        )
        for stage, task in zip(TUNING.stages, (code, data, tuned, registered), strict=True):
            pods.give(task, stage)

    return tuning_
