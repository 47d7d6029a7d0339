"""Metrics of resamples, by how often each row was drawn: what a bootstrap computes again and again.

scikit-learn takes some milliseconds for one value, and this some microseconds. It is for
differences alone: what a report calls a metric is scikit-learn's, and tests hold the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.evaluation.predictions import Predictions

    Counts = numpy.ndarray[Any, Any]
    Metric = Callable[[Counts], float]


def metric(made: Predictions, name: str) -> Metric:
    """Return a metric as a function of how often each row was drawn; NaN where it has none."""
    return _METRICS[name](made)


def _confused(made: Predictions, of: Callable[[Counts], float]) -> Metric:
    index = {value: i for i, value in enumerate(made.classes)}
    size = len(index)
    rows = numpy.array([index[value] for value in made.truth.tolist()])
    cells = rows * size + numpy.array([index[value] for value in made.predicted.tolist()])
    return lambda counts: of(
        numpy.bincount(cells, weights=counts, minlength=size * size).reshape(size, size)
    )


def _accuracy(made: Predictions) -> Metric:
    return _mean(made.truth == made.predicted)


def _balanced_accuracy(made: Predictions) -> Metric:
    def of(confusion: Counts) -> float:
        there = confusion.sum(axis=1) > 0
        return float((numpy.diag(confusion)[there] / confusion.sum(axis=1)[there]).mean())

    return _confused(made, of)


def _f1(made: Predictions) -> Metric:
    def of(confusion: Counts) -> float:
        both = confusion.sum(axis=0) + confusion.sum(axis=1)
        there = both > 0
        return float((2 * numpy.diag(confusion)[there] / both[there]).mean())

    return _confused(made, of)


def _roc_auc(made: Predictions) -> Metric:
    first = 1 if len(made.known) == 2 else 0
    parts = [
        _area(made.truth == made.known[i], made.probabilities[:, i])
        for i in range(first, len(made.known))
    ]
    return lambda counts: float(numpy.mean([part(counts) for part in parts]))


def _area(hits: Any, shares: Any) -> Metric:
    """Return the area under one ROC curve: how often a hit has the larger share, ties by half."""
    _, groups = numpy.unique(shares, return_inverse=True)

    def of(counts: Counts) -> float:
        yes = numpy.bincount(groups, weights=counts * hits)
        no = numpy.bincount(groups, weights=counts * ~hits)
        pairs = yes.sum() * no.sum()
        below = numpy.cumsum(no) - no / 2
        return float((yes * below).sum() / pairs) if pairs else float("nan")

    return of


def _log_loss(made: Predictions) -> Metric:
    index = {value: i for i, value in enumerate(made.known)}
    columns = [index[value] for value in made.truth.tolist()]
    said = made.probabilities / made.probabilities.sum(axis=1, keepdims=True)
    said = said[numpy.arange(len(columns)), columns]
    least = numpy.finfo(said.dtype).eps
    return _mean(-numpy.log(numpy.clip(said, least, 1 - least)))


def _rmse(made: Predictions) -> Metric:
    mean = _mean((made.truth - made.predicted) ** 2)
    return lambda counts: float(mean(counts) ** 0.5)


def _mae(made: Predictions) -> Metric:
    return _mean(abs(made.truth - made.predicted))


def _r2(made: Predictions) -> Metric:
    squares = (made.truth - made.predicted) ** 2

    def of(counts: Counts) -> float:
        mean = (counts * made.truth).sum() / counts.sum()
        spread = (counts * (made.truth - mean) ** 2).sum()
        return float(1 - (counts * squares).sum() / spread) if spread else float("nan")

    return of


def _mean(values: Any) -> Metric:
    return lambda counts: float((counts * values).sum() / counts.sum())


_METRICS: dict[str, Callable[[Predictions], Metric]] = {
    "accuracy": _accuracy,
    "balanced_accuracy": _balanced_accuracy,
    "f1": _f1,
    "roc_auc": _roc_auc,
    "log_loss": _log_loss,
    "rmse": _rmse,
    "mae": _mae,
    "r2": _r2,
}
