"""The page on reliability names tests that there are, for every row."""

from __future__ import annotations

import re

import pytest

from tests.docs.evidence import TOP, missing

PAGE = TOP / "docs" / "reliability.md"
ROW = re.compile(r"\| (D?\d+) \| (.+) \| (.+) \|")
TEST = re.compile(r"`(tests/[\w/]+\.py::test_\w+)`")


def rows() -> dict[str, tuple[str, str]]:
    """Return what the tables say, and their last column, by the rows' numbers."""
    found = [ROW.fullmatch(line) for line in PAGE.read_text().splitlines() if line[:1] == "|"]
    listed = [match.groups() for match in found if match is not None]
    assert len(listed) == len({number for number, *_ in listed}), "a row is there twice"
    return {number: (said, shown) for number, said, shown in listed}


def test_no_row_is_missing_and_none_is_malformed():
    expected = [*map(str, range(1, 56)), *(f"D{number}" for number in range(1, 22))]
    assert list(rows()) == expected
    heads = 4
    lines = [line for line in PAGE.read_text().splitlines() if line[:1] == "|"]
    assert len(lines) == len(expected) + heads


@pytest.mark.parametrize("number", rows())
def test_every_row_names_tests_that_there_are_or_says_why_not(number):
    said, shown = rows()[number]
    reason = re.match(r"(Refused|Out of scope): \w+", shown)
    named = TEST.findall(shown)
    assert named or reason, shown
    assert reason or TEST.sub("", shown).replace("<br>", "") == ""
    assert missing(named) == []
    assert said.count("|") == (0 if number[0] == "D" else 1)
