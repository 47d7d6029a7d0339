from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlops_nb.drawing import monitoring as drawn
from mlops_nb.monitoring import drift, judging, performance, windows
from mlops_nb.monitoring import profile as profiles
from mlops_nb.monitoring.windows import Pairs
from mlops_nb.types import Profile, Span
from tests.interfaces.hostile import HOSTILE, Elements
from tests.monitoring.conftest import logged


def report(folder, text):
    """A report of columns of this name and with these values, all of which have drifted."""
    before = pd.DataFrame({text: np.arange(500.0), f"{text} too": ["plain", "other"] * 250})
    now = pd.DataFrame({text: np.arange(500.0) + 400, f"{text} too": [text, "plain"] * 250})
    profile = Profile(
        dataset=text,
        rows=500,
        columns=profiles.of_frame(before),
        predictions=profiles.of_predictions(np.array(["plain"] * 500)),
    )
    folder = logged(folder, now, outputs=np.array([text] * 500, dtype=object), size=50)
    window, _ = windows.collect(folder, profile, Span(), deployment=text, revision=1)
    worth = performance.of(Pairs([text, "a"], ["a", "a"]), {})
    return judging.report(window, profile, run_id=text, reference=text, performance=worth)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_and_values_of_others_are_text_in_a_report(tmp_path, text):
    plain, hostile = report(tmp_path / "plain", "name"), report(tmp_path / "hostile", text)
    assert all(column.drifted for column in hostile.columns)
    for draw in (drawn.body, drawn.page):
        assert Elements(draw(hostile)).found == Elements(draw(plain)).found


def test_a_report_has_what_was_found(tmp_path):
    shown = drawn.page(report(tmp_path / "log", "size"))
    for said in ("<b>size</b>", "drift", "at most 1%", "training", "window", "labelled rows"):
        assert said in shown
    assert "<script" not in shown
    assert "default-src 'none'" in shown


def test_bars_tell_in_words_what_they_show(tmp_path):
    (column, *_) = (c for c in report(tmp_path / "log", "size").columns if c.name == "size")
    picture = drawn.bars("size", column)
    assert picture.count("<rect") == 2 * min(16, len(column.labels))
    assert "0.0%, now" in picture or "%, now" in picture
    assert column.psi > drift.PSI
