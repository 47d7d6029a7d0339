"""What a model takes: names and types of its columns, or its tensors, and rows made into them.

The signature is MLflow's. A request that does not fit is refused with the column and the value;
columns that the model does not know are passed over, as MLflow does.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mlops_nb.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DTYPES: dict[str, np.dtype[Any]] = {
    "double": np.dtype("float64"),
    "float": np.dtype("float32"),
    "long": np.dtype("int64"),
    "integer": np.dtype("int32"),
    "boolean": np.dtype("bool"),
}
_KINDS = {"f": "fiu", "i": "iu", "b": "b"}
_WORDS = {"f": "a number", "i": "a whole number", "b": "true or false"}


@dataclass(frozen=True)
class Column:
    """One column: `type` is MLflow's, such as "double"."""

    name: str
    type: str
    required: bool = True


class Signature:
    """The inputs of a model.

    Args:
        inputs: As MLflow's signature has them; empty where nothing is known.

    Attributes:
        columns: The columns, empty for tensors.
        tensors: Type and shape of each tensor by its name, which is "" where there is one.
    """

    def __init__(self, inputs: Sequence[Mapping[str, Any]]) -> None:
        self.columns: tuple[Column, ...] = ()
        self.tensors: dict[str, tuple[np.dtype[Any], tuple[int, ...]]] = {}
        if any(item.get("type") == "tensor" for item in inputs):
            for item in inputs:
                spec = item["tensor-spec"]
                kind = np.dtype("O") if spec["dtype"] == "str" else np.dtype(spec["dtype"])
                self.tensors[item.get("name", "")] = kind, tuple(spec["shape"])
        else:
            self.columns = tuple(
                # Columns without names have their numbers.
                Column(
                    str(item.get("name", place)),
                    str(item.get("type")),
                    bool(item.get("required", True)),
                )
                for place, item in enumerate(inputs)
            )
        self.numbered = bool(inputs) and not self.tensors and "name" not in inputs[0]
        kinds = {_DTYPES.get(column.type) for column in self.columns}
        self.uniform: np.dtype[Any] | None = kinds.pop() if len(kinds) == 1 else None

    def table(self, names: Sequence[str] | None, rows: Any) -> Any:
        """Return rows as a DataFrame with the model's columns, in its order and of its types.

        Args:
            names: Names of the values of a row; None where they stand in the model's own order.
            rows: A list of lists.

        Raises:
            Refusal: They do not fit.
        """
        import pandas as pd

        names = self._names(names, rows)
        matrix = self._matrix(rows)
        if matrix is not None and matrix.ndim == 2 and matrix.shape[1] == len(names):
            places = self._places(names)
            if places != list(range(len(names))):
                matrix = matrix[:, places]
            return pd.DataFrame(matrix, columns=self._kept(names), copy=False)
        _must_be_rows(rows, len(names))
        columns = list(zip(*rows, strict=True)) if rows else [() for _ in names]
        return self.frame(dict(zip(names, columns, strict=True)))

    def frame(self, values: Mapping[str, Any]) -> Any:
        """Return columns of values as a DataFrame, likewise."""
        import pandas as pd

        if not self.columns:
            return pd.DataFrame({name: list(column) for name, column in values.items()})
        data = {}
        for column in self.columns:
            if column.name in values:
                data[column.name] = _typed(column, values[column.name])
            elif column.required:
                raise Refusal(f"the column {column.name!r} is missing; {self._known()}")
        frame = pd.DataFrame(data)
        if self.numbered:
            frame.columns = range(len(frame.columns))
        return frame

    def array(self, name: str, values: Any) -> Any:
        """Return a tensor of its type and shape.

        Raises:
            Refusal: It does not fit.
        """
        kind, shape = self.tensors.get(name, (None, None))
        found = values if isinstance(values, np.ndarray) else _array(values)
        if kind is None or shape is None:
            return found
        if found.dtype.kind in "OUS" and kind.kind not in "OUS":
            raise Refusal(f"a tensor of {kind} takes numbers, and got {_first(values)!r}")
        if not _matches(found.shape, shape):
            raise Refusal(f"the tensor has shape {list(found.shape)}, and the model takes {shape}")
        if kind.kind in "iub" and found.dtype.kind == "f":
            raise Refusal(f"a tensor of {kind} takes whole numbers")
        return found.astype(kind, copy=False)

    def _names(self, names: Sequence[str] | None, rows: Any) -> list[str]:
        if names is not None:
            twice = next((name for name in names if list(names).count(name) > 1), None)
            if twice is not None:
                raise Refusal(f"the column {twice!r} is there twice")
            return [str(name) for name in names]
        if self.columns:
            return [column.name for column in self.columns]
        return [str(place) for place in range(len(rows[0]) if rows else 0)]

    def _matrix(self, rows: Any) -> Any:
        """Return rows as one array where all columns have one type of numbers, else None."""
        if self.uniform is None or not rows:
            return None
        try:
            found = np.array(rows)
        except (ValueError, OverflowError, RecursionError):
            return None
        fits = found.dtype.kind in _KINDS[self.uniform.kind]
        if fits and found.dtype.kind in "iu" and self.uniform.kind == "i":
            fits = _in_range(found, self.uniform)
        return found.astype(self.uniform, copy=False) if fits else None

    def _places(self, names: Sequence[str]) -> list[int]:
        known = {name: place for place, name in enumerate(names)}
        missing = [c.name for c in self.columns if c.required and c.name not in known]
        if missing:
            raise Refusal(f"the column {missing[0]!r} is missing; {self._known()}")
        return [known[c.name] for c in self.columns if c.name in known]

    def _kept(self, names: Sequence[str]) -> Any:
        given = set(names)
        kept = [c.name for c in self.columns if c.name in given]
        return range(len(kept)) if self.numbered else kept

    def _known(self) -> str:
        return f"the model takes: {', '.join(column.name for column in self.columns[:50])}"


