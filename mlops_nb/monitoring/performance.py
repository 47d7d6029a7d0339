"""What predictions were worth, once it is known what would have been right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.evaluation import scores
from mlops_nb.evaluation.predictions import CLASSIFICATION, REGRESSION, Predictions
from mlops_nb.types import Performance

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_nb.monitoring.windows import Pairs

_PREFIX = "test_"


def of(pairs: Pairs, tested: Mapping[str, float]) -> Performance | None:
    """Return the metrics of predictions whose labels are known, None where there are none.

    Args:
        pairs: Predictions and labels.
        tested: The metrics of the model's run; those of its test dataset begin with `test_`, and
            the regression's `rmse` among them says that it is one.
    """
    import numpy as np

    known = [
        (predicted, truth)
        for predicted, truth in zip(pairs.predicted, pairs.truth, strict=True)
        if predicted is not None and truth is not None
    ]
    if not known:
        return None
    predicted, truth = map(list, zip(*known, strict=True))
    if _is_regression(predicted, truth, tested):
        made = Predictions(REGRESSION, np.array(truth, float), np.array(predicted, float))
    else:
        given, right = np.array(_texts(predicted)), np.array(_texts(truth))
        classes = tuple(sorted({*given.tolist(), *right.tolist()}))
        made = Predictions(CLASSIFICATION, right, given, classes)
    metrics = scores.of(made)
    before = {name: tested[_PREFIX + name] for name in metrics if _PREFIX + name in tested}
    return Performance(rows=len(known), metrics=metrics, before=before)


def _is_regression(
    predicted: Sequence[Any], truth: Sequence[Any], tested: Mapping[str, float]
) -> bool:
    numbers = all(type(value) in (int, float) for value in (*predicted, *truth))
    if f"{_PREFIX}rmse" in tested or f"{_PREFIX}accuracy" in tested:
        return numbers and f"{_PREFIX}rmse" in tested
    return numbers and any(value % 1 for value in (*predicted, *truth))


def _texts(values: Sequence[Any]) -> list[str]:
    """Return classes as texts: 1 and 1.0 are one class, as a label is typed either way."""
    return [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in values]
