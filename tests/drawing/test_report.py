from __future__ import annotations

from html.parser import HTMLParser

import pytest

from mlops_nb.drawing import report as drawn
from mlops_nb.types import Duel, Evaluation, Finding, Outcome, Plot, Report, Slice, TableReport
from tests.interfaces.hostile import HOSTILE, Elements


def report(text):
    duel = Duel(
        opponent=text, model=text, metric=text, ours=0.9, theirs=0.8, gain=0.1, low=0.05, high=0.2,
        p_value=0.01, test=text, rows=100, only_ours=12, only_theirs=2,
    )  # fmt: skip
    table = TableReport(
        path=text, prefix="test_", rows=100, task=text, metrics={f"test_{text}": 0.5},
        classes=(text, "other"), confusion=((40, 10), (5, 45)),
        roc=(Plot(label=text, points=((0.0, 0.0), (0.2, 0.9), (1.0, 1.0))),),
        calibration=(Plot(label=text, points=((0.1, 0.2), (0.9, 0.8))),),
        residuals=((0.0, 0.1), (1.0, 0.9)),
        slices=(Slice(column=text, value=text, rows=10, metrics={text: 0.25}),),
        duels=(duel,), findings=(Finding(severity="warning", message=text, hint=text),),
    )  # fmt: skip
    gates = (Outcome(gate=text, passed=False, reason=text),)
    evaluation = Evaluation(model=text, tests=(text,), gates=gates)
    return Report(run_id=text, evaluation=evaluation, significance=0.05, tables=(table,))


@pytest.mark.parametrize("text", [pytest.param(t, id=f"{i}") for i, t in enumerate(HOSTILE)])
def test_what_others_write_adds_nothing_to_a_report(text):
    assert Elements(drawn.page(report(text))).found == Elements(drawn.page(report("plain"))).found


def test_a_page_runs_nothing_and_loads_nothing():
    page = drawn.page(report("<script>alert(1)</script>"))
    assert "<script" not in page
    assert "default-src 'none'" in page


def test_a_report_says_what_was_found():
    texts = []
    parser = HTMLParser()
    parser.handle_data = texts.append
    parser.feed(drawn.body(report("it")))
    said = " ".join(texts)
    for part in ("failed", "12 rows only this one has right", "95% sure of", "+0.05 or more", "45"):
        assert part in said


def test_a_page_without_pictures_is_whole():
    table = TableReport(path="x", prefix="test_", rows=0, task="regression", metrics={})
    bare = Report(run_id="r", evaluation=Evaluation(model="m"), significance=0.05, tables=(table,))
    assert "<svg" not in drawn.page(bare)
