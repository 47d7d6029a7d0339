from __future__ import annotations

import pytest

from mlops_nb.exceptions import DeploymentError
from mlops_nb.journal import MetricsLogged, ModelEvaluated, fold, new_run
from mlops_nb.orders import clearance
from mlops_nb.orders.rollout import Found
from mlops_nb.tracking import tags
from mlops_nb.types import Evaluation, Model, Outcome
from tests.vocabulary import request

FOUND = Found(model=Model(uri="models:/m-1"))


def evaluated(passed, uri="models:/m-1"):
    outcome = Outcome(gate="test_accuracy>=0.9", passed=passed, reason="it is 0.8")
    evaluation = Evaluation(model=uri, gates=(outcome,))
    metrics = MetricsLogged(metrics={"test_accuracy": 0.8})
    return fold(new_run(request()), [metrics, ModelEvaluated(evaluation=evaluation)])


def test_the_last_evaluation_of_the_model_counts():
    assert clearance.refusal(FOUND, (), [evaluated(True), evaluated(False)]) == ""
    said = clearance.refusal(FOUND, (), [evaluated(False), evaluated(True)])
    assert said == "gate failed: test_accuracy>=0.9 (it is 0.8)"
    assert clearance.refusal(FOUND, (), [evaluated(False, "models:/m-2")]) == ""


@pytest.mark.parametrize(("tag", "said"), [(tags.PASSED, ""), ("gate failed: x", "gate failed: x")])
def test_the_registry_has_the_last_word_on_a_version(tag, said):
    found = Found(model=Model(uri="models:/m-1", name="n", version="1"), gates=tag)
    assert clearance.refusal(found, (), [evaluated(not said)]) == said


def test_a_deployment_has_gates_of_its_own():
    runs = [evaluated(True)]
    assert clearance.refusal(FOUND, ("test_accuracy>=0.7",), runs) == ""
    assert "it is 0.8" in clearance.refusal(FOUND, ("test_accuracy>=0.85",), runs)
    assert "there is no metric" in clearance.refusal(FOUND, ("test_accuracy>=champion",), runs)
    assert "jupyter mlops evaluate" in clearance.refusal(FOUND, ("test_accuracy>=0.7",), [])


def test_force_is_on_record():
    assert clearance.must_be_cleared(FOUND, "", force=False) == ()
    with pytest.raises(DeploymentError, match="gate failed: x"):
        clearance.must_be_cleared(FOUND, "gate failed: x", force=False)
    (finding,) = clearance.must_be_cleared(FOUND, "gate failed: x", force=True)
    assert finding.message == "deployed by force, although: gate failed: x"
