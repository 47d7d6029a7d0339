"""Every answered request as a line of JSON, for monitoring; never in the way of an answer.

A thread of its own writes. What it cannot write, because it cannot keep up or the disk is full, is
counted and left out. Files begin anew at a size, and the oldest go when all of them are too large.
"""

from __future__ import annotations

import contextlib
import os
import queue
import random
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.serving import predictions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

FILE_BYTES = 8 << 20
LABELS = "labels.jsonl"
# Files of rows: those of a revision, of a process, counted.
PATTERN = "*-*-*.jsonl"
_QUEUE = 4096
_END = None


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One answered request.

    Attributes:
        id: The request's id.
        at: Seconds since the epoch.
        revision: Number of the revision that answered.
        latency_s: From the request to its answer.
        inputs: Values of each column; those of tensors under their names.
        outputs: The predictions, one a row.
        label: What turned out to be right, where somebody has told; None until then.
    """

    id: str
    at: float
    revision: str
    latency_s: float
    inputs: dict[str, Any]
    outputs: Any
    label: Any = None


class _Id(msgspec.Struct, frozen=True):
    id: str


class InferenceLog:
    """Writes rows into files of a folder.

    Args:
        folder: It is made where it does not exist; the one above it has to be there.
        revision: Number of the revision.
        sample: Part of the requests to keep, 0 to 1.
        limit_bytes: Most that the folder's rows may take.
        dropped: Is told of each row that is left out.
    """

    def __init__(
        self,
        folder: Path,
        revision: str,
        *,
        sample: float,
        limit_bytes: int,
        dropped: Callable[[], None],
    ) -> None:
        self._folder, self._revision, self._sample = folder, revision, sample
        self._limit_bytes, self._dropped = limit_bytes, dropped
        self._file_bytes = max(1, min(FILE_BYTES, limit_bytes // 4))
        self._queue: queue.Queue[tuple[Any, ...] | None] = queue.Queue(_QUEUE)
        self._number = 0
        self._thread = threading.Thread(target=self._write, daemon=True, name="inference-log")
        self._thread.start()

    def add(self, id_: str, latency_s: float, inputs: Any, outputs: Any) -> None:
        """Take a request, if it is one of the sample and there is room for it."""
        if self._sample < 1 and random.random() >= self._sample:  # noqa: S311
            return
        try:
            self._queue.put_nowait((id_, time.time(), latency_s, inputs, outputs))
        except queue.Full:
            self._dropped()

    def close(self, timeout_s: float = 5.0) -> None:
        """Write what was taken, and end."""
        try:
            self._queue.put(_END, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _write(self) -> None:
        while (taken := self._queue.get()) is not _END:
            self._keep(*taken)

    def _keep(self, *taken: Any) -> None:
        try:
            self._append(self._line(*taken))
        except Exception:
            # Whatever it is, a prediction has been answered and others will be.
            self._dropped()

    def _line(self, id_: str, at: float, latency_s: float, inputs: Any, outputs: Any) -> bytes:
        row = Row(
            id=id_,
            at=at,
            revision=self._revision,
            latency_s=latency_s,
            inputs=_by_name(inputs),
            outputs=predictions.plain(outputs),
        )
        return msgspec.json.encode(row, enc_hook=str) + b"\n"

    def _append(self, line: bytes) -> None:
        path = self._path()
        if path.exists() and path.stat().st_size + len(line) > self._file_bytes:
            self._number += 1
            path = self._path()
            self._make_room()
        # Without those above it: where they are gone, they are meant to be.
        self._folder.mkdir(mode=0o700, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            if os.write(descriptor, line) != len(line):
                raise OSError("a part of a row")
        finally:
            os.close(descriptor)

    def _path(self) -> Path:
        # Replicas may share a folder, and in each of them the service is process 1.
        process = f"{socket.gethostname()}.{os.getpid()}"
        return self._folder / f"{self._revision}-{process}-{self._number}.jsonl"

    def _make_room(self) -> None:
        found = list(self._folder.glob(PATTERN))
        found.sort(key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in found)
        while found and total > self._limit_bytes - self._file_bytes:
            total -= found[0].stat().st_size
            found.pop(0).unlink(missing_ok=True)


def read(folder: Path) -> Iterator[Row]:
    """Yield the rows of a folder with their labels, oldest file first, without torn lines."""
    known = labels(folder)
    for path in sorted(folder.glob(PATTERN), key=lambda path: path.stat().st_mtime):
        for line in path.read_bytes().splitlines():
            try:
                row = msgspec.json.decode(line, type=Row)
            except msgspec.DecodeError:
                continue
            if row.id in known:
                row = msgspec.structs.replace(row, label=known[row.id])
            yield row


def ids(folder: Path) -> set[str]:
    """Return the ids of all logged requests."""
    decoder = msgspec.json.Decoder(_Id)
    found = set()
    for path in folder.glob(PATTERN):
        for line in path.read_bytes().splitlines():
            with contextlib.suppress(msgspec.DecodeError):
                found.add(decoder.decode(line).id)
    return found


def labels(folder: Path) -> dict[str, Any]:
    """Return the labels of a folder by the ids of their requests; the last word counts."""
    path = folder / LABELS
    found: dict[str, Any] = {}
    for line in path.read_bytes().splitlines() if path.is_file() else ():
        try:
            id_, told = msgspec.json.decode(line, type=tuple[str, Any])
        except msgspec.DecodeError:
            continue
        found[id_] = told
    return found


def _by_name(inputs: Any) -> dict[str, Any]:
    if hasattr(inputs, "columns"):
        return {str(name): inputs[name].tolist() for name in inputs.columns}
    if isinstance(inputs, dict):
        return {str(name): value.tolist() for name, value in inputs.items()}
    return {"inputs": inputs.tolist()}
