from __future__ import annotations

import math

import pytest

from mlops_nb.capture import hyperparameters
from mlops_nb.exceptions import UsageError
from mlops_nb.tuning import space
from mlops_nb.types import Dimension

CELL = (
    "C: float = 1.0\ndepth: int = 3\nsolver: str = 'lbfgs'\nflag = True\n"
    "layers: list = [8]\nfree = None\nmaybe: int | None = None\npath = 'data' + '/x'\n"
)
DECLARED = hyperparameters.read_cell(CELL)


def only(given):
    (found,) = space.dimensions(given, DECLARED)
    return found


@pytest.mark.parametrize(
    ("given", "dimension"),
    [
        ({"C": {"low": 1, "high": 10}}, Dimension(name="C", kind="float", low=1.0, high=10.0)),
        (
            {"C": {"low": 1e-3, "high": 10.0, "log": True}},
            Dimension(name="C", kind="float", low=1e-3, high=10.0, log=True),
        ),
        (
            {"depth": {"low": 1, "high": 9}},
            Dimension(name="depth", kind="int", low=1, high=9, step=1),
        ),
        (
            {"depth": {"low": 1, "high": 512, "log": True}},
            Dimension(name="depth", kind="int", low=1, high=512, log=True),
        ),
        (
            {"free": {"low": 1, "high": 9, "step": 4}},
            Dimension(name="free", kind="int", low=1, high=9, step=4),
        ),
        (
            {"free": {"low": 1, "high": 9.5}},
            Dimension(name="free", kind="float", low=1.0, high=9.5),
        ),
        ({"solver": ["a", "b"]}, Dimension(name="solver", kind="choice", choices=("a", "b"))),
        ({"C": [1, 2]}, Dimension(name="C", kind="choice", choices=(1.0, 2.0))),
        ({"flag": {"choices": [True]}}, Dimension(name="flag", kind="choice", choices=(True,))),
        (
            {"layers": [[8], [8, 8]]},
            Dimension(name="layers", kind="choice", choices=([8], [8, 8])),
        ),
        ({"maybe": [None, 1]}, Dimension(name="maybe", kind="choice", choices=(None, 1))),
    ],
)
def test_a_dimension_has_the_type_of_its_parameter(given, dimension):
    found = only(given)
    assert found == dimension
    assert [type(v) for v in (found.low, found.high, *found.choices)] == [
        type(v) for v in (dimension.low, dimension.high, *dimension.choices)
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "nothing to search"),
        ({"c": [1.0]}, "'c', which is no parameter"),
        ({"__class__": [1]}, "which is no parameter"),
        ({"x = 1; import os": [1]}, "which is no parameter"),
        ({"C": 1.0}, "1.0 for 'C'"),
        ({"C": "1..10"}, "'1..10' for 'C'"),
        ({"C": None}, "None for 'C'"),
        ({"C": []}, "the choices []"),
        ({"C": {}}, "a range without 'low'"),
        ({"C": {"low": 1}}, "a range without 'high'"),
        ({"C": {"lo": 1, "high": 2}}, "an unknown key 'lo'"),
        ({"C": {"choices": [1.0], "low": 1}}, "both choices and a range"),
        ({"C": {"choices": "abc"}}, "the choices 'abc'"),
        ({"C": {"low": 2, "high": 1}}, "a range from 2.0 to 1.0"),
        ({"C": {"low": 1, "high": 1}}, "a range from 1.0 to 1.0"),
        ({"C": {"low": True, "high": 2}}, "True as a number"),
        ({"C": {"low": "1", "high": 2}}, "'1' as a number"),
        ({"C": {"low": math.nan, "high": 2}}, "nan as a number"),
        ({"C": {"low": 0, "high": math.inf}}, "inf as a number"),
        ({"depth": {"low": 0, "high": 10**400}}, "as a number"),
        ({"C": {"low": 0, "high": 1, "log": True}}, "a logarithmic range from 0"),
        ({"C": {"low": 1, "high": 2, "log": 1}}, '"log" as 1'),
        ({"C": {"low": 1, "high": 2, "log": True, "step": 1}}, "with a step"),
        ({"C": {"low": 1, "high": 2, "step": 0}}, "the step 0.0"),
        ({"C": {"low": 1, "high": 2, "step": -1}}, "the step -1.0"),
        ({"C": {"low": 1, "high": 2, "step": 5}}, "the step 5.0"),
        ({"depth": {"low": 1.5, "high": 2}}, "not of whole numbers"),
        ({"solver": {"low": 1, "high": 2}}, "a range for 'solver'"),
        ({"flag": {"low": 0, "high": 1}}, "a range for 'flag'"),
        ({"C": [1.0, 1]}, "the choice 1.0 twice"),
        ({"free": [1, True]}, "the choice True twice"),
        ({"free": [math.nan]}, "NaN"),
        ({"free": [[1, {"a": math.nan}]]}, "NaN"),
        ({"solver": [1]}, "takes str, not 1"),
        ({"depth": ["1"]}, "takes int, not '1'"),
        ({"free": [{1, 2}]}, "has a set"),
        ({"free": [object]}, "has a type"),
    ],
)
def test_what_cannot_be_searched_is_refused_by_name(given, said):
    with pytest.raises(UsageError) as refused:
        space.dimensions(given, DECLARED)
    assert said in refused.value.message
    assert refused.value.hint


