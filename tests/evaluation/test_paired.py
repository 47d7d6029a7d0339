from __future__ import annotations

import numpy
import pytest
from scipy.stats import binom

from mlops_nb.evaluation import paired, resampling, scores
from mlops_nb.evaluation.predictions import Predictions

ROWS, ROUNDS = 500, 400


def classes(truth, predicted):
    known = tuple(sorted({*truth.tolist(), *predicted.tolist()}))
    return Predictions("classification", truth, predicted, known)


def of_skill(random, truth, hard, skill):
    """A model that has a row right by chance, and less often where it is hard for all."""
    right = random.random(len(truth)) < numpy.where(hard, skill - 0.35, skill + 0.05)
    return classes(truth, numpy.where(right, truth, 1 - truth))


def promoted(gain, significance=0.05):
    """Return how often a challenger is promoted: by the test, and by the higher score."""
    random = numpy.random.default_rng(7)
    by_test = by_score = 0
    for _ in range(ROUNDS):
        truth = random.integers(0, 2, ROWS)
        hard = random.random(ROWS) < 0.125
        ours = of_skill(random, truth, hard, 0.85 + gain)
        theirs = of_skill(random, truth, hard, 0.85)
        found = paired.duel(
            ours, theirs, "accuracy", opponent="champion", uri="", prefix="test_",
            significance=significance,
        )  # fmt: skip
        by_test += found.low > 0
        by_score += found.gain > 0
    return by_test / ROUNDS, by_score / ROUNDS


def test_of_models_that_are_no_better_five_in_a_hundred_are_promoted_and_not_half():
    by_test, by_score = promoted(gain=0.0)
    assert by_test <= 0.075
    assert 0.4 <= by_score <= 0.55


def test_a_model_that_is_better_is_promoted():
    by_test, _ = promoted(gain=0.08)
    assert by_test >= 0.9


def test_the_p_value_is_that_of_the_binomial():
    p_value, low, high = paired.mcnemar(15, 5, 100, 0.05)
    assert p_value == pytest.approx(binom.sf(14, 20, 0.5))
    # Of Clopper and Pearson's tables: 15 of 20, one-sided 95 %.
    assert low == pytest.approx((2 * 0.5444176 - 1) * 0.2, abs=1e-6)
    assert low < 0.1 < high


def test_the_bound_and_the_p_value_say_the_same():
    for won in range(21):
        p_value, low, _ = paired.mcnemar(won, 20 - won, 100, 0.05)
        assert (p_value < 0.05) == (low > 0)


def test_models_that_predict_the_same_differ_by_nothing():
    assert paired.mcnemar(0, 0, 100, 0.05) == (1.0, 0.0, 0.0)


def test_a_metric_of_which_less_is_better_gains_by_less():
    random = numpy.random.default_rng(1)
    truth = random.normal(size=200)
    near = Predictions("regression", truth, truth + random.normal(size=200) * 0.1)
    far = Predictions("regression", truth, truth + random.normal(size=200))
    found = paired.duel(
        near, far, "rmse", opponent="champion", uri="", prefix="test_", significance=0.05
    )
    assert found.test == "bootstrap"
    assert 0 < found.low < found.gain < found.high
    assert found.gain == pytest.approx(found.theirs - found.ours)
    assert found.p_value < 0.01


def test_the_bootstrap_is_the_same_again():
    truth = numpy.arange(40) % 2
    first = classes(truth, numpy.roll(truth, 1) * (numpy.arange(40) < 20))
    other = classes(truth, truth * (numpy.arange(40) < 30))
    again = [paired.bootstrap(first, other, "f1", 0.05) for _ in range(2)]
    assert again[0] == again[1]


def with_probabilities(count, rows=300):
    random = numpy.random.default_rng(count)
    truth = random.integers(0, count, rows)
    shares = random.random((rows, count)).round(1) + 0.05
    shares /= shares.sum(axis=1, keepdims=True)
    known = tuple(range(count))
    return Predictions("classification", truth, shares.argmax(axis=1), known, shares, known)


NUMBERS = Predictions("regression", numpy.arange(50.0), numpy.arange(50.0)[::-1] ** 1.1)


@pytest.mark.parametrize("made", [with_probabilities(2), with_probabilities(4), NUMBERS])
def test_a_resample_has_the_metrics_of_scikit_learn(made):
    drawn = numpy.random.default_rng(3).integers(0, len(made.truth), len(made.truth))
    counts = numpy.bincount(drawn, minlength=len(made.truth))
    of_all = scores.of(made)
    assert of_all
    for name, value in of_all.items():
        of = resampling.metric(made, name)
        assert of(numpy.ones_like(counts)) == pytest.approx(value, rel=1e-9)
        assert of(counts) == pytest.approx(scores.one(made.where(drawn), name), rel=1e-9)
