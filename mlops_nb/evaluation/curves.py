"""What the pictures of a report are drawn from, thinned out to what one can see."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.evaluation.predictions import CLASSIFICATION, REGRESSION
from mlops_nb.types import Plot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.evaluation.predictions import Predictions

# More classes than these make no picture that one can read.
CLASSES = 6
CONFUSED = 12
_POINTS = 60
_BINS = 10
_DOTS = 200


def confusion(made: Predictions) -> tuple[tuple[int, ...], ...]:
    """Return how often each class was predicted as each; nothing for too many classes."""
    if made.task != CLASSIFICATION or len(made.classes) > CONFUSED:
        return ()
    from sklearn.metrics import confusion_matrix

    counts = confusion_matrix(made.truth, made.predicted, labels=list(made.classes))
    return tuple(tuple(row) for row in counts.tolist())


def roc(made: Predictions) -> tuple[Plot, ...]:
    """Return the ROC curve of each class against the rest, of the second one alone of two."""
    from sklearn.metrics import roc_curve

    plots = []
    for label, hits, shares in _classes(made):
        if 0 < hits.sum() < len(hits):
            false, true, _ = roc_curve(hits, shares)
            plots.append(Plot(label=label, points=_thinned(false, true)))
    return tuple(plots)


def calibration(made: Predictions) -> tuple[Plot, ...]:
    """Return how often what was said to have a probability came true, in bins of equal width."""
    import numpy

    plots = []
    for label, hits, shares in _classes(made):
        bins = numpy.minimum((shares * _BINS).astype(int), _BINS - 1)
        points = [
            (float(shares[bins == i].mean()), float(hits[bins == i].mean()))
            for i in range(_BINS)
            if (bins == i).any()
        ]
        plots.append(Plot(label=label, points=tuple(points)))
    return tuple(plots)


def residuals(made: Predictions) -> tuple[tuple[float, float], ...]:
    """Return truth and prediction of evenly chosen rows of a regression, scaled to 0 to 1."""
    import numpy

    if made.task != REGRESSION or not len(made.truth):
        return ()
    chosen = numpy.linspace(0, len(made.truth) - 1, min(_DOTS, len(made.truth))).astype(int)
    pairs = numpy.stack([made.truth, made.predicted], axis=1)[chosen]
    pairs = pairs[numpy.isfinite(pairs).all(axis=1)]
    low, span = pairs.min(initial=0), numpy.ptp(pairs) if pairs.size else 0
    if not span:
        return ()
    low = pairs.min()
    return tuple((float(x), float(y)) for x, y in (pairs - low) / span)


def _classes(made: Predictions) -> Iterator[tuple[str, Any, Any]]:
    """Yield name, which rows are of it, and what was said of each, of the classes to be drawn."""
    if made.probabilities is None or not 2 <= len(made.known) <= CLASSES:
        return
    first = 1 if len(made.known) == 2 else 0
    for i in range(first, len(made.known)):
        yield str(made.known[i]), (made.truth == made.known[i]), made.probabilities[:, i]


def _thinned(xs: Any, ys: Any) -> tuple[tuple[float, float], ...]:
    import numpy

    kept = numpy.linspace(0, len(xs) - 1, min(_POINTS, len(xs))).round().astype(int)
    return tuple((float(x), float(y)) for x, y in zip(xs[kept], ys[kept], strict=True))
