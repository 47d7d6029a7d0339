"""The metrics of predictions, by their kind of task; scikit-learn computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.evaluation.predictions import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    from mlops_nb.evaluation.predictions import Predictions

# What models are compared by where nothing else is asked for.
MAIN = {CLASSIFICATION: "accuracy", REGRESSION: "rmse"}
_LESS_IS_BETTER = ("rmse", "mae", "log_loss")


def sign(metric: str) -> int:
    """Return 1 for a metric of which more is better, -1 for one of which less is."""
    return -1 if metric in _LESS_IS_BETTER else 1


def of(made: Predictions) -> dict[str, float]:
    """Return the metrics of predictions; none where there are no rows."""
    if not len(made.truth):
        return {}
    if made.task == REGRESSION:
        return _regression(made)
    return {**_classification(made), **_probabilistic(made)}


def one(made: Predictions, metric: str) -> float:
    """Return one metric, NaN where it is not defined on these rows."""
    if metric == "accuracy":
        return float((made.truth == made.predicted).mean())
    return of(made).get(metric, float("nan"))


def _regression(made: Predictions) -> dict[str, float]:
    from sklearn import metrics

    found = {
        "rmse": float(metrics.mean_squared_error(made.truth, made.predicted) ** 0.5),
        "mae": float(metrics.mean_absolute_error(made.truth, made.predicted)),
    }
    if len(made.truth) > 1:
        found["r2"] = float(metrics.r2_score(made.truth, made.predicted))
    return found


def _classification(made: Predictions) -> dict[str, float]:
    from sklearn import metrics

    truth, predicted = made.truth, made.predicted
    return {
        "accuracy": float(metrics.accuracy_score(truth, predicted)),
        "balanced_accuracy": float(metrics.balanced_accuracy_score(truth, predicted)),
        "f1": float(metrics.f1_score(truth, predicted, average="macro")),
    }


def _probabilistic(made: Predictions) -> dict[str, float]:
    from sklearn import metrics

    truth, known, shares = made.truth, list(made.known), made.probabilities
    present = set(truth.tolist())
    if shares is None or len(known) < 2 or len(present) < 2 or not present <= set(known):
        return {}
    if len(known) == 2:
        roc_auc = metrics.roc_auc_score(truth, shares[:, 1])
    elif len(present) == len(known):
        roc_auc = metrics.roc_auc_score(truth, shares, multi_class="ovr", labels=known)
    else:
        roc_auc = None
    found = {} if roc_auc is None else {"roc_auc": float(roc_auc)}
    return {**found, "log_loss": float(metrics.log_loss(truth, shares, labels=known))}
