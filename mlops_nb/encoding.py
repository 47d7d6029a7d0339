"""JSON text that survives a pipeline parameter unharmed.

The local engine of KFP 2.17 rewrites the text `python3` inside parameter values and treats `{{$` as
the start of a placeholder. Both can only stand inside JSON strings, so an escape hides them from
the engine and `json.loads` gives them back. NaN and the infinities are kept, as Python writes them.
"""

from __future__ import annotations

import json
import math
from typing import Any

from mlops_nb.exceptions import UsageError

# One argument of a process may have 128 KiB on Linux, and the engine passes parameters that way.
LIMIT_BYTES = 100_000


def dumps(value: Any, *, name: str) -> str:
    """Encode a value as pipeline parameter.

    Args:
        value: JSON scalars, lists and dicts with string keys.
        name: What it is, for the message.

    Raises:
        UsageError: It is longer than a pipeline parameter may be.
    """
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    text = text.replace("{{", "\\u007b\\u007b").replace("python3", "python\\u0033")
    if len(text) > LIMIT_BYTES:
        raise UsageError(
            f"{name} take {len(text):,} bytes; a pipeline parameter holds {LIMIT_BYTES:,}",
            hint="put large values in a file that the project tracks, and pass its path",
        )
    return text


loads = json.loads


def record(value: Any, *, indent: int | None = None) -> str:
    """Encode a record for our own files, where NaN and the infinities stay what they are."""
    import msgspec

    return json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=indent)


def strict(value: Any) -> Any:
    """Return JSON data for any reader: NaN and the infinities become their names as text."""
    if isinstance(value, float) and not math.isfinite(value):
        return {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if isinstance(value, dict):
        return {key: strict(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(item) for item in value]
    return value


def plain(value: Any) -> str:
    """Encode a value for people: JSON, with the names that Python gives to NaN and infinity."""
    return json.dumps(value, ensure_ascii=False)
