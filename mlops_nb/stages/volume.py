"""What the stages of a run share: a folder of the run on one machine, a mounted volume in pods.

Code and data go through it, and not through the pipeline's artifact store: that would carry every
byte up once and down again for each stage that reads it. Places in it are named by their content,
so a volume that outlives a run serves the next one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb import journal
from mlops_nb.exceptions import StageError
from mlops_nb.journal import RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

KFP_RUN_ID = "KFP_RUN_ID"
# Of a run that is a part of another one: what that one has provisioned.
SHARED = "MLOPS_SHARED"


def in_pod() -> bool:
    """Whether this process works for a run on a cluster."""
    return KFP_RUN_ID in os.environ and journal.RUN_FOLDER not in os.environ


def folder(volume: str) -> Path:
    """Return the shared folder.

    Args:
        volume: Where pods have it mounted; a run on one machine has it in its own folder.
    """
    shared, run = os.environ.get(SHARED), os.environ.get(journal.RUN_FOLDER)
    if shared:
        return Path(shared)
    return RunFolder(Path(run)).work / "shared" if run else Path(volume)


def home(project: str, volume: str) -> Path:
    """Return the folder of a project, where it is on this machine, or what stands in for it."""
    return Path(project) if project else folder(volume)


def existing(volume: str, place: str) -> Path:
    """Return a place that an earlier stage has filled.

    Raises:
        StageError: It is not there.
    """
    path = folder(volume) / place
    if not path.exists():
        raise StageError(
            f"{place} is not in the volume of the run",
            hint="the volume is gone, as after the end of a run: train again",
        )
    return path


@contextmanager
def filled(path: Path) -> Iterator[Path]:
    """Give a scratch folder, and make what is in it then the content of a place, as a whole.

    Where the place is there already it stays as it is: it has the same content.

    Raises:
        StageError: The volume may not be written.
    """
    scratch = _scratch(path)
    try:
        yield scratch
        if not path.exists():
            scratch.rename(path)
    except FileExistsError:
        pass
    except OSError:
        if not path.exists():
            raise
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _scratch(path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(tempfile.mkdtemp(prefix=f".{path.name}-", dir=path.parent))
    except PermissionError as error:
        raise StageError(
            f"user {os.getuid()} of group {os.getgid()} may not write {error.filename}",
            hint="let pods write their volume: give its folder to group 0, mode 2775",
        ) from error


def keep_ref(volume: str, ref: str) -> None:
    """Keep the snapshot's ref for the later stages of this run.

    It names the run, and is no parameter of theirs: the platform's cache would find none of them
    unchanged.
    """
    path = _ref(volume)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(ref, encoding="utf-8")


def ref(volume: str) -> str:
    """Return the snapshot's ref, "" where no stage has kept it."""
    path = _ref(volume)
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _ref(volume: str) -> Path:
    return folder(volume) / "refs" / (os.environ.get(KFP_RUN_ID) or "local")
