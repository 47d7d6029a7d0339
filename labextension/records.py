"""Write `src/records.ts`: the TypeScript types of the records that the front end reads.

They are made from the Python records, and a test holds the file to them.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec.inspect as inspection

from mlops_nb import types

if TYPE_CHECKING:
    from collections.abc import Iterator

PLACE = Path(__file__).parent / "src" / "records.ts"
# What the server answers with; the records inside of them come along.
ROOTS = (
    "Comparison",
    "Deployment",
    "Glimpse",
    "Listing",
    "Moment",
    "Pulse",
    "RegisteredModel",
    "Setting",
    "Status",
    "Timetable",
    "Verdict",
)
_HEAD = "// Made by records.py from the Python records (make labextension). Not to be edited.\n"
_PLAIN = {
    inspection.StrType: "string",
    inspection.IntType: "number",
    inspection.FloatType: "number",
    inspection.BoolType: "boolean",
    inspection.NoneType: "null",
    inspection.AnyType: "unknown",
}


def source() -> str:
    """Return the file's text."""
    found: dict[str, str] = {}
    for name in ROOTS:
        if hasattr(types, name):
            _add(inspection.type_info(getattr(types, name)), found)
    return _HEAD + "".join(f"\n{found[name]}" for name in sorted(found))


def _add(kind: Any, found: dict[str, str]) -> str:
    """Return the TypeScript of a type, with what it needs put into `found`."""
    if type(kind) in _PLAIN:
        return _PLAIN[type(kind)]
    if isinstance(kind, inspection.UnionType):
        return " | ".join(dict.fromkeys(_add(part, found) for part in kind.types))
    if isinstance(kind, inspection.VarTupleType | inspection.ListType):
        inner = _add(kind.item_type, found)
        return f"({inner})[]" if " " in inner else f"{inner}[]"
    if isinstance(kind, inspection.TupleType):
        return f"[{', '.join(_add(part, found) for part in kind.item_types)}]"
    if isinstance(kind, inspection.DictType):
        return f"Record<string, {_add(kind.value_type, found)}>"
    if isinstance(kind, inspection.EnumType):
        members = " | ".join(f"'{member.value}'" for member in kind.cls)
        return _named(kind.cls.__name__, f"type {kind.cls.__name__} = {members};", found)
    if isinstance(kind, inspection.StructType):
        return _record(kind, found)
    raise TypeError(f"no TypeScript for {kind}")


def _record(kind: inspection.StructType, found: dict[str, str]) -> str:
    name = kind.cls.__name__
    if name not in found:
        found[name] = ""  # A record may be inside of itself.
        found[name] = (
            f"export {_array(kind, found) if kind.array_like else _interface(kind, found)}\n"
        )
    return name


def _interface(kind: inspection.StructType, found: dict[str, str]) -> str:
    lines = "".join(f"  {field.encode_name}: {text};\n" for field, text in _fields(kind, found))
    return f"interface {kind.cls.__name__} {{\n{lines}}}"


def _array(kind: inspection.StructType, found: dict[str, str]) -> str:
    parts = ", ".join(f"{field.name}: {text}" for field, text in _fields(kind, found))
    return f"type {kind.cls.__name__} = [{parts}];"


def _fields(
    kind: inspection.StructType, found: dict[str, str]
) -> Iterator[tuple[inspection.Field, str]]:
    return ((field, _add(field.type, found)) for field in kind.fields)


def _named(name: str, text: str, found: dict[str, str]) -> str:
    found[name] = f"export {text}\n"
    return name


if __name__ == "__main__":
    PLACE.write_text(source())
    sys.stdout.write(f"wrote {PLACE.name}\n")
