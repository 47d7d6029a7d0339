"""A search space, read from what a user writes and held to the notebook's parameters.

    {"C": {"low": 0.01, "high": 10, "log": true}, "depth": {"low": 2, "high": 8, "step": 2},
     "solver": ["lbfgs", "saga"]}

A dimension of a name that the notebook does not have would be searched for nothing, and one of
another type would end every trial: both are errors before a trial starts.
"""

from __future__ import annotations

import difflib
import itertools
import math
from typing import TYPE_CHECKING, Any

from mlops_nb import encoding, paths
from mlops_nb.capture import hyperparameters
from mlops_nb.exceptions import UsageError
from mlops_nb.types import Dimension

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_nb.types import Hyperparameter

_KEYS = ("low", "high", "step", "log", "choices")
_SUCH_AS = 'such as {"low": 0.01, "high": 10, "log": true} or ["lbfgs", "saga"]'
# Floats hold every whole number up to here.
_LARGEST = 2**53


def read(text: str) -> dict[str, Any]:
    """Return the space of a JSON text, or of a file that holds one.

    Raises:
        UsageError: It is neither.
    """
    if not text.lstrip().startswith("{"):
        path = paths.given(text)
        if not path.is_file():
            raise UsageError(
                f"there is no file {text} with a search space",
                hint="name a JSON file, or give the JSON itself: --space '{\"C\": [1, 10]}'",
            )
        text = path.read_text(encoding="utf-8", errors="replace")
    try:
        space = encoding.loads(text)
    except ValueError as error:
        raise UsageError(f"the search space is no JSON: {error}", hint=_SUCH_AS) from None
    if not isinstance(space, dict):
        raise UsageError("the search space is no JSON object", hint='such as {"C": [1, 10]}')
    return space


def dimensions(
    space: Mapping[str, Any], declared: Sequence[Hyperparameter]
) -> tuple[Dimension, ...]:
    """Return what is searched.

    Args:
        space: By name of a parameter: a list of choices, or a range as an object.
        declared: The notebook's parameters, with the values that hold where they are not searched.

    Raises:
        UsageError: There is nothing to search, or a dimension fits no parameter.
    """
    if not space:
        raise UsageError(
            "there is nothing to search",
            hint="give --space, or a table [tuning.space] in mlops.toml",
        )
    by_name = {parameter.name: parameter for parameter in declared}
    for name in space:
        _must_be_free(name, by_name)
    return tuple(_dimension(by_name[name], given) for name, given in space.items())


def values(dimension: Dimension) -> tuple[Any, ...] | None:
    """Return all values of a dimension, None where there is no end of them."""
    if dimension.kind == "choice":
        return dimension.choices
    low, high, step = dimension.low or 0, dimension.high or 0, dimension.step
    if step is None or dimension.log:
        return None
    count = math.floor((high - low) / step + 1e-9) + 1
    return tuple(low + i * step for i in range(count))


def grid(space: Sequence[Dimension]) -> Iterator[dict[str, Any]]:
    """Yield every combination of the values of a space.

    Raises:
        UsageError: A dimension has no end of values.
    """
    for dimension in space:
        if values(dimension) is None:
            raise UsageError(
                f"the grid of {dimension.name!r} has no end",
                hint='give it a "step", or a list of choices; or take --sampler tpe',
            )
    names = [dimension.name for dimension in space]
    for point in itertools.product(*(values(dimension) or () for dimension in space)):
        yield dict(zip(names, point, strict=True))


def holds(dimension: Dimension, value: Any) -> bool:
    """Whether a value is one that a dimension has."""
    if dimension.kind == "choice":
        return any(_is(value, choice) for choice in dimension.choices)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    low, high = dimension.low or 0, dimension.high or 0
    steps = (value - low) / dimension.step if dimension.step else 0.0
    return low <= value <= high and math.isclose(steps, round(steps), abs_tol=1e-9)


