"""The stages as KFP components: each calls the stage of its name, in a process or in a pod."""

from typing import NamedTuple

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("code"), install_kfp_package=False)
def provision_code(volume: str, repo: str, sha: str, ref: str) -> str:
    """Fetch one commit of the code repository."""
    from mlops_nb.stages import execute

    return execute("provision-code", volume=volume, repo=repo, sha=sha, ref=ref)["code"]


@dsl.component(base_image=image("data"), install_kfp_package=False)
def provision_data(volume: str, repo: str, sha: str, train: str, test: str, other: str) -> str:
    """Fetch and verify the datasets as one commit of the data repository points at them."""
    from mlops_nb.stages import execute

    outputs = execute(
        "provision-data", volume=volume, repo=repo, sha=sha, train=train, test=test, other=other
    )
    return outputs["data"]


@dsl.component(base_image=image("train"), install_kfp_package=False)
def train(
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    hyperparameters: str,
    environment: str,
    variables: str,
    secrets: str,
    cell_timeout_s: str,
    tracking_uri: str,
    experiment: str,
    autolog: str,
    snapshot: str,
    executed: dsl.Output[dsl.Artifact],
) -> NamedTuple("Outputs", [("mlflow_run_id", str), ("model_uri", str)]):  # type: ignore[valid-type]
    """Execute the notebook and track it."""
    from typing import NamedTuple

    from mlops_nb.stages import execute

    outputs = execute(
        "train",
        volume=volume,
        code=code,
        data=data,
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
        executed=executed.path,
    )
    result = NamedTuple("result", [("mlflow_run_id", str), ("model_uri", str)])
    return result(outputs["mlflow_run_id"], outputs["model_uri"])


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def evaluate(
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    test: str,
    target: str,
    tracking_uri: str,
    mlflow_run_id: str,
    model_uri: str,
    snapshot: str,
) -> str:
    """Compute the model's metrics on the test dataset."""
    from mlops_nb.stages import execute

    outputs = execute(
        "evaluate",
        volume=volume,
        code=code,
        data=data,
        code_paths=code_paths,
        notebook=notebook,
        test=test,
        target=target,
        tracking_uri=tracking_uri,
        mlflow_run_id=mlflow_run_id,
        model_uri=model_uri,
        snapshot=snapshot,
    )
    return outputs["metrics"]


@dsl.component(base_image=image("evaluate"), install_kfp_package=False)
def register(
    metrics: str,
    tracking_uri: str,
    mlflow_run_id: str,
    model_uri: str,
    name: str,
    alias: str,
) -> str:
    """Make a model version of the model, with its alias."""
    from mlops_nb.stages import execute

    outputs = execute(
        "register",
        metrics=metrics,
        tracking_uri=tracking_uri,
        mlflow_run_id=mlflow_run_id,
        model_uri=model_uri,
        name=name,
        alias=alias,
    )
    return outputs["version"]


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
