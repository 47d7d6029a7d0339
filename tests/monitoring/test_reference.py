from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from mlflow.models import infer_signature

from mlops_nb.monitoring import reference
from tests.monitoring.conftest import rows


class Model:
    """As MLflow's pyfunc loads one, with a signature where there is one."""

    def __init__(self, inputs=None, predict=None):
        self.metadata = self
        self.inputs = infer_signature(inputs).inputs if inputs is not None else None
        self.predict = predict or (lambda frame: np.zeros(len(frame)))

    def get_input_schema(self):
        return self.inputs


@pytest.fixture
def data():
    frame = rows(0, 500).drop(columns="yes")
    return frame.assign(label=1)


def build(model, data, test=None, target="label"):
    return reference.build(model, data, test, places=("train.csv", "test.csv"), target=target)


def test_it_has_the_columns_that_the_model_takes(data):
    more = pd.concat([data, data.head(20)])
    profile = build(Model(data[["gaps", "normal 0"]]), more)
    assert [column.name for column in profile.columns] == ["gaps", "normal 0"]
    assert (profile.rows, profile.duplicates, profile.predicted) == (520, 20, "train.csv")
    assert profile.columns[0].missing == more["gaps"].isna().sum()


def test_predictions_are_of_test_data_where_there_are_enough(data):
    test = rows(1, 1_000).assign(label=1)
    assert build(Model(data[["gaps"]]), data, test).predicted == "test.csv"
    assert build(Model(data[["gaps"]]), data, test.head(999)).predicted == "train.csv"


def test_there_is_none_where_the_notebook_computes_what_the_model_takes(data, capsys):
    computed = pd.DataFrame({"ratio": [0.5]})
    assert build(Model(computed), data) is None
    assert "train.csv has not the columns" in capsys.readouterr().out


def test_a_model_that_does_not_take_its_training_data_leaves_the_predictions_out(data):
    def refuse(frame):
        raise ValueError("there are gaps")

    profile = build(Model(data[["gaps"]], refuse), data)
    assert (profile.predicted, profile.predictions) == ("", ())
    assert [column.name for column in profile.columns] == ["gaps"]


def test_without_names_all_but_the_target_is_taken(data):
    profile = build(Model(np.zeros((2, 11))), data)
    assert "label" not in [column.name for column in profile.columns]
    assert profile.tensor
    assert build(Model(), data, target="") is None
