"""The file of a run's metric points: appended to by its kernels, followed by all who care.

A line is a JSON array: name, step, seconds since the epoch, value, and then, where the point has
them, the ids of its model and its dataset. NaN and the infinities are their names as text, because
JSON has no numbers for them. A point is the truth as soon as its line is in the file: the file
survives any death of the kernel that wrote it, and MLflow gets a copy from there.

`points.acknowledged` beside it says up to which byte MLflow has the points, and `points.asked` is
there while a kernel waits for that.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.types import Point

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

FILE = "MLOPS_POINTS"
_NAMES = {math.inf: "Infinity", -math.inf: "-Infinity"}


class LoggedPoint(Point, array_like=True, frozen=True):
    """A point with what MLflow knows beside it."""

    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None


# Not strict: a name such as "NaN" is read as the number that it stands for.
_POINTS = msgspec.json.Decoder(Point, strict=False)
_LOGGED = msgspec.json.Decoder(LoggedPoint, strict=False)
_ENCODER = msgspec.json.Encoder()


@dataclass(frozen=True)
class PointsFile:
    """A points file and the two small files beside it."""

    path: Path

    def begin(self) -> None:
        """Start an empty file; an earlier attempt's stays beside it as `points.1.jsonl`.

        A file of its own for each attempt: a straggler of the old one cannot write into the new.
        Who follows the run sees a new attempt by its `mlflow_run_id`, or by an offset that is
        smaller than the one asked for, and begins again at 0.
        """
        if self.path.exists():
            earlier = len(list(self.path.parent.glob(f"{self.path.stem}.*{self.path.suffix}")))
            self.path.rename(self.path.with_suffix(f".{earlier + 1}{self.path.suffix}"))
        self._acknowledged.unlink(missing_ok=True)
        self._asked.unlink(missing_ok=True)
        os.close(self.open())

    def open(self) -> int:
        """Return a descriptor to append with."""
        return os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def size(self) -> int:
        """Return the size in bytes, 0 where there is no file."""
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def read(self, offset: int = 0) -> tuple[list[Point], int]:
        """Return the points after a byte offset, and the offset to go on from.

        An offset behind the end means that the file has begun anew: it is read from its start.
        """
        return self._read(_POINTS, offset, -1)

    def read_logged(self, offset: int, limit_bytes: int) -> tuple[list[LoggedPoint], int]:
        """Return at most so many bytes of points with all that MLflow is to know of them."""
        return self._read(_LOGGED, offset, limit_bytes)

    def acknowledged(self) -> int:
        """Return the offset up to which MLflow has the points."""
        try:
            return int(self._acknowledged.read_text())
        except FileNotFoundError:
            return 0

    def acknowledge(self, offset: int) -> None:
        """Say that MLflow has the points up to this offset."""
        scratch = self.path.with_suffix(".acknowledged.tmp")
        scratch.write_text(str(offset))
        scratch.replace(self._acknowledged)

    def ask(self) -> None:
        """Ask for what is in the file to be sent to MLflow at once."""
        self._asked.touch()

    def heed(self) -> bool:
        """Return whether somebody has asked since the last call."""
        try:
            self._asked.unlink()
        except FileNotFoundError:
            return False
        return True

    @property
    def _acknowledged(self) -> Path:
        return self.path.with_suffix(".acknowledged")

    @property
    def _asked(self) -> Path:
        return self.path.with_suffix(".asked")

    def _read(self, decoder: Any, offset: int, limit: int) -> tuple[list[Any], int]:
        if offset > self.size():
            offset = 0
        try:
            with self.path.open("rb") as file:
                file.seek(offset)
                data = file.read(limit)
        except FileNotFoundError:
            return [], 0
        end = data.rfind(b"\n") + 1
        return _decode(decoder, data[:end]), offset + end


def encode(points: Iterable[Point]) -> bytes:
    """Return the lines of points."""
    return b"".join(map(_line, points))


def latest(points: Iterable[Point], known: dict[str, Point]) -> None:
    """Put each name's point of the largest step into `known`; of equal steps, the last logged."""
    for point in points:
        before = known.get(point.name)
        if before is None or point.step >= before.step:
            known[point.name] = point


def _line(point: Point) -> bytes:
    value = point.value if math.isfinite(point.value) else _NAMES.get(point.value, "NaN")
    row = [point.name, point.step, point.at, value]
    if isinstance(point, LoggedPoint) and (point.model_id or point.dataset_name):
        row += [point.model_id, point.dataset_name, point.dataset_digest]
    return _ENCODER.encode(row) + b"\n"


def _decode(decoder: Any, data: bytes) -> list[Any]:
    try:
        points: list[Any] = decoder.decode_lines(data)
    except msgspec.DecodeError:
        # A full disk or a crash tore a line; it is passed over, and those around it are whole.
        points = [point for line in data.splitlines() for point in _decode_line(decoder, line)]
    return points


def _decode_line(decoder: Any, line: bytes) -> list[Any]:
    try:
        return [decoder.decode(line)]
    except msgspec.DecodeError:
        return []
