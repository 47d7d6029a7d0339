"""Small pipelines, of KFP's own parts only."""

from kfp import dsl, kubernetes

IMAGE = "registry.invalid/python:1"
component = dsl.component(base_image=IMAGE, install_kfp_package=False)


@component
def produce(size: int) -> str:
    print("producing", size)
    return "x" * size


@component
def consume(text: str, barrier: str) -> int:
    """Print, and fail or wait as long as the barrier says so."""
    import pathlib
    import sys
    import time

    print(f"got {text}", flush=True)
    while barrier and pathlib.Path(barrier).exists():
        if pathlib.Path(barrier).read_text() == "fail":
            sys.exit(3)
        time.sleep(0.05)
    return len(text)


@dsl.pipeline(name="small")
def small(size: int, barrier: str = ""):
    produced = produce(size=size)
    produced.set_caching_options(False)
    consume(text=produced.output, barrier=barrier).set_caching_options(False)


@dsl.pipeline(name="cached")
def cached(size: int):
    consume(text=produce(size=size).output, barrier="")


@component
def show(place: str) -> str:
    """Print the environment, and leave a file in the workspace."""
    import json
    import os
    import pathlib

    print("ENVIRONMENT", json.dumps(dict(os.environ)))
    if place:
        pathlib.Path(place, "left").write_text("by show")
    return place


@component
def look(place: str, before: str):
    import os
    import pathlib

    print("found", pathlib.Path(place, "left").read_text())
    os.write(1, b"\xff not text\n")


@dsl.pipeline(
    name="working",
    pipeline_config=dsl.PipelineConfig(
        workspace=dsl.WorkspaceConfig(
            size="1Gi",
            kubernetes=dsl.KubernetesWorkspaceConfig(
                pvcSpecPatch={"accessModes": ["ReadWriteOnce"]}
            ),
        )
    ),
)
def working():
    first = show(place=dsl.WORKSPACE_PATH_PLACEHOLDER)
    first.set_caching_options(False)
    second = look(place=dsl.WORKSPACE_PATH_PLACEHOLDER, before=first.output)
    second.set_caching_options(False)


@dsl.pipeline(name="dressed")
def dressed(
    cpu: str = "100m",
    image: str = IMAGE,
    secret: str = "git-credentials",  # noqa: S107
    tolerations: list = [],  # noqa: B006
):
    task = show(place="")
    task.set_caching_options(False).set_container_image(image)
    task.set_cpu_request(cpu).set_memory_limit("1Gi").set_env_variable("PLAIN", "value")
    task.set_accelerator_type("nvidia.com/gpu").set_accelerator_limit(1)
    kubernetes.use_secret_as_env(task, secret, {"password": "GIT_PASSWORD"})
    kubernetes.use_secret_as_env(task, "absent", {"key": "ABSENT"}, optional=True)
    kubernetes.use_field_path_as_env(task, "RUN", "metadata.labels['pipeline/runid']")
    kubernetes.use_field_path_as_env(task, "POD", "metadata.name")
    kubernetes.add_node_selector_json(task, {"disk": "fast"})
    kubernetes.add_toleration_json(task, tolerations)
    kubernetes.set_image_pull_secrets(task, ["pull"])


@dsl.pipeline(name="claiming")
def claiming(claim: str, path: str = ""):
    task = produce(size=1)
    kubernetes.mount_pvc(task, pvc_name=claim, mount_path="/proc/data")


@dsl.pipeline(name="retrying")
def retrying(barrier: str):
    task = consume(text="a", barrier=barrier)
    task.set_retry(num_retries=2, backoff_duration="0s")


@dsl.pipeline(name="looping")
def looping(barrier: str):
    with dsl.ParallelFor(["a", "bb"]) as text:
        consume(text=text, barrier=barrier).set_caching_options(False)
