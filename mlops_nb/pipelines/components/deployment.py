"""The stages of deployment: assemble a package, build it, put it up, verify it."""

from typing import NamedTuple

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("deploy"), install_kfp_package=False)
def assemble(
    volume: str,
    code: str,
    descriptor: str,
    origin: str,
    snapshot: str,
    tracking_uri: str,
    mlflow_run_id: str,
    project: str,
) -> NamedTuple("Outputs", [("package", str), ("environment", str)]):  # type: ignore[valid-type]
    """Put model, wrapper, modules, lock and service together as a package."""
    from typing import NamedTuple

    from mlops_nb.stages import execute

    outputs = execute(
        "assemble",
        volume=volume,
        code=code,
        descriptor=descriptor,
        origin=origin,
        snapshot=snapshot,
        tracking_uri=tracking_uri,
        mlflow_run_id=mlflow_run_id,
        project=project,
    )
    result = NamedTuple("result", [("package", str), ("environment", str)])
    return result(outputs["package"], outputs["environment"])


@dsl.component(base_image=image("deploy"), install_kfp_package=False)
def build(
    volume: str, package: str, descriptor: str, environment: str, project: str, settings: str
) -> str:
    """Build what the package runs in, an environment or an image."""
    from mlops_nb.stages import execute

    outputs = execute(
        "build",
        volume=volume,
        package=package,
        descriptor=descriptor,
        environment=environment,
        project=project,
        settings=settings,
    )
    return outputs["built"]


@dsl.component(base_image=image("deploy"), install_kfp_package=False)
def deploy(
    volume: str, built: str, descriptor: str, origin: str, project: str, settings: str
) -> NamedTuple("Outputs", [("revision", str), ("traffic", str)]):  # type: ignore[valid-type]
    """Put a revision up beside those that serve, without traffic."""
    from typing import NamedTuple

    from mlops_nb.stages import execute

    outputs = execute(
        "deploy",
        volume=volume,
        built=built,
        descriptor=descriptor,
        origin=origin,
        project=project,
        settings=settings,
    )
    result = NamedTuple("result", [("revision", str), ("traffic", str)])
    return result(outputs["revision"], outputs["traffic"])


@dsl.component(base_image=image("deploy"), install_kfp_package=False)
def verify(
    volume: str,
    package: str,
    descriptor: str,
    revision: str,
    traffic: str,
    tracking_uri: str,
    project: str,
    settings: str,
) -> str:
    """Verify the revision, then give it the traffic that it is to have."""
    from mlops_nb.stages import execute

    outputs = execute(
        "verify",
        volume=volume,
        package=package,
        descriptor=descriptor,
        revision=revision,
        traffic=traffic,
        tracking_uri=tracking_uri,
        project=project,
        settings=settings,
    )
    return outputs["url"]
