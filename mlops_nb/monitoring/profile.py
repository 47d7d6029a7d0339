"""The reference profile: the columns of the training dataset, and the predictions, in bins.

A few kilobytes stand for the dataset, so that they can be kept with the model wherever it goes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlops_nb.serving import predictions as outputs
from mlops_nb.types import ColumnKind, ColumnProfile

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    import pandas as pd

# Beside deciles: a change in the tails alone moves little of any decile.
_QUANTILES = (0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.99)
# A numeric column of no more values than this has a bin for each.
_DISTINCT = 20
# A column of more values than this is a text: nobody can say that one of them is new.
CATEGORIES = 1_000
# Columns of a prediction that has many values a row.
_OUTPUTS = 20


def of_frame(frame: pd.DataFrame) -> tuple[ColumnProfile, ...]:
    """Return the profile of each column of a table."""
    return tuple(column(str(name), frame[name]) for name in frame.columns)


def of_predictions(predictions: Any) -> tuple[ColumnProfile, ...]:
    """Return the profile of each column of what a model gives."""
    import pandas as pd

    return tuple(column(name, pd.Series(values)) for name, values in columns_of(predictions))


def columns_of(predictions: Any) -> Iterator[tuple[str, np.ndarray[Any, Any]]]:
    """Yield the columns of predictions: their names, and one value a row."""
    for name, found in outputs.columns(predictions).items():
        if found.ndim == 1:
            yield name, found
            continue
        flat = found.reshape(len(found), -1)
        single = flat.shape[1] == 1
        for place in range(min(flat.shape[1], _OUTPUTS)):
            yield (name if single else f"{name}[{place}]"), flat[:, place]


def column(name: str, values: pd.Series) -> ColumnProfile:
    """Return the profile of one column."""
    import pandas as pd

    given: dict[str, Any] = {"name": name, "type": str(values.dtype), "rows": len(values)}
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return _numeric(given, values.to_numpy(dtype=float, na_value=math.nan))
    counted = values.dropna().map(str).value_counts()
    missing = int(values.isna().sum())
    if len(counted) > CATEGORIES:
        return ColumnProfile(**given, kind=ColumnKind.TEXT, missing=missing)
    categories = {str(value): int(count) for value, count in counted.items()}
    return ColumnProfile(
        **given, kind=ColumnKind.CATEGORICAL, missing=missing, categories=categories
    )


def _numeric(given: dict[str, Any], values: np.ndarray[Any, Any]) -> ColumnProfile:
    import numpy as np

    known = values[np.isfinite(values)]
    edges = _edges(known)
    counts = np.bincount(np.searchsorted(edges, known), minlength=len(edges) + 1)
    return ColumnProfile(
        **given,
        kind=ColumnKind.NUMERIC,
        missing=len(values) - len(known),
        edges=tuple(edges.tolist()),
        counts=tuple(counts.tolist()),
        low=float(known.min()) if len(known) else None,
        high=float(known.max()) if len(known) else None,
    )


def _edges(known: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import numpy as np

    distinct: np.ndarray[Any, Any] = np.unique(known)
    if len(distinct) <= _DISTINCT:
        return distinct[:-1]
    # A value of the data each, so that values that are often there are never halved.
    edges: np.ndarray[Any, Any] = np.unique(np.quantile(known, _QUANTILES, method="inverted_cdf"))
    return edges
