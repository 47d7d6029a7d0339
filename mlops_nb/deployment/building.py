"""Build what a package runs in: an environment for a process, an image for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import environments
from mlops_nb.deployment import Built, assembling
from mlops_nb.deployment.targets import WITH_IMAGE
from mlops_nb.journal import Preparing, emit
from mlops_nb.serving import package

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.settings import Config
    from mlops_nb.types import Environment

PACKAGES = "packages"


def build(config: Config, descriptor: Descriptor, folder: Path, environment: Environment) -> Built:
    """Build what a target needs of a package.

    Args:
        config: The settings.
        descriptor: Names the target.
        folder: The package.
        environment: Interpreter and lock of the service.

    Raises:
        LockError: The packages of the lock cannot be had.
        ImageError: There is no engine for an image, or it fails.
    """
    if (descriptor.target or config.deploy_target) in WITH_IMAGE:
        from mlops_nb.deployment import imaging

        emit(Preparing(what=f"building an image of {len(environment.lock)} packages"))
        baked = imaging.build(config, folder, environment)
        return Built(package=package.digest(folder), image=baked)
    kept = assembling.kept(folder, config.state_folder / PACKAGES)
    place = config.state_folder / environments.FOLDER
    if environments.built(environment, place) is None:
        emit(Preparing(what=f"building an environment of {len(environment.lock)} packages"))
    return Built(
        package=package.digest(kept),
        folder=kept,
        python=environments.ready(environment, place),
    )
