"""Build the images of the stages, and push them."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from mlops_nb.exceptions import UsageError
from mlops_nb.images import (
    STAGES,
    access,
    context,
    engine,
    image,
    origin,
    references,
    repository,
)
from mlops_nb.settings import FILE_NAME
from mlops_nb.types import Image
from mlops_nb.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_nb.images.engine import Engine
    from mlops_nb.settings import Config

_LABEL = "org.opencontainers.image"
_NONE: Mapping[str, str] = MappingProxyType({})


def build(
    config: Config | None,
    *,
    stages: Sequence[str] = (),
    base: str | None = None,
    push: str | None = None,
    engine_name: str | None = None,
) -> tuple[Image, ...]:
    """Build images, push them, and write their references into the project's settings.

    Args:
        config: The project; None where nothing is pushed.
        stages: Names of images; all of them if empty.
        base: Image to build on; that of this Python version if None.
        push: Registry to push to; none if None.
        engine_name: The engine; the first one that is installed if None.

    Raises:
        UsageError: An argument names nothing that there is.
        ImageError: There is no engine, or it fails.
    """
    wanted = _known(stages)
    if push is not None:
        references.must_be_registry(push)
    used = engine.find(engine_name, _log(config))
    built = _build_all(used, wanted, base or f"python:{platform.python_version()}-slim")
    if config is None or push is None:
        return built
    pushed = tuple(_pushed(used, one, push) for one in built)
    found = {one.stage: one.reference for one in pushed if one.reference}
    references.write(config.root / FILE_NAME, push, found)
    return pushed


def _known(stages: Sequence[str]) -> tuple[str, ...]:
    for stage in stages:
        if stage not in STAGES:
            raise UsageError(f"there is no image {stage!r}", hint=f"there are: {', '.join(STAGES)}")
    return tuple(stage for stage in STAGES if not stages or stage in stages)


def _log(config: Config | None) -> Path:
    """Return a new log, private: in the project's state folder, where there is a project."""
    if config is None:
        descriptor, path = tempfile.mkstemp(prefix="mlops-nb-images-", suffix=".log")
        os.close(descriptor)
        return Path(path)
    config.state_folder.mkdir(mode=0o700, exist_ok=True)
    log = config.state_folder / engine.LOG
    log.unlink(missing_ok=True)
    log.touch(mode=0o600)
    return log


def _build_all(used: Engine, stages: Sequence[str], base: str) -> tuple[Image, ...]:
    with tempfile.TemporaryDirectory(prefix="mlops-nb-images-") as scratch:
        recipe = Recipe(used, Path(scratch))
        recipe.make("tools", {"BASE": base})
        recipe.make("base", {"BASE": base, "TOOLS": image("tools")})
        shared = {"BASE": image("base"), "TOOLS": image("tools")}
        # Not on what is shared: they change with each commit, and with them all that builds on it.
        labels = {f"{_LABEL}.version": __version__, **origin.labels(_LABEL)}
        return tuple(recipe.make(stage, shared, labels) for stage in stages)


class Recipe:
    """What all builds of one call have in common.

    Args:
        used: The engine.
        scratch: A private folder, for as long as it takes.
    """

    def __init__(self, used: Engine, scratch: Path) -> None:
        self.engine, self.scratch = used, scratch
        self.secrets = access.secrets(scratch)

    def make(
        self, stage: str, arguments: Mapping[str, str], labels: Mapping[str, str] = _NONE
    ) -> Image:
        """Build one image."""
        start = time.monotonic()
        self.engine.build(
            image(stage),
            context.write(stage, self.scratch / stage),
            arguments=arguments,
            labels={f"{_LABEL}.title": repository(stage), **labels},
            secrets=self.secrets,
        )
        id_, size_bytes = self.engine.identify(image(stage))
        return Image(
            stage=stage,
            name=image(stage),
            id=id_,
            size_bytes=size_bytes,
            seconds=time.monotonic() - start,
        )


def _pushed(used: Engine, built: Image, registry: str) -> Image:
    import msgspec

    digest = used.push(built.name, f"{registry}/{built.name}")
    reference = f"{registry}/{repository(built.stage)}@{digest}"
    return msgspec.structs.replace(built, reference=reference)
