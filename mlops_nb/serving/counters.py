"""What the service counts, as Prometheus reads it; several workers give one sum."""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_WRITE_S = 1.0
_HELP = {
    "mlops_requests_total": ("counter", "Requests answered, by route and status."),
    "mlops_request_seconds": ("histogram", "Time from a prediction's request to its answer."),
    "mlops_rows_total": ("counter", "Rows predicted."),
    "mlops_batches_total": ("counter", "Batches predicted."),
    "mlops_log_rows_dropped_total": ("counter", "Rows that the inference log could not take."),
    "mlops_requests_in_flight": ("gauge", "Requests that are being answered."),
    "process_cpu_seconds_total": ("counter", "Processor time of all workers."),
    "process_resident_memory_bytes": ("gauge", "Most memory that each worker held, added up."),
    "mlops_model_info": ("gauge", "What is served."),
}


class Counts(msgspec.Struct):
    """The counts of one worker; `requests` by route and status."""

    requests: dict[str, int] = {}
    buckets: list[int] = msgspec.field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    seconds: float = 0.0
    rows: int = 0
    batches: int = 0
    dropped: int = 0
    in_flight: int = 0
    cpu_s: float = 0.0
    memory_bytes: int = 0


class Counters:
    """Counts of this worker, and of the others through files in a folder that they share.

    Args:
        folder: The folder; None where there are no others.
    """

    def __init__(self, folder: Path | None) -> None:
        self.counts = Counts()
        self._folder = folder
        self._written = 0.0

    def answered(self, route: str, status: int) -> None:
        """Count a request."""
        key = f"{route} {status}"
        self.counts.requests[key] = self.counts.requests.get(key, 0) + 1
        if self._folder is not None and time.monotonic() - self._written > _WRITE_S:
            self.write()

    def predicted(self, seconds: float, rows: int) -> None:
        """Count a prediction."""
        place = next((i for i, limit in enumerate(BUCKETS_S) if seconds <= limit), len(BUCKETS_S))
        self.counts.buckets[place] += 1
        self.counts.seconds += seconds
        self.counts.rows += rows

    def write(self) -> None:
        """Let the other workers see the counts."""
        if self._folder is None:
            return
        self._written = time.monotonic()
        path = self._folder / f"{os.getpid()}.json"
        scratch = path.with_suffix(".new")
        scratch.write_bytes(msgspec.json.encode(self._now()))
        scratch.replace(path)

    def text(self, info: dict[str, str]) -> bytes:
        """Return the counts of all workers in Prometheus' text format."""
        return "".join(_lines(self._all(), info)).encode()

    def _now(self) -> Counts:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        self.counts.cpu_s = usage.ru_utime + usage.ru_stime
        self.counts.memory_bytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        return self.counts

    def _all(self) -> Counts:
        if self._folder is None:
            return self._now()
        self.write()
        total = Counts()
        for path in self._folder.glob("*.json"):
            _add(total, msgspec.json.decode(path.read_bytes(), type=Counts))
        return total


def shared_folder() -> Path:
    """Return a new folder for the counts of several workers."""
    return Path(tempfile.mkdtemp(prefix="mlops-serving-"))


def _add(total: Counts, one: Counts) -> None:
    for key, count in one.requests.items():
        total.requests[key] = total.requests.get(key, 0) + count
    total.buckets = [a + b for a, b in zip(total.buckets, one.buckets, strict=True)]
    for name in ("seconds", "rows", "batches", "dropped", "in_flight", "cpu_s", "memory_bytes"):
        setattr(total, name, getattr(total, name) + getattr(one, name))


def _lines(counts: Counts, info: dict[str, str]) -> Iterator[str]:
    for name, (kind, description) in _HELP.items():
        yield f"# HELP {name} {description}\n# TYPE {name} {kind}\n"
        for labels, value in _values(name, counts, info):
            yield f"{name}{labels} {value}\n"


def _values(name: str, counts: Counts, info: dict[str, str]) -> Iterator[tuple[str, object]]:
    if name == "mlops_requests_total":
        for key, count in sorted(counts.requests.items()):
            route, status = key.split()
            yield f'{{route="{route}",status="{status}"}}', count
    elif name == "mlops_request_seconds":
        total = 0
        for limit, count in zip((*BUCKETS_S, "+Inf"), counts.buckets, strict=True):
            total += count
            yield f'_bucket{{le="{limit}"}}', total
        yield "_sum", counts.seconds
        yield "_count", total
    elif name == "mlops_model_info":
        yield "{" + ",".join(f'{k}="{_escaped(v)}"' for k, v in info.items()) + "}", 1
    else:
        yield "", getattr(counts, _FIELDS[name])


_FIELDS = {
    "mlops_rows_total": "rows",
    "mlops_batches_total": "batches",
    "mlops_log_rows_dropped_total": "dropped",
    "mlops_requests_in_flight": "in_flight",
    "process_cpu_seconds_total": "cpu_s",
    "process_resident_memory_bytes": "memory_bytes",
}


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
