"""Tests that a page names: whether each of them is there."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TOP = Path(__file__).parents[2]
_NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+)`")


def named(text: str) -> list[str]:
    """Return the tests that a text names, each as `path::test_name`."""
    return _NAMED.findall(text)


def missing(tests: Iterable[str]) -> list[str]:
    """Return those of some tests that are not there."""
    return [
        test for test in tests if test.partition("::")[2] not in _tests(test.partition("::")[0])
    ]


@cache
def _tests(path: str) -> frozenset[str]:
    """Return the tests of a file: its functions, and what is made of a state machine."""
    place = TOP / path
    if not place.is_file():
        return frozenset()
    tree = ast.parse(place.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    names = [node.name for node in tree.body if isinstance(node, functions)]
    return frozenset(name for name in names if name.startswith("test_"))
