from __future__ import annotations

import math
import os

import pytest

from mlops_nb.journal.points_file import LoggedPoint, PointsFile, encode, latest
from mlops_nb.types import Point


@pytest.fixture
def file(tmp_path):
    made = PointsFile(tmp_path / "points.jsonl")
    made.begin()
    return made


def append(file, *points):
    descriptor = file.open()
    os.write(descriptor, encode(points))
    os.close(descriptor)


POINTS = [
    LoggedPoint("loss", 0, 1700000000.001, 0.1),
    LoggedPoint("val/loss é", -3, 1e9, 5e-324),
    LoggedPoint("x", 2**63 - 1, 0.0, math.inf, "m-1"),
    LoggedPoint("x", 1, 0.0, -math.inf, None, "data", "digest"),
]


def test_points_are_read_as_they_were_written(file):
    append(file, *POINTS)
    assert file.read_logged(0, 10_000)[0] == POINTS
    points, end = file.read()
    assert points == [Point(p.name, p.step, p.at, p.value) for p in POINTS]
    assert end == file.size()
    append(file, LoggedPoint("x", 5, 2.0, math.nan))
    ((nan,), _) = file.read(end)
    assert math.isnan(nan.value)


def test_a_line_that_is_torn_takes_no_other_with_it(file):
    append(file, POINTS[0])
    with file.path.open("ab") as raw:
        raw.write(b'["half",1,17\n')
        raw.write(b'["\xc3\n')
    append(file, POINTS[1])
    with file.path.open("ab") as raw:
        raw.write(b'["unfinished",1')
    points, end = file.read()
    assert [p.name for p in points] == ["loss", "val/loss é"]
    assert file.read(end) == ([], end)


def test_a_new_attempt_has_a_file_of_its_own_and_a_follower_begins_again(file, tmp_path):
    straggler = file.open()
    append(file, *POINTS)
    _, offset = file.read()
    file.acknowledge(offset)
    file.ask()

    file.begin()
    append(file, POINTS[0])
    os.write(straggler, b"late\n")
    os.close(straggler)

    points, again = file.read(offset)
    assert [p.name for p in points] == ["loss"]
    assert again < offset
    assert file.acknowledged() == 0
    assert file.heed() is False
    assert (tmp_path / "points.1.jsonl").read_bytes().endswith(b"late\n")
    file.begin()
    assert (tmp_path / "points.2.jsonl").exists()


def test_there_are_no_points_without_a_file(tmp_path):
    assert PointsFile(tmp_path / "points.jsonl").read(7) == ([], 0)


def test_the_latest_is_of_the_largest_step_and_then_the_last_logged():
    known: dict[str, Point] = {}
    steps = [(0, 9.0), (0, 3.0), (5, 1.0), (2, 8.0)]
    latest([Point("x", step, 1.0, value) for step, value in steps[:2]], known)
    assert known["x"].value == 3.0
    latest([Point("x", step, 1.0, value) for step, value in steps], known)
    assert known["x"].value == 1.0
