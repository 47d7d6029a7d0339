"""What all orders say alike: the pipeline, where it runs, and how long it may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.types import RunRequest

if TYPE_CHECKING:
    from mlops_nb.pipelines import Pipeline
    from mlops_nb.settings import Config
    from mlops_nb.types import Finding, Snapshot


def request(
    pipeline: Pipeline,
    config: Config,
    pins: Snapshot,
    arguments: dict[str, str],
    *,
    run_id: str,
    created_at: str,
    findings: tuple[Finding, ...],
    **others: Any,
) -> RunRequest:
    """Return the request of a run.

    Args:
        pipeline: The generic pipeline.
        config: The project's settings, which say where it runs, and how.
        pins: What was pinned.
        arguments: The pipeline's parameters.
        run_id: The new run's id.
        created_at: ISO 8601, UTC.
        findings: What is to be said of it.
        others: Fields of the request that are other than the settings say.
    """
    usual: dict[str, Any] = {
        "stages": pipeline.stages,
        "backend": config.run_backend,
        "rebuild": config.environment_rebuild,
        "cache": config.run_cache,
        "timeout_s": config.run_timeout_s,
        "stage_timeout_s": config.run_stage_timeout_s,
    }
    return RunRequest(
        id=run_id,
        pipeline=pipeline.name,
        pipeline_digest=pipeline.digest,
        snapshot=pins,
        arguments=arguments,
        created_at=created_at,
        findings=findings,
        **(usual | others),
    )
