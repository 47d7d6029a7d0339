"""A metric's values as they come in, in bounded memory: neighbours are merged to their extremes.

A chart has a few hundred columns of pixels. Per column its lowest and highest value draw the same
picture as all of them, so that is what is kept, however many are logged.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from mlops_nb.types import Curve

# Even, so that full buckets merge in pairs.
BUCKETS = 256


class _Value(NamedTuple):
    order: int
    step: int
    value: float


@dataclass(slots=True)
class _Bucket:
    low: _Value
    high: _Value
    gap: _Value | None = None

    def merge(self, other: _Bucket) -> None:
        self.low = _lower(self.low, other.low)
        self.high = _higher(self.high, other.high)
        self.gap = self.gap or other.gap

    def values(self) -> list[_Value]:
        found = {self.low, self.high} if math.isfinite(self.low.value) else set()
        return sorted(found | ({self.gap} if self.gap else set()))


@dataclass
class Series:
    """The values of one metric."""

    name: str
    count: int = 0
    _width: int = 1
    _buckets: list[_Bucket] = field(default_factory=list)
    _first: _Value | None = None
    _last: _Value | None = None
    _grows: bool = True

    def add(self, step: int, value: float) -> None:
        """Take the next value."""
        now = _Value(self.count + 1, step, value)
        self._first = self._first or now
        self._grows = self._grows and (self._last is None or step >= self._last.step)
        self._last = now
        one = _Bucket(now, now, None if math.isfinite(value) else now)
        if self.count % self._width:
            self._buckets[-1].merge(one)
        else:
            self._make_room()
            self._buckets.append(one)
        self.count += 1

    def curve(self) -> Curve:
        """Return what is to be drawn."""
        first, last = self._first, self._last
        if first is None or last is None:
            return Curve(name=self.name, axis="order", count=0, points=())
        by_step = self._grows and last.step > first.step
        kept = {first, last, *(value for bucket in self._buckets for value in bucket.values())}
        return Curve(
            name=self.name,
            axis="step" if by_step else "order",
            count=self.count,
            points=tuple(
                (
                    float(v.step if by_step else v.order),
                    v.value if math.isfinite(v.value) else math.nan,
                )
                for v in sorted(kept)
            ),
        )

    def _make_room(self) -> None:
        # All buckets are full here, so the next value begins a bucket of the new width as well.
        if len(self._buckets) == BUCKETS:
            for left, right in zip(self._buckets[::2], self._buckets[1::2], strict=True):
                left.merge(right)
            self._buckets = self._buckets[::2]
            self._width *= 2


def _lower(one: _Value, other: _Value) -> _Value:
    if not math.isfinite(one.value):
        return other
    return other if math.isfinite(other.value) and other.value < one.value else one


def _higher(one: _Value, other: _Value) -> _Value:
    if not math.isfinite(one.value):
        return other
    return other if math.isfinite(other.value) and other.value > one.value else one