def _must_be_free(name: str, by_name: Mapping[str, Hyperparameter]) -> None:
    if name not in by_name:
        near = difflib.get_close_matches(str(name), by_name, n=1)
        listed = ", ".join(by_name) or "none: no cell is tagged `parameters`"
        raise UsageError(
            f"the search space has {name!r}, which is no parameter of the notebook",
            hint=f"did you mean {near[0]!r}?" if near else f"it has: {listed}",
        )
    if by_name[name].source == "argument":
        raise UsageError(
            f"{name!r} is in the search space, and --param gives it a value",
            hint=f"leave one of the two out: --param {name}=...",
        )


def _dimension(declared: Hyperparameter, given: Any) -> Dimension:
    if isinstance(given, (list, tuple)):
        given = {"choices": given}
    if not isinstance(given, dict):
        raise _wrong(declared, f"{given!r}", _SUCH_AS)
    for key in given:
        if key not in _KEYS:
            near = difflib.get_close_matches(str(key), _KEYS, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it takes: {', '.join(_KEYS)}"
            raise _wrong(declared, f"an unknown key {key!r}", hint)
    return _choice(declared, given) if "choices" in given else _range(declared, given)


def _choice(declared: Hyperparameter, given: Mapping[str, Any]) -> Dimension:
    listed = given["choices"]
    if len(given) > 1:
        raise _wrong(declared, "both choices and a range", "leave one of the two out")
    if not isinstance(listed, (list, tuple)) or not listed:
        raise _wrong(declared, f"the choices {listed!r}", "give a list with a value in it")
    choices = tuple(hyperparameters.checked(declared, c, "search space") for c in listed)
    if any(_has_nan(choice) for choice in choices):
        raise _wrong(declared, "a choice that is NaN", "leave it out")
    for index, choice in enumerate(choices):
        # The sampler tells values apart by equality, to which 1 and True are one.
        if any(choice == before for before in choices[:index]):
            raise _wrong(declared, f"the choice {choice!r} twice", "leave one of them out")
    return Dimension(name=declared.name, kind="choice", choices=choices)


def _range(declared: Hyperparameter, given: Mapping[str, Any]) -> Dimension:
    for key in ("low", "high"):
        if key not in given:
            raise _wrong(declared, f"a range without {key!r}", _SUCH_AS)
    kind = declared.type.removesuffix(" | None")
    numbers = [given[key] for key in ("low", "high", "step") if given.get(key) is not None]
    if kind not in ("int", "float", "any"):
        hint = f"it takes {declared.type}: give a list of choices"
        raise _wrong(declared, "a range", hint)
    for number in numbers:
        if type(number) not in (int, float) or not abs(number) <= _LARGEST:
            raise _wrong(declared, f"{number!r} as a number", "give a finite number below 2**53")
    whole = all(type(number) is int for number in numbers)
    if kind == "int" and not whole:
        raise _wrong(declared, "a range that is not of whole numbers", "it takes int")
    kind = "int" if kind == "int" or (kind == "any" and whole) else "float"
    cast = int if kind == "int" else float
    low, high = cast(given["low"]), cast(given["high"])
    step = cast(given["step"]) if given.get("step") is not None else None
    log = given.get("log", False)
    if kind == "int" and step is None and not log:
        step = 1
    _must_be_a_range(declared, low, high, step, log)
    return Dimension(name=declared.name, kind=kind, low=low, high=high, step=step, log=log)


def _must_be_a_range(
    declared: Hyperparameter, low: float, high: float, step: float | None, log: Any
) -> None:
    if low >= high:
        raise _wrong(declared, f"a range from {low} to {high}", '"low" is below "high"')
    if type(log) is not bool:
        raise _wrong(declared, f'"log" as {log!r}', "it is true or false")
    if step is not None and not 0 < step <= high - low:
        raise _wrong(declared, f"the step {step}", f"it is above 0 and at most {high - low}")
    if log and low <= 0:
        raise _wrong(declared, f"a logarithmic range from {low}", '"low" is above 0 then')
    if log and step is not None:
        raise _wrong(declared, "a logarithmic range with a step", "leave one of the two out")


def _wrong(declared: Hyperparameter, what: str, hint: str) -> UsageError:
    return UsageError(f"the search space has {what} for {declared.name!r}", hint=hint)


def _has_nan(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(map(_has_nan, parts))


def _is(value: Any, choice: Any) -> bool:
    return type(value) is type(choice) and bool(value == choice)
