"""What is found of a model on a table."""

from __future__ import annotations

import numpy
import pandas
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression

from mlops_nb import evaluation
from mlops_nb.evaluation import Opponent, tables
from mlops_nb.exceptions import StageError
from mlops_nb.types import Criteria
from tests.evaluation.models import Fixed, table

X = numpy.linspace(0, 1, 200)
Y = (X > 0.5).astype(int)


def report(model, rows, **kwargs):
    criteria = kwargs.pop("criteria", Criteria())
    return evaluation.assess(model, rows, criteria, prefix="test_", **kwargs)


def fitted(kind, targets=Y):
    raw = kind().fit(pandas.DataFrame({"x": X}), targets)
    return Fixed(raw.predict, columns={"x": "double"}, raw=raw)


def test_classes_and_their_probabilities():
    found = report(fitted(LogisticRegression), table({"x": X, "y": Y}))
    assert found.task == "classification"
    assert found.metrics["test_accuracy"] > 0.9
    assert {"test_f1", "test_roc_auc", "test_log_loss"} <= set(found.metrics)
    assert sum(map(sum, found.confusion)) == 200
    assert found.roc[0].points[0] == (0.0, 0.0)
    assert found.roc[0].points[-1] == (1.0, 1.0)
    assert found.calibration[0].label == "1"


def test_a_regressor_of_whole_numbers_is_a_regressor():
    found = report(fitted(LinearRegression), table({"x": X, "y": numpy.arange(200)}))
    assert found.task == "regression"
    assert set(found.metrics) == {"test_rmse", "test_mae", "test_r2"}
    assert all(0 <= share <= 1 for point in found.residuals for share in point)


def test_probabilities_alone_are_classes():
    found = report(Fixed(lambda rows: rows["x"].to_numpy()), table({"x": X, "y": Y}))
    assert found.task == "classification"
    assert found.metrics["test_accuracy"] == 1.0
    assert found.metrics["test_roc_auc"] == 1.0


def test_names_of_classes():
    words = numpy.where(Y == 1, "yes", "no")
    model = Fixed(lambda rows: numpy.where(rows["x"] > 0.4, "yes", "no"))
    found = report(model, table({"x": X, "y": words}))
    assert found.classes == ("no", "yes")
    assert found.confusion[1][1] == 100


def test_the_task_of_the_settings_has_the_last_word():
    model = Fixed(lambda rows: (rows["x"] * 10).round())
    rows = table({"x": X, "y": (X * 10).round()})
    assert report(model, rows).task == "classification"
    assert report(model, rows, criteria=Criteria(task="regression")).metrics["test_rmse"] == 0


def test_parts_of_a_table():
    rows = table({"x": X, "y": Y, "place": ["north", "south"] * 100, "age": range(200)})
    model = Fixed(lambda frame: numpy.where(frame["place"] == "north", (frame["x"] > 0.5) * 1, 0))
    found = report(model, rows, criteria=Criteria(slices=("place", "age", "nowhere")))
    north, south, *ages = found.slices
    assert (north.value, north.rows, north.metrics["accuracy"]) == ("north", 100, 1.0)
    assert (south.value, south.metrics["accuracy"]) == ("south", 0.5)
    assert [part.rows for part in ages] == [50] * 4
    assert any("nowhere" in finding.message for finding in found.findings)


def test_another_model_on_the_same_rows():
    rows = table({"x": X, "y": Y})
    worse = Fixed(lambda frame: (frame["x"] > 0.7).to_numpy() * 1)
    other = Opponent("champion", "models:/m-2", worse, ["test_f1"])
    by_accuracy, by_f1 = report(fitted(LogisticRegression), rows, opponents=[other]).duels
    assert by_accuracy.only_theirs < by_accuracy.only_ours
    assert by_accuracy.gain == pytest.approx(by_accuracy.ours - by_accuracy.theirs)
    assert (by_f1.metric, by_f1.test) == ("test_f1", "bootstrap")


def said(found):
    return " | ".join(finding.message for finding in found.findings)


def test_data_that_cannot_be_trusted():
    frame = pandas.DataFrame({"x": [0.1, 0.1, None, 0.9], "kind": ["a", "a", "b", "c"]})
    frame["y"] = [0, 0, 1, 1]
    model = Fixed(lambda rows: [0, 0, 1, 1], columns={"x": "double", "kind": "double"})
    rows = table(frame, features=("x", "kind"))
    found = said(report(model, rows, seen=frame.iloc[3:]))
    assert "4 rows are few" in found
    assert "1 columns: x 25.0%" in found
    assert "1 of 4 rows are copies" in found
    assert "kind is" in found
    assert "1 of 4 rows are in the training data" in found


def test_whole_numbers_are_the_floats_that_they_equal_when_rows_are_looked_for():
    rows = table({"x": [1, 2, 3], "y": [0, 1, 0]})
    seen = pandas.DataFrame({"x": [2.0, 9.0], "y": [1, 1]})
    assert "1 of 3 rows are in the training data" in said(
        report(Fixed(lambda frame: [0, 1, 0]), rows, seen=seen)
    )


def test_training_data_that_are_not_known_are_not_called_clean():
    assert "was not checked" in said(report(Fixed(lambda rows: Y), table({"x": X, "y": Y})))


def test_what_does_not_fit_is_refused():
    model = Fixed(lambda rows: rows, columns={"x": "double", "z": "double"})
    with pytest.raises(StageError, match="lacks columns that the model takes: z"):
        tables.of(model, pandas.DataFrame({"x": X, "y": Y}), "test.csv", "y")
    with pytest.raises(StageError, match="cannot tell which column"):
        tables.of(Fixed(len), pandas.DataFrame({"x": X, "y": Y}), "test.csv", "")
    with pytest.raises(StageError, match="have no y"):
        tables.of(
            Fixed(len), pandas.DataFrame({"x": [1, 2, 3], "y": [1, None, None]}), "test.csv", "y"
        )
    with pytest.raises(StageError, match="1 predictions for 200 rows"):
        report(Fixed(lambda rows: [1]), table({"x": X, "y": Y}))
