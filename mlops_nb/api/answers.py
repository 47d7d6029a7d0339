"""What front doors give out."""

from __future__ import annotations

from typing import Any

import msgspec

from mlops_nb import encoding
from mlops_nb.types import Snapshot


def as_json(value: Any) -> Any:
    """Return a record, or records, as the JSON data that all front doors give out.

    A snapshot has `parameters` (name to value) beside the full `hyperparameters`.
    """
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    data = encoding.strict(msgspec.to_builtins(value))
    pins = value if isinstance(value, Snapshot) else getattr(value, "snapshot", None)
    if pins is not None:
        place = data if pins is value else data["snapshot"]
        place["id"] = pins.id
        place["parameters"] = encoding.strict(pins.parameters)
    return data
