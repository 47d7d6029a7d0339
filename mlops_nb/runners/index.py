"""Summaries of ended runs, kept beside them, so that a list of thousands need not read them all.

The file is a cache: whoever lists runs adds what it lacks, and all that is lost with it is time. An
entry holds for as long as the run's journal has the size and the time that it had. Each is one
`write` in append mode, so that entries of several processes never mix.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from typing import TYPE_CHECKING

import msgspec

from mlops_nb.exceptions import RunError
from mlops_nb.files import replace_file
from mlops_nb.types import Record, Summary

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from pathlib import Path

    from mlops_nb.types import Run

Stamp = tuple[int, int]
_PREFIX, _SUFFIX = "index-", ".msgpack"
_LENGTH_BYTES = 4
# A file with so many dead entries for each that lives is written anew.
_DEAD, _ALWAYS = 2, 100
_EVENTS = "events.jsonl"


class Entry(Record, array_like=True, frozen=True):
    """An ended run, and the size and time of its journal when it was read."""

    stamp: Stamp
    summary: Summary


_DECODER = msgspec.msgpack.Decoder(Entry)
_ENCODER = msgspec.msgpack.Encoder()
# A release with other fields does not read entries of this one.
_VERSION = hashlib.sha256(repr(msgspec.json.schema(Entry)).encode()).hexdigest()[:12]


class Index:
    """The summaries of a project's runs.

    Args:
        folder: Where the runs are.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder.parent / f"{_PREFIX}{_VERSION}{_SUFFIX}"
        self._entries: dict[str, Entry] = {}
        self._offset, self._frames, self._inode = 0, 0, 0
        self._lock = threading.Lock()

    def summaries(self, get: Callable[[str], Run | None]) -> dict[str, Summary]:
        """Return the summaries of all runs by their ids.

        Args:
            get: Returns a run as it is now, None where it is gone; asked only of those that go on,
                or that the index does not know as they are.

        Raises:
            RunError: The record of one is damaged.
        """
        with self._lock:
            stamps = dict(_stamps(self.folder))
            self._catch_up()
            known = {name: self._entries[name] for name in stamps if name in self._entries}
            found = {n: e.summary for n, e in known.items() if e.stamp == stamps[n]}
            runs, damaged = _read(get, [name for name in stamps if name not in found])
            found.update((name, Summary.of(run)) for name, run in runs.items())
            ended = [name for name, run in runs.items() if run.state.terminal]
            self._keep([Entry(stamps[name], found[name]) for name in ended], stamps)
        if damaged is not None:
            raise damaged
        return found

    def _catch_up(self) -> None:
        """Read what has been added since the last look, by whichever process."""
        try:
            with self.path.open("rb") as file:
                status = os.fstat(file.fileno())
                if status.st_ino != self._inode or status.st_size < self._offset:
                    self._offset, self._frames, self._inode = 0, 0, status.st_ino
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return
        try:
            for entry, length in _frames(data):
                self._entries[entry.summary.id] = entry
                self._offset += length
                self._frames += 1
        except msgspec.DecodeError:
            # A full disk tore an entry off, and others came after it.
            self.path.unlink(missing_ok=True)

    def _keep(self, fresh: list[Entry], alive: Collection[str]) -> None:
        """Add entries to the file. Where it cannot be written they are in memory all the same."""
        if not fresh:
            return
        self._entries.update((entry.summary.id, entry) for entry in fresh)
        self._entries = {name: e for name, e in self._entries.items() if name in alive}
        with contextlib.suppress(OSError):
            if self._frames > _DEAD * len(alive) + _ALWAYS:
                replace_file(self.path, b"".join(map(_frame, self._entries.values())))
            else:
                _append(self.path, b"".join(map(_frame, fresh)))


def of(folder: Path) -> Index:
    """Return the index of a folder of runs, the same for all of this process."""
    with _LOCK:
        return _INDEXES.setdefault(folder.absolute(), Index(folder))


_INDEXES: dict[Path, Index] = {}
_LOCK = threading.Lock()


def _read(
    get: Callable[[str], Run | None], names: Iterable[str]
) -> tuple[dict[str, Run], RunError | None]:
    """Read runs, and return the first error: for one that is damaged none is read twice."""
    runs, damaged = {}, None
    for name in names:
        try:
            run = get(name)
        except RunError as error:
            damaged = damaged or error
            continue
        if run is not None:
            runs[name] = run
    return runs, damaged


def _stamps(folder: Path) -> Iterator[tuple[str, Stamp]]:
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name[0] != "."]
    except FileNotFoundError:
        return
    for name in names:
        with contextlib.suppress(OSError):
            status = os.stat(f"{folder}/{name}/{_EVENTS}")  # noqa: PTH116  (thousands of them)
            yield name, (status.st_size, status.st_mtime_ns)


def _frame(entry: Entry) -> bytes:
    data = _ENCODER.encode(entry)
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data


def _frames(data: bytes) -> Iterator[tuple[Entry, int]]:
    """Yield the entries that are there as a whole, each with its length in the file."""
    start = 0
    while start + _LENGTH_BYTES <= len(data):
        end = start + _LENGTH_BYTES + int.from_bytes(data[start : start + _LENGTH_BYTES], "big")
        if end > len(data):
            return
        yield _DECODER.decode(data[start + _LENGTH_BYTES : end]), end - start
        start = end


def _append(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, data)
    finally:
        os.close(descriptor)
