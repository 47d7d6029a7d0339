from __future__ import annotations

import numpy as np
import pytest

from mlops_nb.monitoring import drift, judging
from mlops_nb.types import DriftVerdict
from tests.monitoring.conftest import predicted, reference, rows

ROWS = 2_000


@pytest.fixture(scope="module")
def before():
    return rows(0, 5_000)


def drifted(collected, before, frame, outputs=None):
    profile = reference(before)
    window, _ = collected(frame, profile, outputs=outputs)
    found = [column for column in drift.drifts(profile, window) if column.drifted]
    return {f"{column.role} {column.name}": column.reason for column in found}


def test_of_windows_without_drift_few_raise_an_alarm(collected):
    """200 windows of 500 rows, each half against references of 1,000 rows of their own."""
    alarms = 0
    for seed in range(200):
        if seed % 10 == 0:
            profile = reference(rows(10_000 + seed, 1_000))
        window, _ = collected(rows(seed, 500), profile, size=500)
        report = judging.report(window, profile, run_id="r", reference=None, performance=None)
        alarms += judging.outcome(report).alarm
    assert alarms <= 4


def shifted(frame, random):
    # A quarter of the standard deviation.
    frame["normal 2"] += 0.25 * 100


def scaled(frame, random):
    frame["normal 2"] *= 1.25


def renamed(frame, random):
    # 1 % of the rows.
    frame.loc[random.random(len(frame)) < 0.01, "colour"] = "black"


def lost(frame, random):
    # 1 % of a column that had no gap.
    frame.loc[random.random(len(frame)) < 0.01, "normal 2"] = np.nan


def thinned(frame, random):
    # Another 10 % of a column that has 10 %.
    frame.loc[random.random(len(frame)) < 0.1, "gaps"] = np.nan


def tailed(frame, random):
    # 3 % of the rows are five times as far out as before.
    frame.loc[random.random(len(frame)) < 0.03, "normal 2"] *= 5


def rarer(frame, random):
    frame.loc[(frame["colour"] == "red") & (random.random(len(frame)) < 0.2), "colour"] = "blue"


CHANGES = {
    "mean": (shifted, "input normal 2"),
    "scale": (scaled, "input normal 2"),
    "new category": (renamed, "input colour"),
    "first gaps": (lost, "input normal 2"),
    "more gaps": (thinned, "input gaps"),
    "tail": (tailed, "input normal 2"),
    "frequencies": (rarer, "input colour"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_found_in_windows_of_2000_rows(collected, before, change):
    apply, where = CHANGES[change]
    found = []
    for seed in range(5):
        frame = rows(100 + seed, ROWS)
        apply(frame, np.random.default_rng(seed))
        outputs = predicted(frame)
        found.append(list(drifted(collected, before, frame, outputs)))
    assert found == [[where]] * 5


def test_predictions_drift_by_themselves(collected, before):
    frame = rows(1, ROWS)
    outputs = np.where(np.random.default_rng(0).random(ROWS) < 0.15, 1, predicted(frame))
    assert list(drifted(collected, before, frame, outputs)) == ["prediction predictions"]


def test_a_certain_difference_that_is_too_small_to_matter_is_none(collected):
    frame = rows(1, 60_000)
    frame["normal 0"] += 0.05
    before = rows(0, 60_000)
    profile = reference(before)
    window, _ = collected(frame, profile, size=1_000)
    found = {c.name: c for c in drift.drifts(profile, window) if c.role == "input"}
    assert found["normal 0"].p_value < 1e-6
    assert not found["normal 0"].drifted


def test_what_is_new_is_named(collected, before):
    frame = rows(1, ROWS)
    frame.loc[:99, "colour"] = "black"
    frame.loc[:99, "normal 0"] = 77.0
    said = drifted(collected, before, frame)
    assert "new values: black" in said["input colour"]
    assert "5.1% above" in said["input normal 0"]


def test_drift_of_all_rows_is_drift(collected, before):
    frame = rows(1, ROWS)
    frame["normal 1"], frame["colour"] = np.nan, "black"
    said = drifted(collected, before, frame)
    assert set(said) == {"input normal 1", "input colour"}
    assert said["input normal 1"].startswith("missing 100.0% of the rows")


def test_under_200_rows_nothing_is_said_of_drift(collected, before):
    frame = rows(1, 199)
    frame["normal 0"] += 100
    profile = reference(before)
    window, _ = collected(frame, profile)
    report = judging.report(window, profile, run_id="r", reference="t", performance=None)
    assert report.verdict is DriftVerdict.INSUFFICIENT
    assert not judging.outcome(report).alarm
    assert judging.alert(report) is None
    assert "199 rows are too few" in report.findings[0].message


def test_without_a_reference_nothing_is_guessed(collected, before):
    window, _ = collected(rows(1, ROWS), reference(before))
    report = judging.report(window, None, run_id="r", reference=None, performance=None)
    assert report.verdict is DriftVerdict.UNKNOWN
    assert not judging.outcome(report).alarm


def test_an_alert_states_how_often_it_is_wrong(collected, before):
    frame = rows(1, ROWS)
    frame["normal 0"] += 1
    profile = reference(before)
    window, _ = collected(frame, profile)
    report = judging.report(window, profile, run_id="r", reference="t", performance=None)
    outcome, alert = judging.outcome(report), judging.alert(report)
    assert (outcome.alarm, outcome.false_alarms) == (True, 0.01)
    assert outcome.drifted == ("prediction: predictions", "normal 0")
    assert "at most 1%" in alert.message
    assert judging.figures(report)["drifted_columns"] == 2
