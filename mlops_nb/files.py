"""Files that are there as a whole or not at all."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from mlops_nb import crash

if TYPE_CHECKING:
    from pathlib import Path


def replace_file(path: Path, data: bytes, mode: int = 0o600) -> None:
    """Write a file as a whole or not at all: a reader sees the old content or the new.

    Only the user can read it, where `mode` says nothing else.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        crash.point(f"writing {path.name}")
        scratch.replace(path)
    except BaseException:
        scratch.unlink(missing_ok=True)
        raise
