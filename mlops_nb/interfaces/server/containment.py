"""Keep paths of requests inside of the server's root."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath

from mlops_nb import paths
from mlops_nb.exceptions import ProjectError, UsageError
from mlops_nb.settings import FILE_NAME


def inside(root: Path, given: str) -> Path:
    """Return the place of a path that is relative to a folder, with all links resolved.

    Raises:
        UsageError: It is not such a path, or leads out of the folder.
    """
    parts = PurePosixPath(given).parts
    if given.startswith("/") or ".." in parts or not _is_plain(given):
        raise _outside(given)
    top = os.path.realpath(root)
    place = os.path.realpath(Path(top, *parts))
    if os.path.commonpath([top, place]) != top:
        raise _outside(given)
    return Path(place)


def project_of(root: Path, given: str) -> Path:
    """Return the folder of the project that holds a folder: the nearest upwards, to the root.

    Raises:
        UsageError: The folder is not in the root.
        ProjectError: None of them is a project.
    """
    folder, top = inside(root, given), Path(os.path.realpath(root))
    if not os.path.isdir(folder):  # noqa: PTH112  (one that cannot be looked at is none)
        raise ProjectError(
            f"there is no folder {given!r} in the server's root", hint="name one: ?project=FOLDER"
        )
    upwards = (folder, *folder.parents)
    for candidate in upwards[: upwards.index(top) + 1]:
        if os.path.isfile(candidate / FILE_NAME):  # noqa: PTH113
            return candidate
    raise ProjectError(
        f"no {FILE_NAME} in {given or 'the root of the server'}, or above it in the root",
        hint=f"make it a project: jupyter mlops init {given or '.'}",
    )


def file_of(root: Path, project: Path, given: str) -> Path:
    """Return the place of a file that is named as Jupyter does, or relative to the project.

    Raises:
        UsageError: It is not in the root.
    """
    place = inside(root, given)
    return place if os.path.lexists(place) else inside(project, given)


def _is_plain(given: str) -> bool:
    """Whether a text is a path for sure, whoever reads it."""
    return paths.can_be(given) and "\\" not in given


def _outside(given: str) -> UsageError:
    return UsageError(
        f"{given!r} is not a path inside of the server's root",
        hint="name it relative to the root, with forward slashes and without ..",
    )
