from __future__ import annotations

import math

import pytest

from mlops_nb.capture.hyperparameters import parse_text, read_cell, resolve
from mlops_nb.exceptions import UsageError

CELL = """
rate: float = 0.1  # a comment
depth = 3
flag = True
name: str = "a = b"
nothing = None
maybe: int | None = None
layers: list[int] = [1, 2]
options = {"k": [1, {"x": None}]}
derived = rate * 2
"""


def declared(source=CELL):
    return {p.name: p for p in read_cell(source)}


def test_types_come_from_annotations_or_values():
    types = {name: p.type for name, p in declared().items()}
    assert types == {
        "rate": "float", "depth": "int", "flag": "bool", "name": "str", "nothing": "any",
        "maybe": "int | None", "layers": "list", "options": "dict", "derived": "any",
    }  # fmt: skip


def test_defaults_are_the_cells_literals():
    found = declared()
    assert found["options"].default == {"k": [1, {"x": None}]}
    assert found["name"].default == "a = b"


def test_a_computed_default_is_recorded_by_its_text():
    derived = declared()["derived"]
    assert (derived.source, derived.expression) == ("expression", "rate * 2")


def test_the_last_assignment_of_a_name_counts():
    assert declared("a = 1\na = 2\n")["a"].default == 2


def test_magics_in_the_cell_are_passed_over():
    assert list(declared("%matplotlib inline\n!ls\na = 1\n")) == ["a"]


def test_a_cell_that_is_no_python_is_refused_by_line():
    with pytest.raises(UsageError, match="line 2"):
        read_cell("a = 1\nb = = 2\n")


@pytest.mark.parametrize(
    ("session", "arguments", "value", "source"),
    [
        ({}, {}, 0.1, "cell"),
        ({"rate": 0.1}, {}, 0.1, "cell"),
        ({"rate": 0.2}, {}, 0.2, "session"),
        ({"rate": 0.2}, {"rate": 0.3}, 0.3, "argument"),
        ({}, {"rate": 1}, 1.0, "argument"),
    ],
)
def test_argument_over_session_over_cell(session, arguments, value, source):
    resolved = {p.name: p for p in resolve(read_cell(CELL), session, arguments)}
    assert (resolved["rate"].value, resolved["rate"].source) == (value, source)
    assert type(resolved["rate"].value) is float


def test_a_session_value_of_another_type_is_not_taken_for_the_default():
    (flag,) = resolve(read_cell("flag = 1"), {"flag": 1}, {})
    assert flag.source == "cell"
    with pytest.raises(UsageError, match="takes int, not True"):
        resolve(read_cell("flag = 1"), {"flag": True}, {})


@pytest.mark.parametrize("name", ["rte", "Rate", "__class__", "a b", ""])
def test_an_unknown_name_is_refused(name):
    with pytest.raises(UsageError, match="has no parameter") as refused:
        resolve(read_cell(CELL), {}, {name: 1})
    assert refused.value.hint


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UsageError) as refused:
        resolve(read_cell(CELL), {}, {"dept": 1})
    assert refused.value.hint == "did you mean 'depth'?"


@pytest.mark.parametrize(
    ("name", "value"),
    [("depth", 1.5), ("depth", "3"), ("flag", 1), ("rate", "x"), ("layers", {}), ("maybe", "x"),
     ("name", 3), ("name", None), ("depth", None)],
)  # fmt: skip
def test_an_ill_typed_value_is_refused(name, value):
    with pytest.raises(UsageError, match=f"{name!r} takes"):
        resolve(read_cell(CELL), {}, {name: value})


class Hostile:
    def __repr__(self):
        raise AssertionError("somebody called repr")


class Subclass(str):
    pass


@pytest.mark.parametrize(
    "value", [(1, 2), {1}, b"x", 1j, object(), Hostile(), Subclass("x"), [Hostile()], {1: 2}]
)
def test_a_value_that_would_not_arrive_as_it_was_is_refused(value):
    with pytest.raises(UsageError, match="cannot be passed on exactly"):
        resolve(read_cell("nothing = None"), {"nothing": value}, {})


def test_numpy_scalars_become_the_numbers_that_they_are():
    import numpy

    session = {"rate": numpy.float64(0.25), "depth": numpy.int64(4), "flag": numpy.bool_(False)}
    values = {p.name: p.value for p in resolve(read_cell(CELL), session, {})}
    assert (values["rate"], values["depth"], values["flag"]) == (0.25, 4, False)
    assert [type(values[n]) for n in ("rate", "depth", "flag")] == [float, int, bool]


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("rate", "1e-3", 0.001),
        ("rate", "NaN", math.nan),
        ("depth", "-4", -4),
        ("flag", "false", False),
        ("flag", "True", True),
        ("name", "3", "3"),
        ("name", '{"a": 1}', '{"a": 1}'),
        ("nothing", "null", None),
        ("nothing", "free text", "free text"),
        ("layers", "[1, 2, 3]", [1, 2, 3]),
        ("options", "{'a': None}", {"a": None}),
    ],
)
def test_text_is_read_by_the_declared_type(name, text, value):
    read = parse_text(text, declared()[name])
    assert read == value or (math.isnan(read) and math.isnan(value))
    assert type(read) is type(value)


def test_text_that_is_no_value_of_the_type_is_refused():
    with pytest.raises(UsageError, match="takes int"):
        parse_text("three", declared()["depth"])
