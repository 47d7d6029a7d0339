"""KServe's protocol V1: `{"instances": [...]}` to `{"predictions": [...]}`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.serving import predictions as outputs
from mlops_nb.serving.protocols import Answer, Request, object_of, rows_of
from mlops_nb.serving.refusal import Refusal

if TYPE_CHECKING:
    from mlops_nb.serving.signature import Signature


class Call:
    """One `:predict`."""

    __slots__ = ("inputs",)

    def __init__(self, inputs: Any) -> None:
        self.inputs = inputs

    def answer(self, predictions: Any) -> Answer:
        """Return a prediction for each instance."""
        return Answer(msgspec.json.encode({"predictions": outputs.plain(predictions)}))


def read(request: Request, signature: Signature) -> Call:
    """Read the instances: rows as lists, as objects, or single values."""
    body = object_of(request.body)
    if "instances" not in body:
        raise Refusal('the body has no "instances"')
    return Call(rows_of(body["instances"], signature))


def error(message: str, status: int) -> bytes:
    """Return the body of a refusal."""
    return msgspec.json.encode({"error": message})
