"""The references of pushed images in `mlops.toml`; the rest of the file stays as it was written."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops_nb.exceptions import UsageError
from mlops_nb.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_SECTION = "images"


def write(path: Path, registry: str, references: Mapping[str, str]) -> None:
    """Put the registry and the references by digest into the section `[images]`.

    Args:
        path: The file.
        registry: The registry that they were pushed to.
        references: The reference of each stage's image; those of other stages stay.
    """
    import tomlkit

    document = tomlkit.parse(path.read_text(encoding="utf-8"))
    section = document.setdefault(_SECTION, tomlkit.table())
    section.update({"registry": registry, **references})
    file = path.resolve()
    replace_file(file, tomlkit.dumps(document).encode(), file.stat().st_mode & 0o777)


def must_be_registry(registry: str) -> None:
    """Refuse what is no name of a registry.

    Raises:
        UsageError: It holds a scheme, a user or a tag.
    """
    if not re.fullmatch(r"[A-Za-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*", registry):
        raise UsageError(
            f"{registry!r} is no registry", hint="write it as host, host:port or host/team"
        )
