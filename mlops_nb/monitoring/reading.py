"""Read the inference log by columns, a file at a time.

Arrow reads lines of JSON into columns without an object for each value. A file that it does not
take, because a line is torn or a value is of another type than in the reference, is read line by
line: the same columns come out, and what does not fit is counted.
"""

from __future__ import annotations

import contextlib
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from mlops_nb.monitoring import profile as profiles
from mlops_nb.monitoring.counting import Texts, Values
from mlops_nb.serving.inference_log import PATTERN
from mlops_nb.types import ColumnKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np

    from mlops_nb.types import ColumnProfile, Profile, Span

    Floats = np.ndarray[Any, np.dtype[np.float64]]

_BLOCK_BYTES = 1 << 20
_NUMBERS = {int, float, type(None)}
# Name of the one output of models that do not name it, and of the one tensor that they take.
_OUTPUT, _TENSOR = "predictions", "inputs"


class Part(NamedTuple):
    """Requests of one file.

    Attributes:
        ids: One a request.
        at: When each was answered, in seconds since the epoch.
        latency_s: How long each took.
        outputs: The predictions of each.
        rows: Rows of all of them.
        columns: The values of each column of the profile.
        predictions: The same of the predictions.
        torn: Lines that cannot be read.
    """

    ids: Sequence[str]
    at: Floats
    latency_s: Floats
    outputs: Sequence[Any]
    rows: int
    columns: dict[str, Values]
    predictions: dict[str, Values]
    torn: int = 0


class _Line(msgspec.Struct, gc=False):
    at: float
    latency_s: float
    inputs: dict[str, Any]
    outputs: Any
    id: str = ""


class _Size(msgspec.Struct, gc=False):
    at: float
    outputs: Any


def parts(folder: Path, profile: Profile, span: Span) -> Iterator[Part]:
    """Yield the requests of a log that are in a span, a file at a time.

    Args:
        folder: The log's.
        profile: What the columns are.
        span: Which requests; of so many rows, the newest.
    """
    begin = span.since if span.rows is None else _newest(folder, span)
    schema = _schema(profile)
    for path in folder.glob(PATTERN):
        data = _bytes(path, begin)
        if data:
            found = _by_arrow(data, schema, profile, begin, span.until) if schema else None
            yield found or _by_line(data, profile, begin, span.until)


def _bytes(path: Path, begin: float | None) -> bytes:
    """Return a file, nothing for one that was last written before, or is gone by now."""
    try:
        if begin is not None and path.stat().st_mtime < begin:
            return b""
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _newest(folder: Path, span: Span) -> float:
    """Return when the first of so many rows was answered, counted from the last one."""
    found = [
        (line.at, _rows(line.outputs))
        for path in folder.glob(PATTERN)
        for line in _decoded(_bytes(path, span.since), _Size)[0]
        if span.until is None or line.at < span.until
    ]
    left = span.rows or 0
    for at, rows in sorted(found, reverse=True):
        left -= rows
        if left <= 0:
            return max(float(at), span.since or 0.0)
    return span.since or 0.0


def _decoded(data: bytes, kind: type[Any]) -> tuple[list[Any], int]:
    """Return the lines that can be read, and how many cannot."""
    decoder = msgspec.json.Decoder(kind)
    try:
        return decoder.decode_lines(data), 0
    except msgspec.DecodeError:
        return _whole(data.splitlines(), decoder)


def _whole(lines: Sequence[bytes], decoder: Any) -> tuple[list[Any], int]:
    found = []
    for line in lines:
        with contextlib.suppress(msgspec.DecodeError):
            found.append(decoder.decode(line))
    return found, len(lines) - len(found)


def _rows(outputs: Any) -> int:
    if isinstance(outputs, dict):
        return max((_rows(value) for value in outputs.values()), default=0)
    return len(outputs) if isinstance(outputs, list) else 1


def _schema(profile: Profile) -> Any:
    """Return the columns as Arrow types; None where the log has them in another form."""
    import pyarrow as pa

    outputs = profile.predictions
    if profile.tensor or not profile.columns or [o.name for o in outputs] != [_OUTPUT]:
        return None
    inputs = pa.struct([(column.name, _list_of(column)) for column in profile.columns])
    fields = [("id", pa.string()), ("at", pa.float64()), ("latency_s", pa.float64())]
    return pa.schema([*fields, ("inputs", inputs), ("outputs", _list_of(outputs[0]))])


def _list_of(column: ColumnProfile) -> Any:
    import pyarrow as pa

    if column.kind is ColumnKind.NUMERIC:
        return pa.list_(pa.float64())
    return pa.list_(pa.bool_() if column.type == "bool" else pa.string())


