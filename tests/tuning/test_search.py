from __future__ import annotations

import pytest

from mlops_nb.tuning.search import Search
from mlops_nb.types import Dimension, Plan, TrialState

RATE = Dimension(name="rate", kind="float", low=0.001, high=1.0, log=True)
DEPTH = Dimension(name="depth", kind="int", low=1, high=8, step=1)
LAYERS = Dimension(name="layers", kind="choice", choices=([8], [8, 4], None, {"a": 1}))


def plan(*space, **given):
    asked = {"objective": "score", "direction": "maximize", "trials": 6, "parallel": 2}
    return Plan(
        space=space or (RATE, DEPTH, LAYERS),
        **{**asked, "sampler": "tpe", "pruner": "median", **given},
    )


@pytest.fixture
def path(tmp_path):
    return tmp_path / "study.jsonl"


def all_of(search, value=lambda trial: float(trial.number)):
    found = []
    while (trial := search.ask()) is not None:
        found.append(trial)
        search.tell(trial.number, TrialState.SUCCEEDED, value(trial))
    return found


@pytest.mark.parametrize("sampler", ["tpe", "random"])
def test_every_sampler_stays_in_the_space(path, sampler):
    search = Search(path, plan(sampler=sampler), {})
    found = all_of(search)
    assert [t.number for t in found] == list(range(6))
    for trial in found:
        assert list(trial.parameters) == ["rate", "depth", "layers"]
        assert 0.001 <= trial.parameters["rate"] <= 1.0
        assert trial.parameters["depth"] in range(1, 9)
        assert trial.parameters["layers"] in LAYERS.choices


def test_the_notebooks_own_values_come_first_where_the_space_has_them(path, tmp_path):
    start = {"rate": 0.5, "depth": 3, "layers": [8, 4], "else": "x"}
    assert Search(path, plan(), start).ask().parameters == {
        "rate": 0.5, "depth": 3, "layers": [8, 4],
    }  # fmt: skip
    outside = Search(tmp_path / "other", plan(), {**start, "depth": 99}).ask()
    assert outside.parameters["depth"] != 99


def test_a_grid_is_tried_point_by_point_whoever_kills_it(path):
    grid = plan(DEPTH, LAYERS, sampler="grid", trials=32)
    tried = []
    for _ in range(8):
        search = Search(path, grid, {})
        for _ in range(5):
            trial = search.ask()
            if trial is not None:
                tried.append(trial)
        for trial in tried[-2:]:
            search.tell(trial.number, TrialState.SUCCEEDED, 1.0)
    rest = all_of(Search(path, grid, {}))
    points = {t.number: (t.parameters["depth"], str(t.parameters["layers"])) for t in tried + rest}
    assert len(points) == len(set(points.values())) == 32


def test_an_interrupted_trial_is_given_out_again_as_it_was(path):
    first = Search(path, plan(), {})
    asked = [first.ask() for _ in range(3)]
    first.tell(asked[1].number, TrialState.SUCCEEDED, 1.0)
    again = Search(path, plan(), {})
    assert [again.ask(), again.ask()] == [asked[0], asked[2]]
    assert again.ask().number == 3


def test_what_ended_before_it_could_be_told_is_told_later(path):
    asked = Search(path, plan(), {}).ask()
    again = Search(path, plan(), {})
    again.tell(asked.number, TrialState.SUCCEEDED, 1.0)
    again.tell(asked.number, TrialState.SUCCEEDED, 1.0)
    assert [t.number for t in all_of(again)] == [1, 2, 3, 4, 5]


def test_a_resumed_search_does_not_draw_the_same_again(path):
    search = Search(path, plan(RATE, sampler="random"), {})
    before = {search.ask().parameters["rate"] for _ in range(3)}
    again = Search(path, plan(RATE, sampler="random"), {})
    after = [again.ask().parameters["rate"] for _ in range(6)]
    assert before == set(after[:3])
    assert len(set(after)) == 6


def test_a_torn_line_is_taken_off(path):
    search = Search(path, plan(), {})
    asked = search.ask()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"op_code": 5, "work')
    again = Search(path, plan(), {})
    assert again.ask() == asked
    again.tell(asked.number, TrialState.SUCCEEDED, 1.0)
    assert Search(path, plan(), {}).ask().number == 1


def test_a_trial_that_falls_behind_is_to_be_stopped(path):
    search = Search(path, plan(trials=9), {})
    for _ in range(4):
        number = search.ask().number
        assert not search.prune(number, 0, 10.0)
        search.tell(number, TrialState.SUCCEEDED, 10.0)
    behind, ahead = search.ask().number, search.ask().number
    assert search.prune(behind, 0, 1.0)
    assert not search.prune(ahead, 0, 11.0)
    search.tell(behind, TrialState.PRUNED)
    search.tell(ahead, TrialState.FAILED)


def test_importance_says_which_parameter_matters(path):
    search = Search(path, plan(RATE, DEPTH, trials=30, sampler="random"), {})
    assert search.importance() == {}
    all_of(search, lambda trial: float(trial.parameters["depth"]))
    found = search.importance()
    assert found["depth"] > found["rate"]
    assert sum(found.values()) == pytest.approx(1.0)


def test_importance_is_nothing_where_all_came_out_the_same(path):
    search = Search(path, plan(), {})
    all_of(search, lambda trial: 1.0)
    assert search.importance() == {}
