from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from mlops_nb.drawing import bars, parallel
from mlops_nb.types import Dimension, Plan, Study, Trial, TrialState

SVG = "{http://www.w3.org/2000/svg}"
SPACE = (
    Dimension(name="rate", kind="float", low=1e-5, high=1.0, log=True),
    Dimension(name="depth", kind="int", low=1, high=8, step=1),
    Dimension(name="kind", kind="choice", choices=("a", None, [1, 2])),
)


def trial(number, value, state=TrialState.SUCCEEDED, rate=0.1, depth=3, kind=None):
    parameters = {"rate": rate, "depth": depth, "kind": kind}
    return Trial(number=number, state=state, parameters=parameters, value=value)


def study(*trials, direction="maximize"):
    plan = Plan(
        space=SPACE, objective="score", direction=direction, trials=9, parallel=1, sampler="tpe",
        pruner="none",
    )  # fmt: skip
    return Study(plan=plan, trials=trials)


def drawn(found):
    return ElementTree.fromstring(parallel.coordinates(found))  # noqa: S314  (our own text)


def lines(picture):
    return [path for path in picture.iter(f"{SVG}path") if path.find(f"{SVG}title") is not None]


def test_nothing_is_drawn_of_nothing():
    assert parallel.coordinates(study()) == ""
    assert parallel.coordinates(study(trial(0, None, TrialState.RUNNING))) == ""
    assert parallel.coordinates(study(trial(0, math.nan, TrialState.FAILED))) == ""
    assert bars.bars([]) == ""


@pytest.mark.parametrize(("direction", "best"), [("maximize", 1), ("minimize", 0)])
def test_the_best_trial_is_thick_and_on_top(direction, best):
    picture = drawn(study(trial(0, 1.0), trial(1, 3.0), trial(2, 2.0), direction=direction))
    last = lines(picture)[-1]
    assert last.find(f"{SVG}title").text.startswith(f"trial {best}:")
    assert [line.get("stroke-width") for line in lines(picture)] == ["1", "1", "2.6"]
    assert f"the best trial: trial {best}" in picture.find(f"{SVG}desc").text


def test_pruned_trials_are_dashed_and_unfinished_ones_absent():
    picture = drawn(
        study(
            trial(0, 1.0),
            trial(1, 0.5, TrialState.PRUNED),
            trial(2, 0.5, TrialState.RUNNING),
            trial(3, math.nan, TrialState.PRUNED),
        )
    )
    assert [line.get("stroke-dasharray") for line in lines(picture)] == ["3 3", None]


@pytest.mark.parametrize("values", [(0.0, 0.0), (1e308, -1e308), (5e-324, 0.0), (-1.0, 1e15)])
def test_any_values_stay_inside_of_the_picture(values):
    trials = [
        trial(i, v, rate=rate, depth=depth, kind=kind)
        for i, (v, rate, depth, kind) in enumerate(
            zip(values, (1e-5, 1.0), (1, 8), ("a", [1, 2]), strict=True)
        )
    ]
    picture = drawn(study(*trials))
    for line in lines(picture):
        for place in line.get("d")[1:].split("L"):
            x, y = map(float, place.split())
            assert 0 <= x <= float(picture.get("width"))
            assert 0 <= y <= float(picture.get("height"))


def test_many_trials_are_drawn_up_to_a_limit_with_the_best_among_them():
    many = [trial(i, float(i)) for i in range(parallel.LIMIT + 50)]
    pruned = [trial(900 + i, 0.0, TrialState.PRUNED) for i in range(50)]
    found = lines(drawn(study(*many, *pruned)))
    assert len(found) == parallel.LIMIT
    assert found[-1].find(f"{SVG}title").text.startswith(f"trial {parallel.LIMIT + 49}:")
    few = lines(drawn(study(*many[:10], *pruned)))
    assert len(few) == 60


def test_shares_are_bars_with_their_figures():
    picture = ElementTree.fromstring(bars.bars([("rate", 0.75), ("x" * 99, 0.25)]))  # noqa: S314
    assert [float(bar.get("width")) for bar in picture.iter(f"{SVG}rect")] == [75.0, 25.0]
    assert "75%" in {text.text for text in picture.iter(f"{SVG}text")}
