"""The pipeline that a recurring run of a cluster runs at each of its times."""

from typing import Any

from kfp import dsl

from mlops_nb.pipelines import SCHEDULED, components
from mlops_nb.pipelines.platform import Platform
from mlops_nb.pipelines.pods import Pods


def define(platform: Platform | None) -> Any:
    """Return the pipeline as KFP has it.

    Args:
        platform: Whose pods the stages run in; None for the generic pipeline.
    """
    pods = Pods(platform)

    @dsl.pipeline(
        name="scheduled",
        description="Pin the head of a branch, and submit the pipeline of a schedule for it.",
    )
    def scheduled(
        schedule: str,
        repository: str,
        folder: str,
        surroundings: str,
        settings: str,
        versions: str,
    ) -> None:
        """Wire the one stage; its pod has files of its own, and no volume."""
        fired = components.fire(
            schedule=schedule,
            repository=repository,
            folder=folder,
            surroundings=surroundings,
            settings=settings,
            versions=versions,
        )
        pods.give(fired, *SCHEDULED.stages)

    return scheduled
