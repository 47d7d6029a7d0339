"""Hyperparameters: the parameters cell, then the live session, then arguments.

The cell is parsed with `ast` and never run. A name that the cell does not have, or a value of
another type, is an error: a misspelt parameter must not train the default model in silence.
"""

from __future__ import annotations

import ast
import difflib
import json
import math
import operator
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.exceptions import UsageError
from mlops_nb.types import Hyperparameter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_ABSENT = object()
_SCALARS = {"bool": bool, "int": int, "float": float, "str": str}
_TYPES: dict[str, type] = {**_SCALARS, "list": list, "dict": dict}


def read_cell(source: str) -> tuple[Hyperparameter, ...]:
    """Return the parameters that a cell assigns, in order; the last assignment of a name counts.

    Raises:
        UsageError: The cell is not valid Python.
    """
    source = _without_magics(source)
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise UsageError(
            f"the parameters cell is not valid Python: {error.msg} (line {error.lineno})",
            hint="mend that line of the parameters cell",
        ) from None
    found: dict[str, Hyperparameter] = {}
    for statement in tree.body:
        if isinstance(statement, ast.Assign):
            names = [target.id for target in statement.targets if isinstance(target, ast.Name)]
            value, annotation = statement.value, None
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            names = [statement.target.id]
            value, annotation = statement.value or ast.Constant(None), statement.annotation
        else:
            continue
        for name in names:
            text = ast.get_source_segment(source, value) or ast.unparse(value)
            found[name] = _parameter(name, value, annotation, text)
    return tuple(found.values())


def resolve(
    declared: Sequence[Hyperparameter],
    session: Mapping[str, Any] | None,
    arguments: Mapping[str, Any],
) -> tuple[Hyperparameter, ...]:
    """Return the parameters with the values of the run.

    Args:
        declared: What the cell declares.
        session: The live session's names, None where there is no session.
        arguments: What the call gives; text is read by the parameter's type.

    Raises:
        UsageError: An argument has an unknown name or an ill-typed value, or a session value
            cannot be passed on exactly.
    """
    names = [parameter.name for parameter in declared]
    for name in arguments:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            listed = ", ".join(names) or "none: no cell is tagged `parameters`"
            raise UsageError(
                f"the notebook has no parameter {name!r}",
                hint=f"did you mean {near[0]!r}?" if near else f"it has: {listed}",
            )
    return tuple(_resolved(parameter, session or {}, arguments) for parameter in declared)


def checked(declared: Hyperparameter, value: Any, source: str) -> Any:
    """Return a value as the parameter takes it.

    Args:
        declared: The parameter.
        value: The value.
        source: Who gives it, for the message.

    Raises:
        UsageError: It is of another type, or cannot be passed on exactly.
    """
    return _fitting(declared, _exact(declared, value, source))


def parse_text(text: str, declared: Hyperparameter) -> Any:
    """Read `--param name=text` by the parameter's declared type.

    For a text parameter it is the text as it stands; for others JSON or a Python literal.

    Raises:
        UsageError: The text is no value of that type.
    """
    if declared.type == "str":
        return text
    value = _literal(text)
    if value is _ABSENT:
        if declared.type == "any":
            return text
        raise _ill_typed(declared, text)
    return value


def _resolved(
    declared: Hyperparameter, session: Mapping[str, Any], arguments: Mapping[str, Any]
) -> Hyperparameter:
    if declared.name in arguments:
        given, source = arguments[declared.name], "argument"
    elif declared.name in session:
        given, source = session[declared.name], "session"
    else:
        return declared
    value = _exact(declared, given, source)
    if source == "session" and declared.expression is None and _same(value, declared.default):
        return declared
    return msgspec.structs.replace(declared, value=_fitting(declared, value), source=source)


