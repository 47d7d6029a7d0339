from __future__ import annotations

import os

import numpy as np
import pandas as pd
import pytest

from mlops_nb.monitoring import labelling, reading, windows
from mlops_nb.monitoring import profile as profiles
from mlops_nb.serving import inference_log
from mlops_nb.types import ColumnKind, Profile, Span
from tests.monitoring.conftest import logged, predicted, reference, rows


def collect(folder, profile, **span):
    return windows.collect(folder, profile, Span(**span), deployment="d", revision=1)


@pytest.fixture
def log(tmp_path):
    """A log of 300 rows in six requests, answered at 1000 to 1005, and its reference."""
    frame = rows(1, 300)
    return logged(tmp_path / "log", frame, size=50), frame, reference(rows(0, 1_000))


def test_columns_are_counted_as_pandas_counts_them(log):
    folder, frame, profile = log
    window, _ = collect(folder, profile)
    counted = {column.name: column for column in window.columns}
    assert window.rows == 300
    assert counted["gaps"].missing == frame["gaps"].isna().sum()
    assert counted["colour"].categories == frame["colour"].value_counts().to_dict()
    assert counted["yes"].categories == {
        "False": int((~frame["yes"]).sum()),
        "True": int(frame["yes"].sum()),
    }
    edges = [-np.inf, *profile.columns[0].edges, np.inf]
    binned = pd.cut(frame["normal 0"], edges).value_counts(sort=False)
    assert list(counted["normal 0"].counts) == binned.tolist()
    assert counted["normal 0"].high == frame["normal 0"].max()
    assert counted["normal 0"].above == (frame["normal 0"] > profile.columns[0].high).sum()
    assert sum(window.predictions[0].counts) == 300


def test_a_file_that_arrow_does_not_take_is_counted_the_same(log, monkeypatch):
    folder, _, profile = log
    fast, _ = collect(folder, profile)
    monkeypatch.setattr(reading, "_by_arrow", lambda *_: None)
    slow, _ = collect(folder, profile)
    assert slow == fast


def test_torn_lines_are_counted_and_passed_over(log):
    folder, _, profile = log
    (path,) = folder.glob(inference_log.PATTERN)
    with path.open("ab") as file:
        file.write(b'{"id": "torn", "at": 10')
    window, _ = collect(folder, profile)
    assert (window.rows, window.torn) == (300, 1)


def test_a_window_is_from_a_time_to_another(log):
    folder, _, profile = log
    for span, requests in (
        ({"since": 1_002.0}, 4),
        ({"until": 1_002.0}, 2),
        ({"since": 1_001.0, "until": 1_003.0}, 2),
        ({"rows": 100}, 2),
        ({"rows": 101}, 3),
        ({"rows": 100, "until": 1_003.0}, 2),
        ({"rows": 10_000}, 6),
    ):
        window, _ = collect(folder, profile, **span)
        assert window.health.requests == requests, span
        assert window.rows == requests * 50


def test_files_from_before_the_window_are_not_read(log):
    folder, _, profile = log
    (path,) = folder.glob(inference_log.PATTERN)
    os.utime(path, (900, 900))
    assert collect(folder, profile, since=1_000.0)[0].rows == 0
    os.utime(path, (1_100, 1_100))
    assert collect(folder, profile, since=1_000.0)[0].rows == 300


def test_a_file_may_say_that_it_is_a_little_older_than_what_is_in_it(log):
    folder, _, profile = log
    (path,) = folder.glob(inference_log.PATTERN)
    os.utime(path, (1_004.995, 1_004.995))
    window, _ = collect(folder, profile, rows=50)
    assert window.rows == 50


def test_an_empty_log_is_an_empty_window(tmp_path):
    window, pairs = collect(tmp_path / "none", reference(rows(0, 100)))
    assert (window.rows, window.since, window.health.p50_s, pairs.truth) == (0, None, None, [])


