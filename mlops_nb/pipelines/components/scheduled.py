"""The stage of a schedule's firing on a cluster."""

from kfp import dsl

from mlops_nb.images import image


@dsl.component(base_image=image("data"), install_kfp_package=False)
def fire(
    schedule: str,
    repository: str,
    folder: str,
    surroundings: str,
    settings: str,
    versions: str,
) -> str:
    """Pin what a schedule runs, and have the server start a run of it."""
    from mlops_nb.stages import execute

    outputs = execute(
        "fire",
        schedule=schedule,
        repository=repository,
        folder=folder,
        surroundings=surroundings,
        settings=settings,
        versions=versions,
    )
    return outputs["run"]
