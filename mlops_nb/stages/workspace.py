"""The clean checkout that a stage works in: the pinned code, the pinned data in their places."""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.capture import git
from mlops_nb.stages import volume as volumes

if TYPE_CHECKING:
    from collections.abc import Iterator


# Of each file, where it is; paths of the files in the data repository.
FILES = "files.json"
# The same of datasets as they were once; not there where nobody asked, or they are lost.
EARLIER = "earlier.json"
_EARLIER_FOLDER = "earlier"


@contextmanager
def opened(volume: str, code: str, data: str, notebook: str) -> Iterator[Path]:
    """Check out the code, link the data into it, and work in the notebook's folder meanwhile.

    Args:
        volume: What the stages of the run share.
        code: Place of the repository in it, made by provision-code.
        data: Place of the datasets in it, made by provision-data.
        notebook: The notebook's path in the repository.

    Yields:
        The top of the checkout.
    """
    with tempfile.TemporaryDirectory(prefix="workspace-") as scratch:
        top = Path(scratch, "code")
        git.checkout(volumes.existing(volume, code), top)
        place = volumes.existing(volume, data)
        link(place, top)
        if (place / EARLIER).is_file():
            top.with_name(_EARLIER_FOLDER).mkdir()
            link(place, top.with_name(_EARLIER_FOLDER), EARLIER)
        before = Path.cwd()
        os.chdir((top / notebook).parent)
        try:
            yield top
        finally:
            os.chdir(before)


def import_folders(top: Path, code_paths: str) -> list[str]:
    """Return the folders of the checkout to import from, for those the session imported from."""
    return [str(top / folder) for folder in encoding.loads(code_paths)]


def import_from(folders: list[str]) -> None:
    """Let this process import the modules of the checkout."""
    sys.path[:0] = [str(Path.cwd()), *folders]


def earlier(top: Path) -> Path | None:
    """Return the folder beside a checkout with the datasets as they were once, None for none."""
    folder = top.with_name(_EARLIER_FOLDER)
    return folder if folder.is_dir() else None


def link(data: Path, top: Path, listed: str = FILES) -> None:
    """Put links to the files of a list that provision-data has made into their places."""
    files: dict[str, str] = encoding.loads((data / listed).read_bytes())
    for folder in {(top / name).parent for name in files}:
        folder.mkdir(parents=True, exist_ok=True)
    for name, source in files.items():
        place = top / name
        place.unlink(missing_ok=True)
        # What git holds is beside the list, and all else elsewhere.
        place.symlink_to((data / source).resolve())
