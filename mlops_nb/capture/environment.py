"""The interpreter and the packages installed for it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from importlib.metadata import distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlops_nb.capture import secrets
from mlops_nb.exceptions import UsageError
from mlops_nb.types import Environment

_SECRET_NAME = re.compile(r"(?i)(token|passw(or)?d|secret|credential|private|api_?key|access_?key)")


def read() -> Environment:
    """Return the environment of this process.

    Only names and versions are taken: a full requirement may hold a URL with a token in it.
    """
    # One look at the metadata each: the file is parsed anew for every attribute of it.
    installed = [distribution.metadata for distribution in distributions()]
    lock = sorted({_requirement(found["Name"], found["Version"]) for found in installed})
    python, implementation = platform.python_version(), platform.python_implementation()
    system = f"{platform.system()}-{platform.machine()}"
    text = "\n".join((implementation, python, system, *lock))
    return Environment(
        python=python,
        implementation=implementation,
        platform=system,
        lock=tuple(lock),
        hash=hashlib.sha256(text.encode()).hexdigest(),
    )


def editable(root: Path) -> tuple[tuple[str, str], ...]:
    """List the packages that are installed from folders outside of the repository.

    Returns:
        Name and folder of each; this package itself is left out.
    """
    found = []
    for distribution in distributions():
        text = distribution.read_text("direct_url.json")
        if text is None or '"editable"' not in text:
            continue
        record = json.loads(text)
        folder = Path(unquote(urlsplit(record["url"]).path))
        outside = not folder.resolve().is_relative_to(root.resolve())
        name = distribution.metadata["Name"]
        if record.get("dir_info", {}).get("editable") and outside and name != "mlops_nb":
            found.append((name, str(folder)))
    return tuple(found)


def variables(names: tuple[str, ...]) -> dict[str, str]:
    """Return the environment variables that runs receive.

    Raises:
        UsageError: One of them is not set, or is a secret: these values are recorded.
    """
    must_be_set(names)
    for name in names:
        if _SECRET_NAME.search(name) or secrets.find(os.environ[name].encode()):
            raise UsageError(
                f"{name} is a secret by its name or its value, and variables are recorded",
                hint="name it in mlops.toml under environment.secrets instead",
            )
    return {name: os.environ[name] for name in names}


def must_be_set(names: tuple[str, ...]) -> None:
    """Raise `UsageError` where one of these environment variables is not set."""
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise UsageError(
            f"environment variable {missing[0]} is not set, and mlops.toml passes it to runs",
            hint=f"set it, or take its name out of mlops.toml: export {missing[0]}=...",
        )


def import_paths(root: Path) -> tuple[str, ...]:
    """List the folders of the repository that this session imports from.

    An editable install or a `sys.path` entry points into the user's folder; the run must import
    the same modules from its own checkout instead.
    """
    top = root.resolve()
    found = []
    for entry in sys.path:
        path = Path(entry).resolve()
        inside = path.is_relative_to(top) and path.is_dir()
        if entry and inside and not path.is_relative_to(Path(sys.prefix).resolve()):
            relative = path.relative_to(top).as_posix()
            found.append("" if relative == "." else relative)
    return tuple(dict.fromkeys(found))


def _requirement(name: str | None, version: str | None) -> str:
    normal = re.sub(r"[-_.]+", "-", name or "unknown").lower()
    return f"{normal}=={version or 'unknown'}"
