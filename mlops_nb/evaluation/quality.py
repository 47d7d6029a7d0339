"""Whether test data can be trusted: missing values, copies, types, rows of the training data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.evaluation import tables
from mlops_nb.types import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas

    from mlops_nb.evaluation.tables import Table

# Fewer rows than these tell little of a model.
FEW = 100
_NUMBERS = ("integer", "long", "float", "double")


def check(
    model: Any, table: Table, columns: Sequence[str], seen: pandas.DataFrame | None
) -> tuple[Finding, ...]:
    """Return what is to be said about a table.

    Args:
        model: As MLflow's pyfunc loads it.
        table: The test rows.
        columns: Those that slices are made by.
        seen: The rows that the model was trained on, None where they are not known.
    """
    return (
        *_size(table),
        *_missing(table),
        *_duplicates(table),
        *_types(model, table),
        *_slices(table, columns),
        *_leakage(table, seen),
    )


def _size(table: Table) -> Iterator[Finding]:
    if len(table.frame) < FEW:
        yield _warning(
            f"{len(table.frame)} rows are few: the metrics may be far off by chance",
            "test on more rows",
        )
    if table.truth.nunique() < 2:
        yield _warning(
            f"all rows have the same {table.target}: {table.truth.iloc[0]}"
            if len(table.frame)
            else "there is no row",
            "test on rows of all kinds",
        )


def _missing(table: Table) -> Iterator[Finding]:
    shares = table.frame.isna().mean()
    found = shares[shares > 0].sort_values(ascending=False)
    if len(found):
        named = ", ".join(f"{name} {share:.1%}" for name, share in found.head(5).items())
        yield _info(
            f"values are missing in {len(found)} columns: {named}", "see where they got lost"
        )


def _duplicates(table: Table) -> Iterator[Finding]:
    count = int(table.frame.duplicated().sum())
    if count:
        yield _warning(
            f"{count} of {len(table.frame)} rows are copies of another one, and count twice",
            "drop them: frame.drop_duplicates()",
        )


def _types(model: Any, table: Table) -> Iterator[Finding]:
    """Say which columns are of another type than the model's signature has for them."""
    for name, wanted in tables.types_of(model).items():
        kind = table.frame[name].dtype.kind
        if (wanted in _NUMBERS) != (kind in "iufb"):
            yield _warning(
                f"{name} is {table.frame[name].dtype} here, and {wanted} in the model's signature",
                "read the test data as the training data were read",
            )


def _slices(table: Table, columns: Sequence[str]) -> Iterator[Finding]:
    for column in columns:
        if column not in table.frame.columns:
            yield _warning(
                f"there is no column {column!r} to slice by",
                "mend evaluation.slices in mlops.toml",
            )


def _leakage(table: Table, seen: pandas.DataFrame | None) -> Iterator[Finding]:
    """Say how many rows the model has been trained on."""
    if seen is None:
        yield _info(
            "the training data are not known: whether test rows are among them was not checked",
            "evaluate a model that a run of this project has trained",
        )
        return
    columns = [name for name in table.frame.columns if name in seen.columns]
    if table.target not in columns or len(columns) < 2:
        return
    count = int(_hashes(table.frame[columns]).isin(_hashes(seen[columns])).sum())
    if count:
        yield _warning(
            f"{count} of {len(table.frame)} rows are in the training data as well: "
            "the model has seen their answers",
            "take them out of one of the two",
        )


def _hashes(frame: pandas.DataFrame) -> pandas.Series:
    """Return a hash of each row; whole numbers are the floats that they equal."""
    import pandas

    numbers = frame.select_dtypes("number").columns
    return pandas.util.hash_pandas_object(frame.astype(dict.fromkeys(numbers, float)), index=False)


def _warning(message: str, hint: str) -> Finding:
    return Finding(severity="warning", message=message, hint=hint)


def _info(message: str, hint: str) -> Finding:
    return Finding(severity="info", message=message, hint=hint)
