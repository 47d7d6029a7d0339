"""The evaluation pipeline."""

from typing import Any

from kfp import dsl

from mlops_nb.pipelines import EVALUATION, components
from mlops_nb.pipelines.platform import Platform
from mlops_nb.pipelines.pods import Pods


def define(platform: Platform | None) -> Any:
    """Return the pipeline as KFP has it.

    Args:
        platform: Whose pods the stages run in; None for the generic pipeline.
    """
    pods = Pods(platform)

    @dsl.pipeline(
        name="evaluation",
        description="Evaluate a model on test data, compare it, see whether it passes its gates.",
        pipeline_config=pods.config,
    )
    def evaluation(
        code_repo: str,
        code_sha: str,
        code_paths: str,
        notebook: str,
        data_repo: str,
        data_sha: str,
        test_dataset: str,
        other_datasets: str,
        earlier: str,
        tests: str,
        target: str,
        tracking_uri: str,
        experiment: str,
        model_uri: str,
        snapshot: str,
        criteria: str,
        code_ref: str = "",
    ) -> None:
        """Wire the stages; everything that varies is a parameter."""
        code = components.provision_code(
            volume=pods.volume, repo=code_repo, sha=code_sha, ref=code_ref
        )
        data = components.provision_data(
            volume=pods.volume,
            repo=data_repo,
            sha=data_sha,
            train="",
            test=test_dataset,
            other=other_datasets,
            earlier=earlier,
        )
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
            mlflow_run_id="",
            model_uri=model_uri,
            snapshot=snapshot,
            criteria=criteria,
        )
        for stage, task in zip(EVALUATION.stages, (code, data, evaluated), strict=True):
            pods.give(task, stage)

    return evaluation
