"""What the front end asks a notebook's kernel for, by an expression that is always the same."""

from __future__ import annotations

from typing import Any

from mlops_nb import api


class _Answer(list[Any]):
    """JSON data that IPython sends as such."""

    def _repr_json_(self) -> list[Any]:
        return list(self)


def parameters() -> list[Any]:
    """Return the hyperparameters of this notebook as its live session has them.

    Raises:
        MlopsError: The notebook cannot be read.
    """
    return _Answer(api.as_json(api.parameters()))
