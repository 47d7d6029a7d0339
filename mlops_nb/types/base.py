"""What all records are: `msgspec` structs, frozen, typed, and checked when they are read back."""

from __future__ import annotations

import msgspec


class Record(msgspec.Struct, frozen=True):
    """Base of all records: immutable, and readable by older and newer releases.

    Unknown fields are passed over, and a field that comes later has a default.
    """


class CommandLineText(str):
    """A parameter's value as typed after `--param`, to be read by the parameter's type."""

    __slots__ = ()