def _by_arrow(
    data: bytes, schema: Any, profile: Profile, begin: float | None, end: float | None
) -> Part | None:
    """Return the requests of a file, None where not all of them fit."""
    import pyarrow as pa
    from pyarrow import json

    try:
        table = json.read_json(
            pa.BufferReader(data),
            read_options=json.ReadOptions(block_size=_BLOCK_BYTES),
            parse_options=json.ParseOptions(
                explicit_schema=schema, unexpected_field_behavior="ignore"
            ),
        )
    except pa.ArrowInvalid:
        return None
    table = table.filter(pa.array(_inside(table["at"].to_numpy(), begin, end)))
    columns = {c.name: table["inputs"].combine_chunks().field(c.name) for c in profile.columns}
    predictions = {profile.predictions[0].name: table["outputs"].combine_chunks()}
    flat = {name: values.flatten() for name, values in {**columns, **predictions}.items()}
    if len({len(values) for values in flat.values()}) != 1:
        return None
    return Part(
        ids=table["id"],
        at=table["at"].to_numpy(),
        latency_s=table["latency_s"].to_numpy(),
        outputs=table["outputs"],
        rows=len(flat[_OUTPUT]),
        columns={name: _of_arrow(columns[name].flatten()) for name in columns},
        predictions={name: _of_arrow(predictions[name].flatten()) for name in predictions},
    )


def _of_arrow(values: Any) -> Values:
    import numpy as np
    import pyarrow as pa

    if pa.types.is_floating(values.type):
        return Values(values.to_numpy(zero_copy_only=False))
    coded = values.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
    return Values(Texts(codes, [str(name) for name in coded.dictionary.to_pylist()]))


def _by_line(data: bytes, profile: Profile, begin: float | None, end: float | None) -> Part:
    import numpy as np

    lines, torn = _decoded(data, _Line)
    inside = _inside(np.array([line.at for line in lines], dtype=float), begin, end)
    lines = [line for line, is_in in zip(lines, inside.tolist(), strict=True) if is_in]
    sizes = [_rows(line.outputs) for line in lines]
    return Part(
        ids=[line.id for line in lines],
        at=np.array([line.at for line in lines], dtype=float),
        latency_s=np.array([line.latency_s for line in lines], dtype=float),
        outputs=[line.outputs for line in lines],
        rows=sum(sizes),
        columns=_inputs(lines, sizes, profile),
        predictions=_outputs(lines, sizes, profile),
        torn=torn,
    )


def _inside(at: Floats, begin: float | None, end: float | None) -> Any:
    after = at >= (-float("inf") if begin is None else begin)
    return after & (at < (float("inf") if end is None else end))


def _inputs(lines: Sequence[_Line], sizes: Sequence[int], profile: Profile) -> dict[str, Values]:
    if profile.tensor:
        tables = [list(zip(*line.inputs.get(_TENSOR, []), strict=False)) for line in lines]
        inputs: list[dict[Any, Any]] = [dict(enumerate(table)) for table in tables]
        keys: list[Any] = list(range(len(profile.columns)))
    else:
        inputs, keys = [line.inputs for line in lines], [c.name for c in profile.columns]
    return {
        column.name: _values(column, _chained(inputs, key, sizes))
        for column, key in zip(profile.columns, keys, strict=True)
    }


def _chained(inputs: Sequence[dict[Any, Any]], key: Any, sizes: Sequence[int]) -> list[Any]:
    """Return the values of a column of all requests; one that a request lacks is missing in it."""
    found = (
        values if len(values := one.get(key, ())) == size else [None] * size
        for one, size in zip(inputs, sizes, strict=True)
    )
    return list(chain.from_iterable(found))


def _outputs(lines: Sequence[_Line], sizes: Sequence[int], profile: Profile) -> dict[str, Values]:
    named: list[dict[Any, Any]] = [_by_name(line.outputs) for line in lines]
    return {
        column.name: _values(column, _chained(named, column.name, sizes))
        for column in profile.predictions
    }


def _by_name(outputs: Any) -> dict[str, list[Any]]:
    """Return predictions as columns, under the names that the profile has for them."""
    import numpy as np

    if isinstance(outputs, list) and outputs and isinstance(outputs[0], dict):
        outputs = {name: [row.get(name) for row in outputs] for name in outputs[0]}
    found = outputs if isinstance(outputs, dict) else {_OUTPUT: outputs}
    arrays = {name: np.array(values, dtype=object) for name, values in found.items()}
    return {name: values.tolist() for name, values in profiles.columns_of(arrays)}


def _values(column: ColumnProfile, given: list[Any]) -> Values:
    if column.kind is ColumnKind.NUMERIC:
        return _numbers(given)
    places: dict[str, int] = {}
    codes = [-1 if v is None else places.setdefault(str(v), len(places)) for v in given]
    import numpy as np

    return Values(Texts(np.array(codes, dtype=np.int64), list(places)))


def _numbers(given: list[Any]) -> Values:
    import numpy as np

    wrong = 0
    if not {type(value) for value in given} <= _NUMBERS:
        fits = [type(value) in _NUMBERS for value in given]
        wrong = len(fits) - sum(fits)
        given = [value if fit else None for value, fit in zip(given, fits, strict=True)]
    return Values(np.array(given, dtype=float), wrong)
