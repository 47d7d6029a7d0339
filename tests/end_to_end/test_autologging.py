"""What libraries log by themselves, and how to switch it off."""

from __future__ import annotations

import pytest

from mlops_nb import api

FIT = (
    "import pandas as pd\nfrom sklearn.tree import DecisionTreeClassifier\n"
    "frame = pd.read_csv('data/train.csv')\n"
    "DecisionTreeClassifier(max_depth=depth, random_state=0).fit(frame[['a', 'b']], frame.label)"
)


def test_a_model_that_the_notebook_only_fits_is_logged_evaluated_and_registered(project):
    project.notebook(FIT, parameters="depth: int = 2")
    run = api.train("train.ipynb", wait=True)
    assert run.state.value == "SUCCEEDED", run.error
    assert run.model.version == "1"
    assert "training_accuracy_score" in run.metrics
    assert "test_accuracy" in run.metrics


@pytest.mark.faults
def test_switched_off_nothing_is_logged_that_the_notebook_does_not_log(project, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_TRACKING_AUTOLOG", "false")
    project.notebook(FIT, parameters="depth: int = 2")
    run = api.train("train.ipynb", wait=True)
    assert run.state.value == "SUCCEEDED", run.error
    assert run.metrics == {}
    assert run.model is None