def _parameter(
    name: str, value: ast.expr, annotation: ast.expr | None, text: str
) -> Hyperparameter:
    try:
        default = ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        default = _ABSENT
    if default is _ABSENT or not _is_json(default):
        return Hyperparameter(
            name=name,
            type=_declared_type(annotation) or "any",
            default=None,
            value=None,
            source="expression",
            expression=text,
        )
    inferred = "any" if default is None else type(default).__name__
    kind = _declared_type(annotation) or inferred
    return Hyperparameter(name=name, type=kind, default=default, value=default, source="cell")


def _declared_type(annotation: ast.expr | None) -> str | None:
    """Return the type that an annotation names; "any" for what is not one of ours."""
    match annotation:
        case None:
            return None
        case ast.Name(id=name) if name in _TYPES:
            return name
        case ast.Subscript(value=ast.Name(id=name)) if name in _TYPES:
            return name
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return _optional(_declared_type(inner))
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return _optional(_declared_type(left))
        case ast.BinOp(left=ast.Constant(value=None), op=ast.BitOr(), right=right):
            return _optional(_declared_type(right))
    return "any"


def _optional(kind: str | None) -> str:
    return f"{kind} | None" if kind in _TYPES else "any"


def _exact(declared: Hyperparameter, value: Any, source: str) -> Any:
    """Return the value as plain JSON data, refusing what would not arrive as it was."""
    plain = _plain(value)
    if plain is _ABSENT:
        hint = (
            f"rename the session's {declared.name}, or say --param {declared.name}=..."
            if source == "session"
            else "pass None, bool, int, float, str, or lists and dicts of them"
        )
        raise UsageError(
            f"parameter {declared.name!r} cannot be passed on exactly: "
            f"the {source} has a {type(value).__name__}",
            hint=hint,
        )
    return plain


def _plain(value: Any) -> Any:
    # Types are compared exactly: a subclass may print, compare or serialise as it likes.
    kind = type(value)
    if value is None or kind in (bool, int, float, str):
        return value
    if kind is list:
        items = [_plain(item) for item in value]
        return _ABSENT if any(item is _ABSENT for item in items) else items
    if kind is dict:
        if not all(type(key) is str for key in value):
            return _ABSENT
        pairs = {key: _plain(item) for key, item in value.items()}
        return _ABSENT if any(item is _ABSENT for item in pairs.values()) else pairs
    return _numpy_scalar(value)


def _numpy_scalar(value: Any) -> Any:
    kind = type(value)
    if kind.__module__ != "numpy":
        return _ABSENT
    if kind.__name__ in ("bool", "bool_"):
        return bool(value)
    if kind.__name__ in ("float64", "float32", "float16"):
        return float(value)
    if kind.__name__.startswith(("int", "uint")):
        return operator.index(value)
    return _ABSENT


def _fitting(declared: Hyperparameter, value: Any) -> Any:
    optional = declared.type.endswith(" | None")
    kind = declared.type.removesuffix(" | None")
    if kind == "any" or (value is None and (optional or declared.default is None)):
        return value
    if kind == "float" and type(value) is int:
        return float(value)
    if kind in _TYPES and type(value) is not _TYPES[kind]:
        raise _ill_typed(declared, value)
    return value


def _ill_typed(declared: Hyperparameter, value: Any) -> UsageError:
    kind = declared.type.removesuffix(" | None")
    example = declared.default if declared.default is not None else _TYPES[kind]()
    return UsageError(
        f"parameter {declared.name!r} takes {declared.type}, not {value!r}",
        hint=f"such as --param {declared.name}={example}",
    )


def _literal(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        try:
            value = ast.literal_eval(text)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return _ABSENT
    return value if _is_json(value) else _ABSENT


def _is_json(value: Any) -> bool:
    return _plain(value) is not _ABSENT


def _same(left: Any, right: Any) -> bool:
    """Equal in value and in type: 1, 1.0 and True differ, NaN is itself."""
    if type(left) is not type(right):
        return False
    if isinstance(left, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, list):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(_same(left[k], right[k]) for k in left)
    return bool(left == right)


def _without_magics(source: str) -> str:
    return "\n".join(
        "" if line.lstrip().startswith(("%", "!")) else line for line in source.splitlines()
    )
