"""MLflow's protocol: `/invocations` with a table, records, instances, tensors, or CSV."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.serving import predictions as outputs
from mlops_nb.serving.protocols import JSON, Answer, Request, object_of, records, rows_of, tensors
from mlops_nb.serving.refusal import Refusal

if TYPE_CHECKING:
    from mlops_nb.serving.signature import Signature

_FORMS = ("dataframe_split", "dataframe_records", "instances", "inputs")
_CODES = {400: "BAD_REQUEST", 404: "RESOURCE_DOES_NOT_EXIST", 401: "UNAUTHENTICATED"}


class Call:
    """One request to `/invocations`."""

    __slots__ = ("inputs",)

    def __init__(self, inputs: Any) -> None:
        self.inputs = inputs

    def answer(self, predictions: Any) -> Answer:
        """Return a prediction for each row."""
        return Answer(msgspec.json.encode({"predictions": outputs.plain(predictions)}))


def read(request: Request, signature: Signature) -> Call:
    """Read the one form that the body has."""
    kind = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if kind == "text/csv":
        return Call(_csv(request.body, signature))
    if kind != JSON:
        raise Refusal(f"the content type {kind!r:.80} is neither {JSON} nor text/csv", 415)
    body = object_of(request.body)
    given = [form for form in _FORMS if form in body]
    if len(given) != 1:
        raise Refusal(f"the body has to have one of {', '.join(_FORMS)}, and has {len(given)}")
    return Call(_READERS[given[0]](body[given[0]], signature))


def error(message: str, status: int) -> bytes:
    """Return the body of a refusal."""
    code = _CODES.get(status, "BAD_REQUEST" if status < 500 else "INTERNAL_ERROR")
    return msgspec.json.encode({"error_code": code, "message": message})


def _split(value: Any, signature: Signature) -> Any:
    if not isinstance(value, dict) or not isinstance(value.get("data"), list):
        raise Refusal('dataframe_split takes {"columns": [...], "data": [[...], ...]}')
    names = value.get("columns")
    if names is not None and not isinstance(names, list):
        raise Refusal("the columns of dataframe_split are no list")
    if signature.tensors:
        return tensors(value["data"], signature)
    return signature.table(None if names is None else list(map(str, names)), value["data"])


def _records(value: Any, signature: Signature) -> Any:
    if not isinstance(value, list) or not value:
        raise Refusal("dataframe_records takes a list of objects")
    return records(value, signature)


def _inputs(value: Any, signature: Signature) -> Any:
    if isinstance(value, dict) and not signature.tensors:
        lengths = {len(column) if isinstance(column, list) else -1 for column in value.values()}
        if len(lengths) != 1 or -1 in lengths:
            raise Refusal("the columns of inputs are no lists of one length")
        return signature.frame(value)
    return rows_of(value, signature)


_READERS = {
    "dataframe_split": _split,
    "dataframe_records": _records,
    "instances": rows_of,
    "inputs": _inputs,
}


def _csv(body: bytes, signature: Signature) -> Any:
    import pandas as pd

    try:
        table = pd.read_csv(io.BytesIO(body))
    except (ValueError, UnicodeDecodeError, RecursionError) as error:
        raise Refusal(f"the body is no CSV: {error}") from None
    if table.columns.duplicated().any():
        raise Refusal("a column is there twice")
    # A column of a file is read as whole numbers when it happens to hold no others.
    return signature.frame({str(name): table[name].to_numpy() for name in table.columns})
