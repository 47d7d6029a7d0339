from __future__ import annotations

import pytest

from mlops_nb.deployment import metering
from mlops_nb.deployment.metering import Reading
from mlops_nb.serving.counters import Counters

INFINITE = float("inf")


def counted(requests=(), seconds=()):
    """Return the page of a service that has answered these, by route and status."""
    counters = Counters(None)
    for route, status in requests:
        counters.answered(route, status)
    for taken in seconds:
        counters.predicted(taken, rows=1)
    return counters.text({"name": "tumours"}).decode()


def test_predictions_are_counted_and_looks_are_not():
    asked = [("/invocations", 200), ("/v1/models/a:predict", 400), ("/v2/models/a/infer", 500)]
    page = counted([*asked, ("/metrics", 200), ("/", 200), ("other", 404)])
    found = metering.load(3, metering.reading(page, at=0.0), None)
    assert (found.number, found.requests, found.refused, found.failed) == (3, 3, 1, 1)
    assert (found.per_second, found.p50_s) == (None, None)
    assert found.memory_bytes > 0


def test_a_second_reading_says_how_fast_it_goes():
    before = metering.reading(counted([("/invocations", 200)] * 10, [20.0] * 10), at=0.0)
    after = metering.reading(
        counted([("/invocations", 200)] * 30, [20.0] * 10 + [0.004] * 20), at=4.0
    )
    found = metering.load(1, after, before)
    assert found.per_second == 5.0
    assert 0.0025 < found.p50_s < found.p99_s <= 0.005


def test_a_service_that_was_started_again_counts_anew():
    before = Reading(0.0, {200: 900}, ((1.0, 900.0), (INFINITE, 900.0)))
    found = metering.load(1, Reading(2.0, {200: 4}, ((1.0, 4.0), (INFINITE, 4.0))), before)
    assert (found.requests, found.per_second) == (4, 2.0)
    assert found.p50_s == 0.5


@pytest.mark.parametrize(
    ("buckets", "part", "value"),
    [
        ([], 0.5, None),
        ([(1.0, 0), (INFINITE, 0)], 0.5, None),
        ([(1.0, 4), (2.0, 4), (INFINITE, 4)], 0.5, 0.5),
        ([(1.0, 0), (2.0, 10), (INFINITE, 10)], 0.9, 1.9),
        ([(1.0, 1), (2.0, 1), (INFINITE, 10)], 0.99, 2.0),
    ],
)
def test_quantiles_are_those_of_prometheus(buckets, part, value):
    assert metering.quantile(buckets, part) == (value if value is None else pytest.approx(value))
