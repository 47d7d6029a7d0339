"""What a model makes of a table, and which kind of task that is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import StageError

if TYPE_CHECKING:
    import numpy

    from mlops_nb.evaluation.tables import Table

CLASSIFICATION, REGRESSION = "classification", "regression"
_TASKS = (CLASSIFICATION, REGRESSION)


@dataclass(frozen=True)
class Predictions:
    """What a model made of rows.

    Attributes:
        task: "classification" or "regression".
        truth: What was to be predicted.
        predicted: What was.
        classes: All classes of truth and predictions, sorted; empty for a regression.
        probabilities: Of the classes `known`, a column each; None where the model gives none.
        known: The classes that the model knows.
    """

    task: str
    truth: Any
    predicted: Any
    classes: tuple[Any, ...] = ()
    probabilities: Any = None
    known: tuple[Any, ...] = ()

    def where(self, mask: numpy.ndarray[Any, Any]) -> Predictions:
        """Return those of some rows, by a mask or by their numbers."""
        shares = None if self.probabilities is None else self.probabilities[mask]
        return Predictions(
            self.task, self.truth[mask], self.predicted[mask], self.classes, shares, self.known
        )


def predict(model: Any, table: Table, task: str) -> Predictions:
    """Return what a model makes of a table.

    Args:
        model: As MLflow's pyfunc loads it.
        table: The rows.
        task: "classification" or "regression", "" to find out.

    Raises:
        StageError: It gives not one prediction a row, or there is no such task.
    """
    import numpy

    if task not in ("", *_TASKS):
        raise StageError(
            f"the task is {task!r}", hint=f"set evaluation.task to {' or '.join(_TASKS)}"
        )
    inputs = table.inputs(model)
    truth = table.truth.to_numpy()
    given = numpy.asarray(model.predict(inputs))
    if len(given) != len(truth):
        raise StageError(
            f"the model gives {len(given)} predictions for {len(truth)} rows",
            hint="let it give one prediction a row",
        )
    given = given.reshape(len(truth), -1)
    raw = model.get_raw_model() if hasattr(model, "get_raw_model") else None
    known = getattr(raw, "classes_", None)
    kind = task or _task(raw, known, truth, given)
    if kind == REGRESSION:
        return Predictions(kind, truth.astype(float), given[:, 0].astype(float))
    shares = _probabilities(raw, inputs, known)
    if known is None:
        known, given, shares = _of_scores(truth, given)
    predicted = given[:, 0]
    classes = tuple(sorted({*truth.tolist(), *predicted.tolist()}, key=_order))
    return Predictions(kind, truth, predicted, classes, shares, tuple(_plain(known)))


def _task(raw: Any, known: Any, truth: Any, given: Any) -> str:
    from sklearn.base import is_regressor

    if known is not None:
        return CLASSIFICATION
    if getattr(raw, "_estimator_type", None) or hasattr(raw, "__sklearn_tags__"):
        return REGRESSION if is_regressor(raw) else CLASSIFICATION
    if _is_continuous(truth):
        return REGRESSION
    continuous = given.shape[1] == 1 and _is_continuous(given[:, 0])
    return REGRESSION if continuous and not _are_shares(truth, given) else CLASSIFICATION


def _is_continuous(values: Any) -> bool:
    return values.dtype.kind == "f" and bool((values % 1 != 0).any())


def _are_shares(truth: Any, given: Any) -> bool:
    """Whether predictions are the probabilities of class 1 of two, as a booster's own are."""
    import numpy

    two = set(numpy.unique(truth).tolist()) <= {0, 1}
    return two and given.dtype.kind == "f" and bool(((given >= 0) & (given <= 1)).all())


def _of_scores(truth: Any, given: Any) -> tuple[Any, Any, Any]:
    """Return classes, predictions and probabilities of a model that may give the latter alone."""
    import numpy

    if given.shape[1] > 1 and given.dtype.kind == "f":
        return numpy.arange(given.shape[1]), given.argmax(axis=1).reshape(-1, 1), given
    if given.dtype.kind == "f" and _is_continuous(given[:, 0]) and _are_shares(truth, given):
        ones = given[:, 0]
        shares = numpy.stack([1 - ones, ones], axis=1)
        return numpy.array([0, 1]), (ones >= 0.5).astype(int).reshape(-1, 1), shares
    return numpy.array([]), given, None


def _probabilities(raw: Any, inputs: Any, known: Any) -> Any:
    if raw is None or known is None or not hasattr(raw, "predict_proba"):
        return None
    return raw.predict_proba(inputs)


def _plain(values: Any) -> list[Any]:
    found: list[Any] = values.tolist() if hasattr(values, "tolist") else list(values)
    return found


def _order(value: Any) -> tuple[bool, Any]:
    """Sort numbers as numbers, and all else as text after them."""
    number = isinstance(value, (int, float))
    return (not number, value if number else str(value))
