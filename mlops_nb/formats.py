"""The format of a project's state folder, and how that of an earlier release becomes this one's.

The number stands in `.mlops/format`; a folder without one is of format 0. A later release leaves a
higher number behind, and what it has written is not touched by this one. Records are not rewritten:
each reads what earlier ones lack by its defaults. A step is for all else, does no harm when it is
done twice, and leaves alone what goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import locks
from mlops_nb.exceptions import ProjectError
from mlops_nb.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FILE = "format"


def _without_old_indexes(folder: Path) -> None:
    """Remove the lists of ended runs that other releases kept; this one makes its own."""
    for path in folder.glob("index-*.msgpack"):
        path.unlink(missing_ok=True)


# What makes each format of the one before it.
STEPS: Sequence[tuple[Callable[[Path], None], ...]] = ((_without_old_indexes,),)


def settle(folder: Path, steps: Sequence[tuple[Callable[[Path], None], ...]] = STEPS) -> None:
    """Bring a state folder to the format of this release; nothing is done where that is its own.

    Args:
        folder: The state folder, which need not exist.
        steps: What makes each format of the one before it.

    Raises:
        ProjectError: A later release has written it, or a step cannot be done.
    """
    found = _format(folder)
    if found == len(steps) or not folder.is_dir():
        return
    if found > len(steps):
        raise ProjectError(
            f"{folder} has the format {found}, of a later release of mlops_nb; "
            f"this one knows {len(steps)}",
            hint="pip install --upgrade mlops_nb",
        )
    try:
        with locks.held(folder / f"{FILE}.lock"):
            for number in range(_format(folder), len(steps)):
                for step in steps[number]:
                    step(folder)
                replace_file(folder / FILE, f"{number + 1}\n".encode())
    except OSError as error:
        raise ProjectError(
            f"{folder} is of an earlier release, and cannot be brought to this one's format: "
            f"{error}",
            hint=f"let this user write there: {folder}",
        ) from error


def _format(folder: Path) -> int:
    path = folder / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return 0
    if not text.strip().isdecimal():
        raise ProjectError(
            f"{path} holds {text[:20]!r} and not a number",
            hint=f"remove it, and the format is found anew: rm {path}",
        )
    return int(text)
