from __future__ import annotations

import json
import math

import pytest

from mlops_nb import encoding
from mlops_nb.exceptions import UsageError

VALUES = [
    None, True, 0, -1, 10**30, 0.1, 1e308, "", "python3", "{{$.json_escape[1]}}", "a = 'b'", '"',
    "\\u007b", "\\", "new\nline", "ünïcödé 🎉", "\x00", [], {}, [[{}]], {"a": {"b": {}}},
    {"python3": "{{"}, [None, True, 1, 1.0, "1"],
]  # fmt: skip


@pytest.mark.parametrize("value", VALUES, ids=repr)
def test_values_arrive_as_they_were_and_nothing_is_left_for_the_engine_to_rewrite(value):
    text = encoding.dumps(value, name="x")
    read = encoding.loads(text)
    assert read == value
    assert json.dumps(read) == json.dumps(value)
    assert "python3" not in text
    assert "{{" not in text


def test_infinities_and_nan_are_kept():
    values = encoding.loads(encoding.dumps([math.inf, -math.inf, math.nan], name="x"))
    assert values[:2] == [math.inf, -math.inf]
    assert math.isnan(values[2])


def test_strict_json_names_them():
    assert encoding.strict({"a": [math.nan, math.inf, 1.5]}) == {"a": ["NaN", "Infinity", 1.5]}


def test_what_a_pipeline_parameter_cannot_hold_is_refused():
    with pytest.raises(UsageError, match="hyperparameters take 200,002 bytes"):
        encoding.dumps("x" * 200_000, name="hyperparameters")