def _typed(column: Column, values: Any) -> Any:
    kind = _DTYPES.get(column.type)
    if kind is not None:
        return _numbers(column, kind, values)
    if column.type == "string":
        return _strings(column, values)
    if column.type == "datetime":
        return _times(column, values)
    if column.type == "binary":
        return [_binary(column, value) for value in values]
    return list(values)


def _numbers(column: Column, kind: np.dtype[Any], values: Any) -> Any:
    found = values if isinstance(values, np.ndarray) else _array(list(values))
    if found.dtype.kind == "O" and kind.kind == "f":
        found = _with_gaps(column, values)
    if found.ndim != 1:
        raise Refusal(f"the column {column.name!r} takes one value a row")
    if found.size and found.dtype.kind not in _KINDS[kind.kind]:
        raise Refusal(f"the column {column.name!r} takes {_WORDS[kind.kind]}: {_bad(kind, values)}")
    if kind.kind == "i" and not _in_range(found, kind):
        raise Refusal(f"the column {column.name!r} takes whole numbers of {kind.itemsize * 8} bit")
    return found.astype(kind, copy=False)


def _with_gaps(column: Column, values: Any) -> Any:
    """Return numbers, some of which are not given."""
    numbers = (int, float)
    for value in values:
        if value is not None and (isinstance(value, bool) or not isinstance(value, numbers)):
            raise Refusal(f"the column {column.name!r} takes a number, and got {value!r:.80}")
    try:
        return np.array([np.nan if value is None else float(value) for value in values])
    except OverflowError:
        raise Refusal(f"the column {column.name!r} has a number that is too large") from None


def _bad(kind: np.dtype[Any], values: Any) -> str:
    for value in values:
        found = _array([value])
        if found.dtype.kind not in _KINDS[kind.kind] or found.ndim != 1:
            return f"it got {value!r:.80}"
    return "it got several kinds of values"


def _strings(column: Column, values: Any) -> Any:
    import pandas as pd

    for value in values:
        if value is not None and not isinstance(value, str):
            raise Refusal(f"the column {column.name!r} takes text, and got {value!r:.80}")
    return pd.Series(list(values), dtype=object)


def _times(column: Column, values: Any) -> Any:
    import pandas as pd

    try:
        return pd.to_datetime(pd.Series(list(values)), format="ISO8601")
    except (ValueError, TypeError, OverflowError) as error:
        raise Refusal(f"the column {column.name!r} takes ISO 8601 times: {error}") from None


def _binary(column: Column, value: Any) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, TypeError, ValueError):
        raise Refusal(f"the column {column.name!r} takes base64, and got {value!r:.80}") from None


def _array(values: Any) -> Any:
    try:
        found = np.array(values)
    except (ValueError, OverflowError, RecursionError):
        raise Refusal("the rows are of different shapes") from None
    return found


def _must_be_rows(rows: Any, width: int) -> None:
    if not isinstance(rows, list):
        raise Refusal("the rows are no list")
    for place, row in enumerate(rows):
        if not isinstance(row, list) or len(row) != width:
            count = len(row) if isinstance(row, list) else "no list of"
            raise Refusal(f"row {place} has {count} values, and there are {width} columns")


def _in_range(found: Any, kind: np.dtype[Any]) -> bool:
    limits = np.iinfo(kind)
    return not found.size or (int(found.min()) >= limits.min and int(found.max()) <= limits.max)


def _matches(shape: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        have == want or want == -1 for have, want in zip(shape, wanted, strict=True)
    )


def _first(values: Any) -> Any:
    while isinstance(values, (list, tuple)) and values:
        values = values[0]
    return values
