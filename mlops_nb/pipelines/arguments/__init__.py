"""What a pipeline is started with: its parameters, flat and text, one module a pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mlops_nb.types import Snapshot


def plain(value: object) -> object:
    """Return a record as JSON data."""
    return msgspec.to_builtins(value)


def pins(snapshot: Snapshot) -> object:
    """Return a snapshot without its ref, which names the run: equal pins are equal parameters."""
    code = msgspec.structs.replace(snapshot.code, ref="")
    return plain(msgspec.structs.replace(snapshot, code=code))
