"""The interpreter and the packages installed for it."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import json
import os
import platform
import re
import sys
import sysconfig
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from mlops_nb.capture import secrets
from mlops_nb.capture.git import without_credentials
from mlops_nb.exceptions import UsageError
from mlops_nb.types import Environment

_OWN = "mlops-nb"
_SECRET_NAME = re.compile(r"(?i)(token|passw(or)?d|secret|credential|private|api_?key|access_?key)")


def read(top: Path | None = None) -> Environment:
    """Return the environment of this process.

    The lock has names and versions, and for what did not come from an index the commit, the archive
    or the folder that it came from, without the credentials that such a URL may hold.

    Args:
        top: Top folder of the repository; packages installed from inside of it come with the code.
    """
    found = {_requirement(d, top) for d in distributions()}
    return Environment.of(
        python=platform.python_version(),
        implementation=platform.python_implementation(),
        platform=f"{platform.system()}-{platform.machine()}",
        lock={line for line, _ in found},
        local=tuple(sorted(line.partition("==")[0] for line, local in found if local)),
    )


def from_folders(lock: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """List name and folder of the packages that were installed from outside of the repository."""
    pairs = (line.partition(" @ file://") for line in lock)
    return tuple((name, unquote(path)) for name, at, path in pairs if at)


def variables(names: tuple[str, ...]) -> dict[str, str]:
    """Return the environment variables that runs receive.

    Raises:
        UsageError: One of them is not set, or is a secret: these values are recorded.
    """
    must_be_set(names)
    for name in names:
        if is_secret_name(name) or secrets.find(os.environ[name].encode()):
            raise UsageError(
                f"{name} is a secret by its name or its value, and variables are recorded",
                hint="name it in mlops.toml under environment.secrets instead",
            )
    return {name: os.environ[name] for name in names}


def is_secret_name(name: str) -> bool:
    """Whether a variable of this name holds a secret by convention."""
    return _SECRET_NAME.search(name) is not None


def must_be_set(names: tuple[str, ...]) -> None:
    """Raise `UsageError` where one of these environment variables is not set."""
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise UsageError(
            f"environment variable {missing[0]} is not set, and mlops.toml passes it to runs",
            hint=f"set it, or take its name out of mlops.toml: export {missing[0]}=...",
        )


def module_file(name: str) -> Path | None:
    """Return the file that a module of this process comes from, or would come from.

    Returns:
        Its file; None for one that has none (a built-in, a namespace) or is part of the
        interpreter or of an installed package.

    Raises:
        ModuleNotFoundError: There is no such module.
    """
    module = sys.modules.get(name)
    spec = getattr(module, "__spec__", None) or importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(name)
    if spec.origin is None or not Path(spec.origin).is_file():
        return None
    path = Path(spec.origin).resolve()
    return None if any(path.is_relative_to(folder) for folder in _installed()) else path


def is_installed(name: str) -> bool:
    """Whether the interpreter or an installed package has a module of this name."""
    if name in sys.stdlib_module_names:
        return True
    return importlib.machinery.PathFinder.find_spec(name, list(map(str, _installed()))) is not None


def _installed() -> list[Path]:
    kinds = ("purelib", "platlib", "stdlib", "platstdlib")
    return [Path(sysconfig.get_path(kind)).resolve() for kind in kinds]


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


def _requirement(distribution: Distribution, top: Path | None) -> tuple[str, bool]:
    """Return the line of the lock, and whether the package comes with the code."""
    name, version, origin = _installation(distribution)
    pinned = f"{name}=={version}"
    if origin is None or name == _OWN:
        return pinned, False
    inside = top is not None and origin.startswith("file:") and _folder(origin).is_relative_to(top)
    return (pinned, True) if inside else (f"{name} @ {origin}", False)


class _Installation(NamedTuple):
    """What the record of an installed package says; `origin` is None for an index."""

    name: str
    version: str
    origin: str | None


def _installation(distribution: Distribution) -> _Installation:
    """Return what a record says; one whose files are as they were is not read again.

    Reading some hundred of them takes longer than all else that is pinned.
    """
    folder, stamp = getattr(distribution, "_path", None), None
    if isinstance(folder, Path):
        stamp = tuple(_stamp(path) for path in (folder, *(folder / file for file in _FILES)))
        known = _INSTALLATIONS.get(folder)
        if known is not None and known[0] == stamp:
            return known[1]
    found = _read(distribution)
    if isinstance(folder, Path) and stamp is not None:
        _INSTALLATIONS[folder] = (stamp, found)
    return found


# A record has its facts in one of the first two.
_FILES = ("METADATA", "PKG-INFO", "direct_url.json")
_Stamp = tuple[int, int, int] | None
_INSTALLATIONS: dict[Path, tuple[tuple[_Stamp, ...], _Installation]] = {}


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return (status.st_ino, status.st_mtime_ns, status.st_size)


def _read(distribution: Distribution) -> _Installation:
    # One look at the metadata: the file is parsed anew for every attribute of it.
    metadata = distribution.metadata
    name = re.sub(r"[-_.]+", "-", metadata["Name"] or "unknown").lower()
    return _Installation(name, metadata["Version"] or "unknown", _origin(distribution))


def _origin(distribution: Distribution) -> str | None:
    """Return the URL that a package was installed from, None for an index.

    The record is that of PEP 610.
    """
    text = distribution.read_text("direct_url.json")
    if text is None:
        return None
    record = json.loads(text)
    url = without_credentials(record["url"])
    if "vcs_info" in record:
        return f"{record['vcs_info']['vcs']}+{url}@{record['vcs_info']['commit_id']}"
    return url


def _folder(url: str) -> Path:
    return Path(unquote(urlsplit(url).path)).resolve()
