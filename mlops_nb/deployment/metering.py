"""What a revision counts, read from its Prometheus metrics."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_nb.types import Load

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import requests

    from mlops_nb.deployment import Endpoint

_PREDICTING = ("/invocations", ":predict", "/infer")
_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class Reading:
    """The counters of a revision at one time; `buckets` are cumulative, by their upper limit."""

    at: float
    statuses: Mapping[int, int] = field(default_factory=dict)
    buckets: Sequence[tuple[float, float]] = ()
    memory_bytes: int = 0

    @property
    def requests(self) -> int:
        """How many predictions were asked for."""
        return sum(self.statuses.values())


class Meter:
    """Reads one revision, again and again.

    Args:
        number: The revision.
    """

    def __init__(self, number: int) -> None:
        self._number = number
        self._before: Reading | None = None

    def read(self, session: requests.Session, endpoint: Endpoint) -> Load:
        """Return what the revision has counted.

        Raises:
            requests.RequestException: It gives no answer.
        """
        answer = session.get(
            f"{endpoint.url}/metrics", headers=endpoint.headers, timeout=_TIMEOUT_S
        )
        answer.raise_for_status()
        now = reading(answer.text, time.monotonic())
        before, self._before = self._before, now
        return load(self._number, now, before)


def reading(text: str, at: float) -> Reading:
    """Return the counters in a page of metrics."""
    from prometheus_client.parser import text_string_to_metric_families

    statuses: Counter[int] = Counter()
    buckets: list[tuple[float, float]] = []
    memory = 0.0
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name == "mlops_requests_total":
                if sample.labels["route"].endswith(_PREDICTING):
                    statuses[int(sample.labels["status"])] += int(sample.value)
            elif sample.name == "mlops_request_seconds_bucket":
                buckets.append((float(sample.labels["le"]), sample.value))
            elif sample.name == "process_resident_memory_bytes":
                memory = sample.value
    return Reading(at, statuses, sorted(buckets), int(memory))


def load(number: int, now: Reading, before: Reading | None) -> Load:
    """Return what two readings of a revision amount to; it counts anew after a restart."""
    if before is not None and before.requests > now.requests:
        before = Reading(before.at)
    rate = (now.requests - before.requests) / (now.at - before.at) if before else None
    recent = _since(now, before)
    return Load(
        number=number,
        requests=now.requests,
        refused=sum(n for status, n in now.statuses.items() if 400 <= status < 500),
        failed=sum(n for status, n in now.statuses.items() if status >= 500),
        per_second=rate,
        p50_s=quantile(recent, 0.5),
        p99_s=quantile(recent, 0.99),
        memory_bytes=now.memory_bytes,
    )


def quantile(buckets: Sequence[tuple[float, float]], part: float) -> float | None:
    """Return a quantile of a cumulative histogram, in the units of its limits.

    As Prometheus' `histogram_quantile`: linear inside a bucket, and the highest finite limit where
    it lies beyond that; None where nothing was counted.
    """
    total = buckets[-1][1] if buckets else 0
    if not total:
        return None
    low = below = 0.0
    for limit, count in buckets:
        if count >= part * total:
            if limit == float("inf"):
                return low
            return low + (limit - low) * (part * total - below) / (count - below)
        low, below = limit, count
    return low


def _since(now: Reading, before: Reading | None) -> list[tuple[float, float]]:
    earlier = dict(before.buckets) if before else {}
    return [(limit, count - earlier.get(limit, 0.0)) for limit, count in now.buckets]
