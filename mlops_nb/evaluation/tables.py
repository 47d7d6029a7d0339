"""Test data as a table: read, with the column to predict and those that a model takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import StageError

if TYPE_CHECKING:
    import pandas

READERS = {
    ".csv": "read_csv",
    ".parquet": "read_parquet",
    ".feather": "read_feather",
    ".json": "read_json",
}


@dataclass(frozen=True)
class Table:
    """A test dataset.

    Attributes:
        path: Its path in the data repository, for the reader.
        frame: Its rows.
        target: The column to predict.
        features: The columns that the model takes by its signature; empty where it names none.
    """

    path: str
    frame: pandas.DataFrame
    target: str
    features: tuple[str, ...]

    @property
    def truth(self) -> pandas.Series:
        """What is to be predicted."""
        return self.frame[self.target]

    def inputs(self, model: Any) -> pandas.DataFrame:
        """Return what a model is given, whole numbers as the floats that it was trained on.

        A column of a file is read as whole numbers when it happens to hold no others.

        Raises:
            StageError: The model takes a column that is not there.
        """
        names = features_of(model)
        _must_have(self.frame, names)
        found = self.frame[list(names)] if names else self.frame.drop(columns=self.target)
        return found.astype(_floats(model, found)) if names else found


def files(path: Path) -> list[Path]:
    """Return the files of a dataset that are tables: its own, or those in its folder."""
    found = sorted(path.rglob("*")) if path.is_dir() else [path]
    return [file for file in found if file.is_file() and file.suffix in READERS]


def read(paths: list[Path]) -> pandas.DataFrame:
    """Return the rows of tables, one after another."""
    import pandas

    frames = [getattr(pandas, READERS[path.suffix])(path) for path in paths]
    return frames[0] if len(frames) == 1 else pandas.concat(frames, ignore_index=True)


def of(model: Any, frame: pandas.DataFrame, path: str, target: str) -> Table:
    """Return rows as the table that a model is tested on.

    Args:
        model: As MLflow's pyfunc loads it.
        frame: The rows.
        path: Where they are from.
        target: The column to predict, "" for the one that the model does not take.

    Raises:
        StageError: It cannot be told, or is not there.
    """
    features = features_of(model)
    _must_have(frame, features)
    target = target or _target(frame, features, path)
    if target not in frame.columns:
        raise StageError(
            f"{Path(path).name} has no column {target!r}",
            hint=f"set data.target in mlops.toml; it has: {', '.join(map(str, frame.columns))}",
        )
    unlabelled = int(frame[target].isna().sum())
    if unlabelled:
        raise StageError(
            f"{unlabelled} of {len(frame)} rows of {Path(path).name} have no {target}",
            hint="test on rows that are labelled",
        )
    return Table(path, frame, target, features)


def features_of(model: Any) -> tuple[str, ...]:
    """Return the columns that a model takes, by its signature; none where it names none."""
    schema = model.metadata.get_input_schema()
    return tuple(schema.input_names()) if schema is not None and schema.has_input_names() else ()


def types_of(model: Any) -> dict[str, str]:
    """Return the type of each column that a model takes, by its signature."""
    schema = model.metadata.get_input_schema()
    if schema is None or not schema.has_input_names():
        return {}
    return {c.name: c.type.name for c in schema.inputs if hasattr(c.type, "name")}


def _must_have(frame: pandas.DataFrame, names: tuple[str, ...]) -> None:
    missing = [name for name in names if name not in frame.columns]
    if missing:
        raise StageError(
            f"the test dataset lacks columns that the model takes: {', '.join(missing[:5])}",
            hint="evaluate on data with the columns of the training data",
        )


def _floats(model: Any, inputs: pandas.DataFrame) -> dict[str, Any]:
    return {
        column.name: column.type.to_numpy()
        for column in model.metadata.get_input_schema().inputs
        if getattr(column.type, "name", "") in ("float", "double")
        and inputs[column.name].dtype.kind in "iu"
    }


def _target(frame: pandas.DataFrame, features: tuple[str, ...], path: str) -> str:
    left = [str(column) for column in frame.columns if column not in features]
    if not features or len(left) != 1:
        raise StageError(
            f"cannot tell which column of {Path(path).name} is to be predicted",
            hint="set data.target in mlops.toml",
        )
    return left[0]
