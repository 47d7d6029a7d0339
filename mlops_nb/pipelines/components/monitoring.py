"""The stages of monitoring: count a window, compare it, decide what follows."""

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def collect(
    volume: str,
    deployment: str,
    target: str,
    revision: str,
    package: str,
    origin: str,
    reference_run: str,
    span: str,
    tracking_uri: str,
    project: str,
    settings: str,
    log: str,
    sample: str,
    snapshot: str,
) -> str:
    """Count a window of the requests that a revision has answered."""
    from mlops_nb.stages import execute

    outputs = execute(
        "collect",
        volume=volume,
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
    return outputs["window"]


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def drift(
    volume: str,
    window: str,
    origin: str,
    reference_run: str,
    tracking_uri: str,
    experiment: str,
    run_id: str,
    snapshot: str,
) -> str:
    """Compare a window with its reference, and report what is found."""
    from mlops_nb.stages import execute

    outputs = execute(
        "drift",
        volume=volume,
        window=window,
        origin=origin,
        reference_run=reference_run,
        tracking_uri=tracking_uri,
        experiment=experiment,
        run_id=run_id,
        snapshot=snapshot,
    )
    return outputs["report"]


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def decide(
    volume: str, report: str, on_drift: str, follow: str, project: str, snapshot: str
) -> str:
    """Raise an alarm where a window has drifted, and start what is to follow it."""
    from mlops_nb.stages import execute

    outputs = execute(
        "decide",
        volume=volume,
        report=report,
        on_drift=on_drift,
        follow=follow,
        project=project,
        snapshot=snapshot,
    )
    return outputs["started"]
