"""The monitoring pipeline."""

from typing import Any

from kfp import dsl

from mlops_nb.pipelines import MONITORING, components
from mlops_nb.pipelines.platform import Platform
from mlops_nb.pipelines.pods import Pods


def define(platform: Platform | None) -> Any:
    """Return the pipeline as KFP has it.

    Args:
        platform: Whose pods the stages run in; None for the generic pipeline.
    """
    pods = Pods(platform)

    @dsl.pipeline(
        name="monitoring",
        description="Compare the requests of a deployment with the data of its model's training.",
        pipeline_config=pods.config,
    )
    def monitoring(
        deployment: str,
        target: str,
        revision: str,
        package: str,
        origin: str,
        reference_run: str,
        span: str,
        on_drift: str,
        follow: str,
        tracking_uri: str,
        experiment: str,
        settings: str,
        run_id: str,
        snapshot: str,
        project: str = "",
        log: str = "",
        sample: str = "1",
    ) -> None:
        """Wire the stages; everything that varies is a parameter."""
        collected = components.collect(
            volume=pods.volume,
            deployment=deployment,
            target=target,
            revision=revision,
            package=package,
            origin=origin,
            reference_run=reference_run,
            span=span,
            tracking_uri=tracking_uri,
            project=project,
            settings=settings,
            log=log,
            sample=sample,
            snapshot=snapshot,
        )
        compared = components.drift(
            volume=pods.volume,
            window=collected.output,
            origin=origin,
            reference_run=reference_run,
            tracking_uri=tracking_uri,
            experiment=experiment,
            run_id=run_id,
            snapshot=snapshot,
        )
        decided = components.decide(
            volume=pods.volume,
            report=compared.output,
            on_drift=on_drift,
            follow=follow,
            project=project,
            snapshot=snapshot,
        )
        tasks = (collected, compared, decided)
        for stage, task in zip(MONITORING.stages, tasks, strict=True):
            pods.give(task, stage)
            # What was asked since the last time is in no parameter.
            task.set_caching_options(False)

    return monitoring
