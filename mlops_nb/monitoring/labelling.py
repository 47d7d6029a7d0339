"""What predictions should have been, told later and kept beside the log of their requests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import locks
from mlops_nb.files import replace_file
from mlops_nb.serving import inference_log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

# From here on labels are forgotten with the rows that they belong to.
LABELS_BYTES = 8 << 20
_LOCK = "labels.lock"


def label(folder: Path, told: Mapping[str, Any]) -> None:
    """Say of requests, by their ids, what turned out to be right.

    Labels of requests that are not in the log any more are forgotten, where they have become many.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / inference_log.LABELS
    with locks.held(folder / _LOCK):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(_lines(told))
        if path.stat().st_size > LABELS_BYTES:
            _forget(path, told)


def _forget(path: Path, told: Mapping[str, Any]) -> None:
    known, logged = inference_log.labels(path.parent), inference_log.ids(path.parent)
    # The log is written by a thread of its own, which may not have the newest yet.
    kept = {id_: one for id_, one in known.items() if id_ in logged or id_ in told}
    if 2 * len(kept) < len(known):
        replace_file(path, _lines(kept))


def _lines(told: Mapping[str, Any]) -> bytes:
    return b"".join(msgspec.json.encode([id_, one]) + b"\n" for id_, one in told.items())
