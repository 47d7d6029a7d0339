from __future__ import annotations

import math
import random

from mlops_nb.following.series import BUCKETS, Series


def series(values, steps=None):
    made = Series("m")
    for i, value in enumerate(values):
        made.add(i if steps is None else steps[i], value)
    return made.curve()


def test_few_values_are_all_there():
    assert series([3.0, 1.0, 2.0]).points == ((0, 3.0), (1, 1.0), (2, 2.0))


def test_of_many_values_the_extremes_the_first_and_the_last_are_kept():
    chance = random.Random(1)  # noqa: S311
    values = [chance.random() for _ in range(200_000)]
    values[123_456], values[7] = 50.0, -50.0
    curve = series(values)
    assert len(curve.points) <= 2 * BUCKETS + 2
    assert curve.count == 200_000
    assert {(123_456, 50.0), (7, -50.0)} <= set(curve.points)
    assert curve.points[0] == (0, values[0])
    assert curve.points[-1] == (199_999, values[-1])


def test_extremes_of_every_stretch_are_kept_at_any_length():
    values = [float(i % 13) for i in range(5_000)]
    made = Series("m")
    for n, value in enumerate(values, start=1):
        made.add(n, value)
        if n in (BUCKETS, BUCKETS + 1, 2 * BUCKETS + 1, 5_000):
            kept = [y for _, y in made.curve().points]
            assert (min(kept), max(kept)) == (min(values[:n]), max(values[:n]))


def test_points_come_in_order():
    xs = [x for x, _ in series([math.sin(i / 50) for i in range(10_000)]).points]
    assert xs == sorted(set(xs))


def test_values_without_steps_are_drawn_in_the_order_they_came():
    curve = series([3.0, 2.0, 1.0], steps=[0, 0, 0])
    assert curve.axis == "order"
    assert [x for x, _ in curve.points] == [1, 2, 3]


def test_steps_that_start_again_are_drawn_in_the_order_they_came():
    assert series([1.0] * 4, steps=[0, 1, 0, 1]).axis == "order"
    assert series([1.0] * 3, steps=[0, 10, 20]).axis == "step"


def test_what_is_not_finite_is_a_gap_and_never_an_extreme():
    curve = series([1.0, math.inf, 2.0, math.nan] + [1.5] * 3_000)
    finite = [y for _, y in curve.points if math.isfinite(y)]
    assert any(math.isnan(y) for _, y in curve.points)
    assert (min(finite), max(finite)) == (1.0, 2.0)


def test_nothing_but_gaps():
    assert all(math.isnan(y) for _, y in series([math.nan, -math.inf]).points)


def test_a_series_without_values():
    assert Series("m").curve().points == ()