def test_values_of_another_type_count_as_missing_and_are_told(tmp_path):
    profile = reference(rows(0, 1_000))
    frame = rows(1, 100).astype({"normal 0": object})
    frame.loc[:9, "normal 0"] = "many"
    window, _ = collect(logged(tmp_path / "log", frame, outputs=np.zeros(100)), profile)
    counted = next(column for column in window.columns if column.name == "normal 0")
    assert (counted.wrong, counted.missing, counted.rows) == (10, 10, 100)


def test_a_column_that_is_not_sent_is_missing(tmp_path):
    profile = reference(rows(0, 1_000))
    frame = rows(1, 100)
    folder = logged(tmp_path / "log", frame.drop(columns="gaps"), outputs=predicted(frame), size=10)
    counted = {column.name: column for column in collect(folder, profile)[0].columns}
    assert (counted["gaps"].rows, counted["gaps"].missing) == (100, 100)
    assert counted["colour"].missing == 0


def test_copies_of_rows_are_counted(tmp_path):
    frame = rows(1, 100)
    twice = pd.concat([frame, frame.head(30)], ignore_index=True)
    window, _ = collect(logged(tmp_path / "log", twice, size=13), reference(rows(0, 1_000)))
    assert window.duplicates == 30


def test_labels_find_their_predictions_and_those_that_do_not_fit_are_told(log):
    folder, frame, profile = log
    truth = [1] * 50
    labelling.label(folder, {"1-7-0-0": truth, "1-7-0-1": [1, 0], "unheard-of": 1})
    window, pairs = collect(folder, profile)
    assert (window.labelled, window.unfit) == (50, 1)
    assert pairs.truth == truth
    assert pairs.predicted == predicted(frame)[:50].tolist()


def test_a_single_row_may_have_a_single_label(tmp_path):
    folder = logged(tmp_path / "log", rows(1, 3))
    labelling.label(folder, {"1-7-0-0": 1, "1-7-0-2": 0})
    assert collect(folder, reference(rows(0, 100)))[1].truth == [1, 0]


def test_latency_and_rate_are_those_of_the_requests(log):
    folder, _, profile = log
    health = collect(folder, profile)[0].health
    assert (health.requests, health.rate, health.p50_s, health.p99_s) == (6, 1.0, 0.01, 0.01)


def test_predictions_of_several_values_have_a_column_each(tmp_path):
    random = np.random.default_rng(0)
    outputs = random.random((100, 3))
    frame = rows(1, 100)
    profile = Profile(
        dataset="t",
        rows=100,
        columns=profiles.of_frame(frame),
        predictions=profiles.of_predictions(outputs),
    )
    window, _ = collect(logged(tmp_path / "log", frame, outputs=outputs, size=10), profile)
    assert [c.name for c in window.predictions] == [f"predictions[{i}]" for i in range(3)]
    assert [sum(c.counts) for c in window.predictions] == [100] * 3


def test_rows_of_one_array_are_columns_by_their_places(tmp_path):
    matrix = np.random.default_rng(0).normal(size=(100, 4))
    frame = pd.DataFrame(matrix)
    profile = Profile(
        dataset="t",
        rows=100,
        columns=profiles.of_frame(frame),
        predictions=profiles.of_predictions(matrix[:, 0]),
        tensor=True,
    )
    sent = pd.DataFrame({"inputs": list(matrix.tolist())})
    window, _ = collect(logged(tmp_path / "log", sent, outputs=matrix[:, 0], size=10), profile)
    assert [sum(c.counts) for c in window.columns] == [100] * 4
    assert window.columns[3].high == pytest.approx(matrix[:, 3].max())


def test_new_values_beyond_counting_are_put_together(tmp_path):
    frame = rows(1, 12_000)
    frame["colour"] = [f"colour {i}" for i in range(12_000)]
    window, _ = collect(logged(tmp_path / "log", frame, size=1_000), reference(rows(0, 1_000)))
    counted = next(c for c in window.columns if c.name == "colour")
    assert sum(counted.categories.values()) == 12_000
    assert len(counted.categories) < 5_010


def test_a_column_of_too_many_values_is_a_text():
    assert profiles.column("id", pd.Series(map(str, range(1_001)))).kind is ColumnKind.TEXT
    assert profiles.column("id", pd.Series(map(str, range(1_000)))).kind is ColumnKind.CATEGORICAL
