from __future__ import annotations

import math
from xml.etree import ElementTree

import pytest

from mlops_nb.drawing import charts, sparklines
from tests.interfaces.hostile import curve

SVG = "{http://www.w3.org/2000/svg}"
NAN, INF = math.nan, math.inf


def drawn(*values):
    return ElementTree.fromstring(  # noqa: S314  (our own text)
        charts.chart(
            "m", [charts.Line(curve("m", list(side)), f"{i}") for i, side in enumerate(values)]
        )
    )


@pytest.mark.parametrize(
    "values",
    [
        (1.0, 2.0),
        (0.0, 0.0, 0.0),
        (1e308, -1e308),
        (5e-324, 0.0),
        (1e15, 1e15 + 1),
        (NAN, 1.0, INF, -INF, 2.0, NAN),
        (1e-12, 2e-12),
        (-1e308, -1e308),
    ],
)
def test_any_values_stay_inside_of_the_picture(values):
    picture = drawn(values)
    for path in picture.iter(f"{SVG}path"):
        assert "nan" not in path.get("d") and "inf" not in path.get("d")
    for dot in picture.iter(f"{SVG}circle"):
        assert 0 <= float(dot.get("cx")) <= 270
        assert 0 <= float(dot.get("cy")) <= 116


def test_values_that_are_not_finite_are_a_gap():
    (line,) = [p for p in drawn((1.0, 2.0, NAN, 3.0, 1.0)).iter(f"{SVG}path") if "L" in p.get("d")]
    assert line.get("d").count("M") == 2


def test_nothing_is_drawn_of_nothing():
    assert charts.chart("m", [charts.Line(curve("m", [NAN, INF]))]) == ""


def test_a_picture_has_a_name_and_is_told_in_words():
    picture = drawn((2.0, 1.0, 0.5))
    assert picture.get("role") == "img"
    assert picture.find(f"{SVG}title").text == "m"
    words = picture.find(f"{SVG}desc").text
    assert words == "0: 2 to 0.5, lowest 0.5, highest 2, 3 values"


def test_lines_differ_by_more_than_colour():
    picture = drawn(*[(1.0, float(i)) for i in range(6)])
    dashes = [p.get("stroke-dasharray") for p in picture.iter(f"{SVG}path") if "L" in p.get("d")]
    assert len(set(dashes)) == 6
    labels = {t.text for t in picture.iter(f"{SVG}text")}
    assert {"0", "1", "2", "3", "4", "5"} <= labels


def test_labels_at_the_same_end_do_not_cover_each_other():
    picture = drawn((1.0, 0.0), (1.0, 0.0), (2.0, 0.0))
    tops = [
        float(t.get("y")) for t in picture.iter(f"{SVG}text") if t.get("text-anchor") == "start"
    ]
    assert len(tops) == len(set(tops))
    assert max(tops) <= 116


def test_a_sparkline_goes_down_as_the_loss_does():
    assert (
        sparklines.sparkline(curve("loss", [8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0])) == "█▇▆▅▄▃▂▁"
    )
    assert sparklines.sparkline(curve("loss", [NAN, NAN])) == ""
    assert set(sparklines.sparkline(curve("loss", [1.0] * 500))) == {"▅"}
    assert len(sparklines.sparkline(curve("loss", [float(i) for i in range(100_000)]))) == 40
