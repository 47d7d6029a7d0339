from __future__ import annotations

import pytest

from mlops_nb import api
from mlops_nb.capture import hyperparameters
from mlops_nb.exceptions import ConfigError, MlopsError, UsageError
from mlops_nb.settings import Config
from mlops_nb.tuning import plan

DECLARED = hyperparameters.read_cell("C: float = 1.0\ndepth: int = 3")
GIVEN = {
    "tuning_space": {"C": {"low": 0.1, "high": 10.0}},
    "tuning_objective": "score",
    "tuning_direction": "maximize",
}


def of(tmp_path, **given):
    return plan.of(Config(root=tmp_path).override(**{**GIVEN, **given}), DECLARED)


def test_settings_are_the_plan(tmp_path):
    (tmp_path / "mlops.toml").write_text(
        '[tuning]\nobjective = "loss"\ndirection = "minimize"\ntrials = 3\n'
        "[tuning.space]\nC = {low = 0.1, high = 10.0, log = true}\ndepth = [1, 2]\n"
    )
    found = plan.of(Config.load(tmp_path), DECLARED)
    assert [d.name for d in found.space] == ["C", "depth"]
    assert (found.objective, found.direction, found.trials) == ("loss", "minimize", 3)
    assert found.parallel <= 3


def test_a_space_of_the_environment_is_json(tmp_path, monkeypatch):
    (tmp_path / "mlops.toml").write_text("")
    monkeypatch.setenv("MLOPS_NB_TUNING_SPACE", '{"C": [1.0]}')
    assert Config.load(tmp_path).tuning_space == {"C": [1.0]}
    monkeypatch.setenv("MLOPS_NB_TUNING_SPACE", "C=1")
    with pytest.raises(ConfigError, match="'C=1'"):
        Config.load(tmp_path)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"tuning_objective": ""}, "nothing says which metric"),
        ({"tuning_objective": "test_accuracy"}, "a metric of the test data"),
        ({"tuning_direction": ""}, "nothing says whether a large score is good"),
        ({"tuning_direction": "max"}, "no direction 'max'"),
        ({"tuning_sampler": "tp"}, "no sampler 'tp'"),
        ({"tuning_pruner": "medain"}, "no pruner 'medain'"),
        ({"tuning_trials": 0}, "tuning.trials is 0"),
        ({"tuning_trials": 10**9}, "tuning.trials is 1000000000"),
        ({"tuning_parallel": -1}, "tuning.parallel is -1"),
        ({"tuning_deadline_s": -1}, "tuning.deadline_s is -1"),
        ({"tuning_sampler": "grid"}, "the grid of 'C' has no end"),
    ],
)
def test_what_cannot_be_done_is_refused(tmp_path, given, said):
    with pytest.raises(UsageError) as refused:
        of(tmp_path, **given)
    assert said in refused.value.message


def test_a_grid_is_no_larger_than_it_is(tmp_path):
    space = {"C": [1.0, 2.0], "depth": {"low": 1, "high": 1000}}
    assert of(tmp_path, tuning_space=space, tuning_sampler="grid").trials == 20
    space = {"C": [1.0, 2.0], "depth": [1, 2]}
    found = of(tmp_path, tuning_space=space, tuning_sampler="grid", tuning_parallel=9)
    assert (found.trials, found.parallel) == (4, 4)


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"space": {"rat": [1.0]}}, UsageError, "'rat', which is no parameter"),
        ({"space": {"rate": ["a"]}}, UsageError, "takes float, not 'a'"),
        ({"space": {"rate": [1.0]}, "params": {"rate": 1.0}}, UsageError, "--param gives it"),
        ({"space": {"rate": [1.0]}, "objective": "test_f1"}, UsageError, "test data"),
        ({"space": '{"rate": ['}, UsageError, "no JSON"),
        (
            {
                "space": {"rate": [1.0]},
                "register": True,
                "settings": {"gates.require": ["test_accuracy>=0.9"]},
            },
            UsageError,
            "a tuning evaluates nothing",
        ),
        ({"space": {"rate": [1.0]}, "train": "absent.csv"}, MlopsError, "absent.csv"),
    ],
)
def test_a_tuning_is_refused_before_anything_starts(project, given, kind, said):
    asked = {"objective": "score", "direction": "maximize", **given}
    with pytest.raises(kind) as refused:
        api.tune("train.ipynb", **asked)
    assert said in refused.value.message
    assert api.runs() == ()
    assert project.git("for-each-ref", "refs/mlops") == ""
