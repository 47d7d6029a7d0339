"""The deployment pipeline."""

from typing import Any

from kfp import dsl

from mlops_nb.pipelines import DEPLOYMENT, components
from mlops_nb.pipelines.platform import Platform
from mlops_nb.pipelines.pods import Pods


def define(platform: Platform | None) -> Any:
    """Return the pipeline as KFP has it.

    Args:
        platform: Whose pods the stages run in; None for the generic pipeline.
    """
    pods = Pods(platform)

    @dsl.pipeline(
        name="deployment",
        description="Assemble a model's package, build it, put it up, verify it, give it traffic.",
        pipeline_config=pods.config,
    )
    def deployment(
        code_repo: str,
        code_sha: str,
        descriptor: str,
        origin: str,
        snapshot: str,
        tracking_uri: str,
        mlflow_run_id: str,
        settings: str,
        code_ref: str = "",
        project: str = "",
    ) -> None:
        """Wire the stages; everything that varies is a parameter."""
        code = components.provision_code(
            volume=pods.volume, repo=code_repo, sha=code_sha, ref=code_ref
        )
        assembled = components.assemble(
            volume=pods.volume,
            code=code.output,
            descriptor=descriptor,
            origin=origin,
            snapshot=snapshot,
            tracking_uri=tracking_uri,
            mlflow_run_id=mlflow_run_id,
            project=project,
        )
        built = components.build(
            volume=pods.volume,
            package=assembled.outputs["package"],
            descriptor=descriptor,
            environment=assembled.outputs["environment"],
            project=project,
            settings=settings,
        )
        deployed = components.deploy(
            volume=pods.volume,
            built=built.output,
            descriptor=descriptor,
            origin=origin,
            project=project,
            settings=settings,
        )
        verified = components.verify(
            volume=pods.volume,
            package=assembled.outputs["package"],
            descriptor=descriptor,
            revision=deployed.outputs["revision"],
            traffic=deployed.outputs["traffic"],
            tracking_uri=tracking_uri,
            project=project,
            settings=settings,
        )
        tasks = (code, assembled, built, deployed, verified)
        for stage, task in zip(DEPLOYMENT.stages, tasks, strict=True):
            # What they leave is no output that a cache has.
            task.set_caching_options(False)
            pods.give(task, stage)

    return deployment
