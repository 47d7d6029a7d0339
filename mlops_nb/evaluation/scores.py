"""The metrics of predictions, by their kind of task; scikit-learn computes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.evaluation.predictions import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.evaluation.predictions import Predictions

# What models are compared by where nothing else is asked for.
MAIN = {CLASSIFICATION: "accuracy", REGRESSION: "rmse"}
_LESS_IS_BETTER = ("rmse", "mae", "log_loss")


def sign(metric: str) -> int:
    """Return 1 for a metric of which more is better, -1 for one of which less is."""
    return -1 if metric in _LESS_IS_BETTER else 1


def of(made: Predictions) -> dict[str, float]:
    """Return the metrics of predictions, without those that are not defined on these rows."""
    found = {name: one(made, name) for name in _METRICS[made.task]}
    return {name: value for name, value in found.items() if value is not None}


def one(made: Predictions, metric: str) -> float | None:
    """Return one metric, None where it is not defined on these rows."""
    compute = _METRICS[made.task].get(metric)
    return compute(made) if compute is not None and len(made.truth) else None


def _accuracy(made: Predictions) -> float:
    return float((made.truth == made.predicted).mean())


def _balanced_accuracy(made: Predictions) -> float:
    from sklearn.metrics import recall_score

    # The mean of recalls; over the classes that are there, so that none is undefined.
    present = sorted(set(made.truth.tolist()), key=made.classes.index)
    recalls = recall_score(
        made.truth, made.predicted, labels=present, average="macro", zero_division=0
    )
    return float(recalls)


def _f1(made: Predictions) -> float:
    from sklearn.metrics import f1_score

    return float(f1_score(made.truth, made.predicted, average="macro"))


def _roc_auc(made: Predictions) -> float | None:
    from sklearn.metrics import roc_auc_score

    if not _has_probabilities(made):
        return None
    if len(made.known) == 2:
        return float(roc_auc_score(made.truth, made.probabilities[:, 1]))
    if len(set(made.truth.tolist())) < len(made.known):
        return None
    known = list(made.known)
    return float(roc_auc_score(made.truth, made.probabilities, multi_class="ovr", labels=known))


def _log_loss(made: Predictions) -> float | None:
    from sklearn.metrics import log_loss

    if not _has_probabilities(made):
        return None
    return float(log_loss(made.truth, made.probabilities, labels=list(made.known)))


def _has_probabilities(made: Predictions) -> bool:
    present = set(made.truth.tolist())
    return made.probabilities is not None and len(present) > 1 and present <= set(made.known)


def _rmse(made: Predictions) -> float:
    from sklearn.metrics import mean_squared_error

    return float(mean_squared_error(made.truth, made.predicted) ** 0.5)


def _mae(made: Predictions) -> float:
    from sklearn.metrics import mean_absolute_error

    return float(mean_absolute_error(made.truth, made.predicted))


def _r2(made: Predictions) -> float | None:
    from sklearn.metrics import r2_score

    return float(r2_score(made.truth, made.predicted)) if len(made.truth) > 1 else None


_METRICS: dict[str, dict[str, Callable[[Predictions], float | None]]] = {
    CLASSIFICATION: {
        "accuracy": _accuracy,
        "balanced_accuracy": _balanced_accuracy,
        "f1": _f1,
        "roc_auc": _roc_auc,
        "log_loss": _log_loss,
    },
    REGRESSION: {"rmse": _rmse, "mae": _mae, "r2": _r2},
}
