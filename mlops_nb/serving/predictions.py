"""What a model predicts, as JSON data; what is not finite has none, and becomes null."""

from __future__ import annotations

from typing import Any


def plain(predictions: Any) -> Any:
    """Return predictions as lists, texts and numbers; of a table a dict for each row."""
    if hasattr(predictions, "to_dict") and hasattr(predictions, "columns"):
        return predictions.to_dict(orient="records")
    if hasattr(predictions, "tolist"):
        return predictions.tolist()
    if isinstance(predictions, dict):
        return {name: plain(value) for name, value in predictions.items()}
    if isinstance(predictions, (list, tuple)):
        return [plain(value) for value in predictions]
    return predictions


def columns(predictions: Any) -> dict[str, Any]:
    """Return predictions as arrays by name; those of one unnamed output are "predictions"."""
    import numpy as np

    if hasattr(predictions, "to_dict") and hasattr(predictions, "columns"):
        return {str(name): predictions[name].to_numpy() for name in predictions.columns}
    if isinstance(predictions, dict):
        return {str(name): np.asarray(value) for name, value in predictions.items()}
    return {"predictions": np.asarray(predictions)}


def rows(inputs: Any) -> int:
    """Return how many rows inputs have."""
    if isinstance(inputs, dict):
        return max((len(value) for value in inputs.values()), default=0)
    return len(inputs)
