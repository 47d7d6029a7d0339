from __future__ import annotations

import pytest

from mlops_nb.evaluation import gates
from mlops_nb.exceptions import ConfigError
from mlops_nb.types import Duel


def duel(low, *, gain=0.0, metric="test_accuracy", opponent="champion"):
    return Duel(
        opponent=opponent, model="models:/m-1", metric=metric, ours=0.9, theirs=0.9 - gain,
        gain=gain, low=low, high=low + 0.1, p_value=0.2, test="McNemar", rows=500,
    )  # fmt: skip


def outcome(text, metrics=None, duels=(), absent=None, broken=None):
    (found,) = gates.outcomes([text], metrics or {}, duels, absent or {}, broken or {})
    return found


@pytest.mark.parametrize(
    ("text", "value", "passed"),
    [
        ("test_accuracy>=0.9", 0.9, True),
        ("test_accuracy>=0.9", 0.89999, False),
        ("test_accuracy > 0.9", 0.9, False),
        ("test_rmse<=1.5e1", 15.0, True),
        ("test_rmse<-2", -3.0, True),
        ("test_accuracy>=.5", float("nan"), False),
    ],
)
def test_a_threshold(text, value, passed):
    name = text.split(">")[0].split("<")[0].strip()
    assert outcome(text, {name: value}).passed is passed


@pytest.mark.parametrize(
    ("text", "low", "passed"),
    [
        ("test_accuracy>champion", 0.001, True),
        ("test_accuracy>champion", 0.0, False),
        ("test_accuracy>=champion", 0.0, True),
        ("test_accuracy>=champion - 0.02", -0.02, True),
        ("test_accuracy>=champion-0.02", -0.021, False),
    ],
)
def test_the_model_has_to_show_it(text, low, passed):
    assert outcome(text, duels=[duel(low)]).passed is passed


def test_too_few_rows_to_tell_is_not_passed_and_says_so():
    found = outcome("test_accuracy>=champion-0.01", duels=[duel(-0.03, gain=0.001)])
    assert not found.passed
    assert "more rows may tell" in found.reason
    assert "500 rows" in found.reason


def test_the_first_model_has_nobody_to_beat():
    found = outcome("test_accuracy>champion", absent={"champion": "there is no champion"})
    assert (found.passed, found.reason) == (True, "there is no champion")


def test_a_champion_that_cannot_predict_is_not_beaten():
    found = outcome("test_accuracy>champion", broken={"champion": "it cannot predict"})
    assert (found.passed, found.reason) == (False, "it cannot predict")


def test_a_metric_that_nobody_knows_is_not_passed_and_names_those_that_are():
    found = outcome("test_acuracy>=0.1", {"test_accuracy": 1.0})
    assert not found.passed
    assert "test_accuracy" in found.reason


@pytest.mark.parametrize(
    "text",
    ["", "accuracy", "test_accuracy=0.9", "test_accuracy>=best", "test_accuracy<champion",
     "test_accuracy>champion-0.1", ">=0.9", "test_accuracy>=champion+0.1", "a>=1; b"],
)  # fmt: skip
def test_what_is_no_gate_is_refused(text):
    with pytest.raises(ConfigError):
        gates.parse(text)


def test_who_is_compared_with_and_by_what():
    found = gates.compared(["test_f1>champion", "test_x>=1", "test_old_f1>=parent-0.1"])
    assert found == {"champion": ["test_f1"], "parent": ["test_old_f1"]}
