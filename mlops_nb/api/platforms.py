"""What a cluster is given: pipelines, images, and who asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import paths, pipelines
from mlops_nb.exceptions import UsageError
from mlops_nb.images import building
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlops_nb.api.lookup import Folder
    from mlops_nb.types import Image, Published


def compile(
    output: Path | str = ".", *, backend: str = "local", project: Folder = None
) -> tuple[Path, ...]:
    """Write the compiled pipelines, one YAML each.

    Args:
        output: Folder to write to; it is made where it does not exist.
        backend: "local" for the generic pipelines, the same for every project; "kubeflow" for
            those that `publish` uploads, with what the project's settings have for pods.
        project: A folder of the project, for "kubeflow".

    Returns:
        The files.
    """
    folder = paths.given(output)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    known = pipelines.PIPELINES.values() if backend == "local" else pipelines.ON_CLUSTER
    for pipeline in known:
        path = folder / pipeline.compiled.name
        path.write_bytes(_compiled(pipeline, backend, project))
        written.append(path)
    return tuple(written)


def _compiled(pipeline: pipelines.Pipeline, backend: str, project: Folder) -> bytes:
    if backend == "local":
        return pipeline.compiled.read_bytes()
    from mlops_nb.pipelines.compiler import compile_pipeline
    from mlops_nb.pipelines.platform import Platform

    config = Config.load(project).override(run_backend=backend)
    if not config.on_cluster:
        raise UsageError(
            f"nothing is compiled for {backend!r}",
            hint="compile for a cluster with --backend kubeflow, or for all without it",
        )
    return compile_pipeline(pipeline, Platform.of(config)).encode()


def login(*, project: Folder = None, say: Callable[[str], None] = print) -> str:
    """Log in at the Kubeflow endpoint, or look whether the token that it asks for is there.

    Args:
        project: A folder of the project.
        say: Is given what the user has to do, such as an address to open.

    Returns:
        Who is logged in, or what would be sent and until when.

    Raises:
        ConfigError: A setting under `[kubeflow]` is missing.
        LoginError: The identity provider refuses, or there is nothing to send.
    """
    return authentication.login(Config.load(project), say)


def logout(*, project: Folder = None) -> bool:
    """Forget the session that `login` kept; return whether there was one."""
    return authentication.logout(Config.load(project))


def publish(*, project: Folder = None) -> tuple[Published, ...]:
    """Upload the pipelines to the Kubeflow Pipelines server that the settings name.

    Each is compiled with the images, secrets, volumes and nodes of `mlops.toml`; a version that the
    server has already is not uploaded again. `train` publishes what is missing by itself.

    Raises:
        BackendError: The server refuses, or gives no answer.
    """
    from mlops_nb.runners.kubeflow import KubeflowRunner

    return KubeflowRunner(Config.load(project)).publish()


def build_images(
    *,
    stages: Sequence[str] = (),
    base: str | None = None,
    push: str | None = None,
    engine: str | None = None,
    project: Folder = None,
) -> tuple[Image, ...]:
    """Build the images that stages run in on a cluster, with podman, docker or buildah.

    Args:
        stages: Names of images, such as "train"; all of them if empty.
        base: Image to build on, which has Python; that of this very Python version if None.
        push: Registry to push to, such as "host/team"; the references by digest are then written
            into the project's `mlops.toml`.
        engine: The engine; the first of the three that is installed if None.
        project: A folder of the project; needed for `push` alone.

    Raises:
        ImageError: No engine is installed, a build fails, or the registry refuses.
    """
    config = Config.load(project) if push or project else None
    return building.build(config, stages=stages, base=base, push=push, engine_name=engine)
