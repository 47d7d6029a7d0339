"""The interpreter and the packages installed for it."""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
import sys
from importlib.metadata import Distribution, distributions
from pathlib import Path
from urllib.parse import unquote, urlsplit

from mlops_nb.capture import secrets
from mlops_nb.capture.git import without_credentials
from mlops_nb.exceptions import UsageError
from mlops_nb.types import Environment

_SECRET_NAME = re.compile(r"(?i)(token|passw(or)?d|secret|credential|private|api_?key|access_?key)")


def read() -> Environment:
    """Return the environment of this process.

    The lock has names and versions, and for what did not come from an index the commit or the
    archive that it came from, without the credentials that such a URL may hold.
    """
    lock = sorted(set(map(_requirement, distributions())))
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


def _requirement(distribution: Distribution) -> str:
    # One look at the metadata: the file is parsed anew for every attribute of it.
    metadata = distribution.metadata
    name = re.sub(r"[-_.]+", "-", metadata["Name"] or "unknown").lower()
    origin = _origin(distribution)
    return f"{name} @ {origin}" if origin else f"{name}=={metadata['Version'] or 'unknown'}"


def _origin(distribution: Distribution) -> str | None:
    """Return the URL that a package was installed from, None for an index or a folder.

    The record is that of PEP 610.
    """
    text = distribution.read_text("direct_url.json")
    if text is None:
        return None
    record = json.loads(text)
    url = without_credentials(record["url"])
    if "vcs_info" in record:
        return f"{record['vcs_info']['vcs']}+{url}@{record['vcs_info']['commit_id']}"
    return url if "archive_info" in record and not url.startswith("file:") else None
