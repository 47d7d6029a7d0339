"""What a build gets to see: a stage's files, and this package as it is here."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from mlops_nb.version import __version__

FOLDER = Path(__file__).parent
_PACKAGE = FOLDER.parent
# The first second that every archive format can hold.
_TIME = 315_532_800


def write(stage: str, target: Path) -> Path:
    """Write the context of a stage's build into a new folder and return that."""
    shutil.copytree(FOLDER / stage, target)
    package = target / "package"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(_PACKAGE, package / _PACKAGE.name, ignore=ignored)
    record = package / f"{_PACKAGE.name}-{__version__}.dist-info"
    record.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {_PACKAGE.name}\nVersion: {__version__}\n"
    (record / "METADATA").write_text(metadata, encoding="utf-8")
    return settle(target)


def of_package(stage: str, package: Path, target: Path) -> Path:
    """Write the context of a build that takes a package of a model, and return that folder."""
    shutil.copytree(FOLDER / stage, target)
    shutil.copytree(package, target / "package", ignore=shutil.ignore_patterns("__pycache__"))
    return target


def settle(folder: Path) -> Path:
    """Give all files the same mode and time everywhere, so that the same files are the same layer.

    A private umask would make them unreadable for the user of the image.
    """
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_TIME, _TIME))
    return folder
