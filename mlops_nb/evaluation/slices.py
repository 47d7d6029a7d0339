"""The metrics of parts of a table, by the values of a column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.evaluation import scores
from mlops_nb.types import Slice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas

    from mlops_nb.evaluation.predictions import Predictions
    from mlops_nb.evaluation.tables import Table

# The most frequent values of a column; numbers of more values than these go into quarters.
VALUES = 12
_QUARTERS = 4


def of(table: Table, made: Predictions, columns: Sequence[str]) -> tuple[Slice, ...]:
    """Return the slices by some columns, the largest ones of a column first.

    A column that is not there makes none; `quality` says so.
    """
    return tuple(
        Slice(
            column=column,
            value=value,
            rows=int(mask.sum()),
            metrics=scores.of(made.where(mask)),
        )
        for column in columns
        if column in table.frame.columns
        for value, mask in _masks(table.frame[column])
    )


def _masks(values: pandas.Series) -> Iterator[tuple[str, Any]]:
    import pandas

    kinds = values
    if pandas.api.types.is_numeric_dtype(values) and values.nunique() > VALUES:
        kinds = pandas.qcut(values, _QUARTERS, duplicates="drop").astype(str)
        kinds[values.isna()] = None
    for value in kinds.value_counts().head(VALUES).index:
        yield str(value), (kinds == value).to_numpy()
    if values.isna().any():
        yield "(missing)", values.isna().to_numpy()
