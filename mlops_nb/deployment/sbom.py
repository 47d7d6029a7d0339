"""The bill of materials of a service, as CycloneDX has it: its packages and its model."""

from __future__ import annotations

import hashlib
import re
import uuid
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from mlops_nb.serving import package

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_nb.serving.package import Manifest

_LINE = re.compile(r"(?P<name>[\w.-]+)(?:\[[^]]*\])?\s*(?:==\s*(?P<version>\S+)|@\s*(?P<url>\S+))")
# The same package gives the same bill, whenever it is written.
_SINCE = datetime.fromtimestamp(0, timezone.utc)


def text(manifest: Manifest, digest: str, lock: Iterable[str]) -> str:
    """Return the bill of a package as JSON.

    Args:
        manifest: What the package is.
        digest: The package's digest.
        lock: Its packages, `name==version` or `name @ URL` each.
    """
    model = Component(
        name=manifest.name,
        version=str(manifest.origin["model"].get("version") or ""),
        type=ComponentType.MACHINE_LEARNING_MODEL,
        bom_ref="model",
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=model_digest(manifest))],
    )
    service = Component(
        name=manifest.name, version=digest, type=ComponentType.APPLICATION, bom_ref="service"
    )
    python = Component(
        name="python", version=manifest.python, type=ComponentType.PLATFORM, bom_ref="python"
    )
    libraries = [found for line in lock if (found := _library(line)) is not None]
    bom = Bom(
        components=[model, python, *libraries],
        metadata=BomMetaData(component=service, timestamp=_SINCE),
        serial_number=uuid.uuid5(uuid.NAMESPACE_OID, digest),
    )
    bom.register_dependency(service, [model, python, *libraries])
    return JsonV1Dot6(bom).output_as_string(indent=2)


def model_digest(manifest: Manifest) -> str:
    """Return the SHA-256 over the digests of all files of the model."""
    files = sorted(
        f"{digest}  {name}\n"
        for name, digest in manifest.files.items()
        if name.startswith(f"{package.MODEL}/")
    )
    return hashlib.sha256("".join(files).encode()).hexdigest()


def _library(line: str) -> Component | None:
    match = _LINE.match(line)
    if match is None:
        return None
    version = match["version"] or ""
    url = {"vcs_url": match["url"]} if match["url"] else None
    purl = PackageURL("pypi", name=match["name"], version=version or None, qualifiers=url)
    return Component(
        name=match["name"],
        version=version,
        type=ComponentType.LIBRARY,
        purl=purl,
        bom_ref=purl.to_string(),
    )
