"""What the service speaks: each protocol makes inputs of a request, and answers of predictions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from mlops_nb.serving.refusal import Refusal

if TYPE_CHECKING:
    from mlops_nb.serving.signature import Signature

JSON = "application/json"
_decode = msgspec.json.Decoder().decode


class Request:
    """The body of a request, its headers by their names in lower case, and the model's name."""

    __slots__ = ("body", "headers", "model")

    def __init__(self, body: bytes, headers: dict[str, str], model: str) -> None:
        self.body, self.headers, self.model = body, headers, model


class Answer:
    """The body of an answer, its type, and further headers."""

    __slots__ = ("body", "headers", "kind")

    def __init__(
        self, body: bytes, kind: str = JSON, headers: dict[str, str] | None = None
    ) -> None:
        self.body, self.kind, self.headers = body, kind, headers or {}


class Call(Protocol):
    """One request that has been read."""

    inputs: Any

    def answer(self, predictions: Any) -> Answer:
        """Return the answer with these predictions."""


class Speaks(Protocol):
    """One protocol."""

    def read(self, request: Request, signature: Signature) -> Call:
        """Return the call that a request is.

        Raises:
            Refusal: It is none.
        """

    def error(self, message: str, status: int) -> bytes:
        """Return the body that says what went wrong."""


def decoded(body: bytes) -> Any:
    """Return the data of a JSON text.

    Raises:
        Refusal: It is none.
    """
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Refusal(f"the body is no JSON: {error}") from None


def object_of(body: bytes) -> dict[str, Any]:
    """Return the object of a JSON text.

    Raises:
        Refusal: It is none.
    """
    found = decoded(body)
    if not isinstance(found, dict):
        raise Refusal("the body is no JSON object")
    return found


def records(rows: list[dict[str, Any]], signature: Signature) -> Any:
    """Return rows that are objects as a table.

    Raises:
        Refusal: They do not fit.
    """
    for place, row in enumerate(rows):
        if not isinstance(row, dict):
            raise Refusal(f"row {place} is no object, and the first one is")
    names = list(dict.fromkeys(name for row in rows for name in row))
    known = {column.name: column for column in signature.columns}
    for name in names:
        if (not known or name in known) and any(name not in row for row in rows):
            place = next(i for i, row in enumerate(rows) if name not in row)
            if name not in known or known[name].required:
                raise Refusal(f"row {place} has no {name!r}")
    return signature.frame({name: [row.get(name) for row in rows] for name in names})


def rows_of(values: Any, signature: Signature) -> Any:
    """Return rows, which may be objects, lists or single values, as the model takes them.

    Raises:
        Refusal: They do not fit.
    """
    if signature.tensors:
        return tensors(values, signature)
    if not isinstance(values, list) or not values:
        raise Refusal("there are no rows")
    if isinstance(values[0], dict):
        return records(values, signature)
    if not signature.columns:
        return signature.array("", values)
    if not isinstance(values[0], list):
        values = [[value] for value in values]
    return signature.table(None, values)


def tensors(values: Any, signature: Signature) -> Any:
    """Return one tensor, or several by name.

    Raises:
        Refusal: They do not fit.
    """
    if set(signature.tensors) == {""}:
        return signature.array("", values)
    if not isinstance(values, dict):
        raise Refusal(f"the model takes tensors by name: {', '.join(signature.tensors)}")
    missing = [name for name in signature.tensors if name not in values]
    if missing:
        raise Refusal(f"the tensor {missing[0]!r} is missing")
    return {name: signature.array(name, values[name]) for name in signature.tensors}
