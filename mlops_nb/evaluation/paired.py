"""Whether one model is better than another, by the same rows: chance is told from gain.

Accuracies are compared by McNemar's test, exactly: of the rows that one of the two models alone has
right, as many would be each one's if there were no difference. Its interval is that of Clopper and
Pearson for their part, given how many they are. All other metrics are compared by the bootstrap:
rows are drawn again and again, the same ones for both models.

Q. McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.evaluation import scores
from mlops_nb.types import Duel

if TYPE_CHECKING:
    from mlops_nb.evaluation.predictions import Predictions

RESAMPLES = 1000
_SEED = 0


def duel(
    ours: Predictions,
    theirs: Predictions,
    metric: str,
    *,
    opponent: str,
    uri: str,
    prefix: str,
    significance: float,
) -> Duel:
    """Compare two models by a metric.

    Args:
        ours: Predictions of the model that is evaluated.
        theirs: Those of the other one, of the same rows.
        metric: Its name without prefix.
        opponent: What gates call the other model.
        uri: The other model.
        prefix: What the metric's name begins with.
        significance: One-sided.
    """
    mine, other = _value(ours, metric), _value(theirs, metric)
    won = lost = None
    if metric == "accuracy":
        right, there = ours.predicted == ours.truth, theirs.predicted == theirs.truth
        won, lost = int((right & ~there).sum()), int((there & ~right).sum())
        p_value, low, high = mcnemar(won, lost, len(right), significance)
    else:
        p_value, low, high = bootstrap(ours, theirs, metric, significance)
    return Duel(
        opponent=opponent,
        model=uri,
        metric=prefix + metric,
        ours=mine,
        theirs=other,
        gain=scores.sign(metric) * (mine - other),
        low=low,
        high=high,
        p_value=p_value,
        test="bootstrap" if won is None else "McNemar",
        rows=len(ours.truth),
        only_ours=won,
        only_theirs=lost,
    )


def mcnemar(won: int, lost: int, rows: int, significance: float) -> tuple[float, float, float]:
    """Return p-value, lower and upper bound of the gain in accuracy, each one-sided.

    Args:
        won: Rows that only our model has right.
        lost: Rows that only the other one has right.
        rows: How many there are.
        significance: Of each side.
    """
    from scipy.stats import binomtest

    if not won + lost:
        return 1.0, 0.0, 0.0
    test = binomtest(won, won + lost, alternative="greater")
    part = binomtest(won, won + lost).proportion_ci(1 - 2 * significance, method="exact")
    scale = (won + lost) / rows
    low, high = (2 * part.low - 1) * scale, (2 * part.high - 1) * scale
    return float(test.pvalue), float(low), float(high)


def bootstrap(
    ours: Predictions, theirs: Predictions, metric: str, significance: float
) -> tuple[float, float, float]:
    """Return p-value, lower and upper bound of the gain in a metric, each one-sided.

    A resample on which the metric is not defined, as with rows of one class alone, is left out.
    """
    import numpy

    from mlops_nb.evaluation import resampling

    random = numpy.random.default_rng(_SEED)
    rows = len(ours.truth)
    mine, other = resampling.metric(ours, metric), resampling.metric(theirs, metric)
    gains = []
    for _ in range(RESAMPLES):
        counts = numpy.bincount(random.integers(0, rows, rows), minlength=rows)
        gains.append(mine(counts) - other(counts))
    sample = scores.sign(metric) * numpy.asarray(gains)
    sample = sample[numpy.isfinite(sample)]
    if not len(sample):
        return 1.0, float("-inf"), float("inf")
    low, high = numpy.quantile(sample, [significance, 1 - significance])
    p_value = (1 + (sample <= 0).sum()) / (1 + len(sample))
    return float(p_value), float(low), float(high)


def _value(made: Predictions, metric: str) -> float:
    found = scores.one(made, metric)
    return float("nan") if found is None else found
