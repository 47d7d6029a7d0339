"""Figures on pages are those that were measured."""

import re
from importlib import import_module

import pytest

from benchmarks import pages, record
from benchmarks.__main__ import NAMES

RESULTS = record.load()
NAMED = {table for name in NAMES for table in import_module(f"benchmarks.{name}").TABLES}


def test_the_page_of_benchmarks_is_made_from_the_results():
    assert pages.PAGE.read_text(encoding="utf-8") == pages.page(RESULTS)


@pytest.mark.parametrize("name", pages.MARKED)
def test_marked_parts_of_pages_are_as_the_results_are(name):
    text = (pages.ROOT / name).read_text(encoding="utf-8")
    assert pages.marked(text)
    assert set(pages.marked(text)) <= NAMED
    assert pages.filled(text, record.tables(RESULTS)) == text


@pytest.mark.parametrize("name", pages.MARKED)
def test_every_marker_begins_or_ends_a_part(name):
    text = (pages.ROOT / name).read_text(encoding="utf-8")
    assert len(re.findall(r"<!-- /?bench", text)) == 2 * len(pages.marked(text))


def test_a_figure_that_was_changed_by_hand_is_put_right():
    table = record.Table(name="one", title="One", columns=("a", "b"), rows=(("1", "2"),), says="x")
    said = "<!-- bench: one says -->\n{}<!-- /bench -->\n"
    text = "before\n<!-- bench: one -->\n9\n<!-- /bench -->\n" + said.format("")
    filled = pages.filled(text, {"one": table})
    assert "| 1 | 2 |" in filled
    assert "9" not in filled
    assert filled.startswith("before\n")
    assert filled.endswith(said.format("x\n"))
    assert pages.filled(filled, {"one": table}) == filled
