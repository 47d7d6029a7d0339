"""Bake a package into an image that serves it anywhere, with a bill of what is in it."""

from __future__ import annotations

import tempfile
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb import environments
from mlops_nb.deployment import sbom
from mlops_nb.images import access, building, context, engine, image
from mlops_nb.serving import package as packages

if TYPE_CHECKING:
    from mlops_nb.serving.package import Manifest
    from mlops_nb.settings import Config
    from mlops_nb.types import Environment

STAGE = "serving"
_TITLE = "org.opencontainers.image.title"
_COMMIT = "org.opencontainers.image.revision"
_TAG_LENGTH = 16


def build(config: Config, folder: Path, environment: Environment) -> str:
    """Build the image of a package and return its name, or its digest where it was pushed.

    What is the same as before is taken from the engine's layers: packages of the same lock are not
    installed again for another model.

    Args:
        config: The settings.
        folder: The package.
        environment: Interpreter and lock of the service.

    Raises:
        LockError: A package of the lock is in no index.
        ImageError: There is no engine, or it fails.
    """
    config.state_folder.mkdir(mode=0o700, exist_ok=True)
    log = config.state_folder / engine.LOG
    log.touch(mode=0o600)
    used = engine.find(config.container_engine or None, log)
    manifest, digest = packages.read(folder), packages.digest(folder)
    base = config.container_base or f"python:{environment.python}-slim"
    name = f"mlops-nb-model-{manifest.name}:{digest[:_TAG_LENGTH]}"
    with tempfile.TemporaryDirectory(prefix="mlops-nb-image-") as scratch:
        building.Recipe(used, Path(scratch)).make("tools", {"BASE": base})
        place = context.of_package(STAGE, folder, Path(scratch) / STAGE)
        lines = environments.must_have_an_index(environment)
        (place / "requirements.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        (place / "sbom.cdx.json").write_text(sbom.text(manifest, digest, lines), encoding="utf-8")
        used.build(
            name,
            context.settle(place),
            arguments={"BASE": base, "TOOLS": image("tools"), "PYTHON": environment.python},
            labels=_labels(manifest, digest),
            secrets=access.secrets(place.parent),
        )
    if not config.container_registry:
        return used.identify(name)[0]
    # A tag for each push, which may have another digest though the image is the same: where a later
    # one takes a tag over, a registry that removes what has none removes what a revision runs.
    reference = f"{config.container_registry}/{name}-{datetime.now(timezone.utc):%Y%m%d%H%M%S}"
    return f"{reference.rpartition(':')[0]}@{used.push(name, reference)}"


def _labels(manifest: Manifest, digest: str) -> dict[str, str]:
    origin = manifest.origin
    found = {
        _TITLE: manifest.name,
        _COMMIT: origin.get("code"),
        "mlops.package": digest,
        "mlops.snapshot": origin.get("snapshot"),
        "mlops.run": origin.get("run_id"),
        "mlops.model": origin["model"]["uri"],
        "mlops.model.digest": origin["model"].get("digest") or sbom.model_digest(manifest),
        "mlops.sbom": "/opt/mlops/sbom.cdx.json",
    }
    return {name: value for name, value in found.items() if value}
