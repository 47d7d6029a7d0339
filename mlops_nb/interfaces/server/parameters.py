"""What a verb takes and gives, read from its function: names, types, defaults, descriptions."""

from __future__ import annotations

import collections.abc
import inspect
import re
import types as builtin_types
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Union

import msgspec

from mlops_nb import types
from mlops_nb.api.lookup import Folder

if TYPE_CHECKING:
    from collections.abc import Callable

# Who serves gives these; nobody asks for them over HTTP. A server never waits for a run.
GIVEN = ("project", "wait", "say", "hub")
# Annotations of `api` name what it imports for type checkers alone.
_NAMES = {
    **{name: getattr(collections.abc, name) for name in collections.abc.__all__},
    **{name: getattr(types, name) for name in types.__all__},
    "Any": Any,
    "Path": Path,
    "Folder": Folder,
    "Hub": Any,
}
# What docstrings of verbs need not say again and again.
_ALWAYS = {
    "run_id": "The run's id, the beginning of it, or latest.",
    "name": "Its name.",
    "stage": "Only this stage; driver for the engine's log.",
    "tolerance": "Largest relative difference of a metric, absolute below 1.",
    "path": "The file or folder.",
}
_DESCRIBED = re.compile(r"^ {4}(\w+): (.+(?:\n {8}.+)*)", re.MULTILINE)


@dataclass(frozen=True)
class Parameter:
    """One parameter of a verb.

    Attributes:
        name: Its name.
        type: Its type in JSON.
        default: Its default, `msgspec.NODEFAULT` where it has to be given.
        is_path: Whether it names a file or a folder.
        description: What the verb's docstring says of it.
    """

    name: str
    type: Any
    default: Any
    is_path: bool
    description: str

    @property
    def repeats(self) -> bool:
        """Whether it takes several values."""
        return typing.get_origin(self.type) is list


def of(function: Callable[..., Any]) -> tuple[Parameter, ...]:
    """Return what a function takes that a request can give."""
    hints, said = hints_of(function), _descriptions(function)
    return tuple(
        Parameter(
            name=name,
            type=_in_json(hints[name]),
            default=msgspec.NODEFAULT if taken.default is taken.empty else taken.default,
            is_path=Path in _alternatives(hints[name]),
            description=said.get(name, _ALWAYS.get(name, "")),
        )
        for name, taken in inspect.signature(function).parameters.items()
        if name not in GIVEN
    )


def takes(function: Callable[..., Any], name: str) -> bool:
    """Whether a function has a parameter of this name."""
    return name in inspect.signature(function).parameters


def answer_of(function: Callable[..., Any]) -> Any:
    """Return the type of what a function gives, in JSON."""
    return _in_json(hints_of(function)["return"])


def summary_of(function: Callable[..., Any]) -> str:
    """Return the first line of a function's docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0]


def hints_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the types that a function says, of what it takes and gives."""
    return typing.get_type_hints(function, localns=_NAMES, include_extras=True)


def _descriptions(function: Callable[..., Any]) -> dict[str, str]:
    section = (inspect.getdoc(function) or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    return {name: " ".join(text.split()) for name, text in _DESCRIBED.findall(section)}


def _alternatives(kind: Any) -> tuple[Any, ...]:
    union = typing.get_origin(kind) in (Union, builtin_types.UnionType)
    return typing.get_args(kind) if union else (kind,)


def _in_json(kind: Any) -> Any:
    """Return the type that JSON has for a type of Python's."""
    alternatives = _alternatives(kind)
    if len(alternatives) > 1:
        found = dict.fromkeys(map(_in_json, alternatives))
        return Union[tuple(found)]  # noqa: UP007  (made at run time)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Path:
        return str
    if origin is collections.abc.Mapping:
        return dict[arguments]  # type: ignore[valid-type, misc]
    if origin is collections.abc.Sequence:
        return list[_in_json(arguments[0])]  # type: ignore[misc]
    return kind