def test_the_nearest_name_is_offered():
    with pytest.raises(UsageError) as refused:
        space.dimensions({"dept": [1]}, DECLARED)
    assert refused.value.hint == "did you mean 'depth'?"


def test_a_parameter_that_is_given_a_value_is_not_searched():
    declared = hyperparameters.resolve(DECLARED, None, {"C": 2.0})
    with pytest.raises(UsageError, match="'C' is in the search space, and --param gives it"):
        space.dimensions({"C": [1.0]}, declared)


def test_a_space_is_json_or_a_file_of_it(tmp_path):
    text = '{"C": [1.0, 2.0]}'
    path = tmp_path / "space.json"
    path.write_text(text)
    assert space.read(text) == space.read(str(path)) == {"C": [1.0, 2.0]}
    path.write_bytes(b"\xff[1]")
    for given in ("{", "[1]", str(path), str(tmp_path), "absent.json"):
        with pytest.raises(UsageError):
            space.read(given)


def test_a_grid_has_every_combination_once():
    dimensions = space.dimensions(
        {"C": {"low": 0, "high": 0.3, "step": 0.1}, "depth": {"low": 1, "high": 2}}, DECLARED
    )
    points = list(space.grid(dimensions))
    assert len(points) == len({tuple(p.values()) for p in points}) == 8
    assert points[-1] == {"C": pytest.approx(0.3), "depth": 2}
    with pytest.raises(UsageError, match="the grid of 'C' has no end"):
        list(space.grid([only({"C": {"low": 0, "high": 1}})]))


@pytest.mark.parametrize(
    ("given", "value", "held"),
    [
        ({"C": {"low": 1, "high": 2}}, 1.5, True),
        ({"C": {"low": 1, "high": 2}}, 2.5, False),
        ({"C": {"low": 1, "high": 2, "step": 0.5}}, 1.25, False),
        ({"depth": {"low": 1, "high": 9, "step": 2}}, 3, True),
        ({"depth": {"low": 1, "high": 9, "step": 2}}, 4, False),
        ({"depth": {"low": 1, "high": 9}}, None, False),
        ({"flag": [True]}, 1, False),
        ({"layers": [[8], [4]]}, [4], True),
        ({"solver": ["a"]}, "b", False),
    ],
)
def test_whether_a_space_holds_a_value(given, value, held):
    assert space.holds(only(given), value) is held
