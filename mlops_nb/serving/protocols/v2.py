"""The Open Inference Protocol, V2: named tensors, in JSON or behind it as bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from mlops_nb.serving import predictions as outputs
from mlops_nb.serving.protocols import Answer, Request, object_of
from mlops_nb.serving.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.serving.signature import Signature

LENGTH = "inference-header-content-length"
BINARY = "application/octet-stream"
DTYPES = {
    "BOOL": "bool", "UINT8": "uint8", "UINT16": "uint16", "UINT32": "uint32", "UINT64": "uint64",
    "INT8": "int8", "INT16": "int16", "INT32": "int32", "INT64": "int64",
    "FP16": "float16", "FP32": "float32", "FP64": "float64", "BYTES": "object",
}  # fmt: skip
_NAMES = {np.dtype(name): datatype for datatype, name in DTYPES.items() if name != "object"}
_OF_COLUMNS = {
    "double": "FP64", "float": "FP32", "long": "INT64", "integer": "INT32", "boolean": "BOOL",
}  # fmt: skip
_PREFIX = 4


class Call:
    """One `infer`."""

    __slots__ = ("asked", "binary", "id", "inputs", "model")

    def __init__(self, inputs: Any, body: Mapping[str, Any], model: str) -> None:
        self.inputs, self.model = inputs, model
        self.id = body.get("id")
        self.binary = bool(_parameters(body).get("binary_data_output", False))
        self.asked = {o["name"]: _parameters(o) for o in _objects(body, "outputs")}

    def answer(self, predictions: Any) -> Answer:
        """Return the outputs that were asked for, all of them where none was named."""
        found = outputs.columns(predictions)
        if set(found) == {"predictions"} and len(self.asked) == 1:
            found = {next(iter(self.asked)): found["predictions"]}
        missing = [name for name in self.asked if name not in found]
        if missing:
            raise Refusal(f"there is no output {missing[0]!r}; there are: {', '.join(found)}")
        head: dict[str, Any] = {"model_name": self.model, "outputs": []}
        if self.id is not None:
            head["id"] = self.id
        tail = []
        for name in self.asked or found:
            binary = self.asked.get(name, {}).get("binary_data", self.binary)
            output, raw = _written(name, found[name], binary=bool(binary))
            head["outputs"].append(output)
            tail.append(raw)
        text = msgspec.json.encode(head)
        if not any(tail):
            return Answer(text)
        return Answer(b"".join([text, *tail]), BINARY, {LENGTH: str(len(text))})


def read(request: Request, signature: Signature) -> Call:
    """Read the tensors: one for each column, or one with all columns of all rows."""
    size = request.headers.get(LENGTH)
    if size is not None and (not size.isdecimal() or int(size) > len(request.body)):
        raise Refusal(f"{LENGTH} is {size!r:.40}, and the body has {len(request.body)} bytes")
    end = int(size) if size is not None else len(request.body)
    body = object_of(request.body[:end])
    tail = _Tail(request.body[end:])
    given = {item["name"]: _tensor(item, tail) for item in _objects(body, "inputs")}
    tail.must_be_empty()
    if not given:
        raise Refusal("there are no inputs")
    if body.get("id") is not None and not isinstance(body["id"], str):
        raise Refusal("the id is no text")
    return Call(_inputs(given, signature), body, request.model)


def error(message: str, status: int) -> bytes:
    """Return the body of a refusal."""
    return msgspec.json.encode({"error": message})


def metadata(model: str, signature: Signature, outputs_: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the model takes and gives."""
    inputs = [
        {"name": c.name, "datatype": _OF_COLUMNS.get(c.type, "BYTES"), "shape": [-1]}
        for c in signature.columns
    ] + [
        {"name": name or "input", "datatype": _NAMES.get(kind, "BYTES"), "shape": list(shape)}
        for name, (kind, shape) in signature.tensors.items()
    ]
    return {
        "name": model,
        "versions": [],
        "platform": "mlops_nb",
        "inputs": inputs,
        "outputs": [_output(item) for item in outputs_],
    }


def _output(item: Mapping[str, Any]) -> dict[str, Any]:
    name = str(item.get("name", "predictions"))
    if item.get("type") != "tensor":
        kind = _OF_COLUMNS.get(str(item.get("type")), "BYTES")
        return {"name": name, "datatype": kind, "shape": [-1]}
    spec = item["tensor-spec"]
    kind = "BYTES" if spec["dtype"] == "str" else _NAMES.get(np.dtype(spec["dtype"]), "BYTES")
    return {"name": name, "datatype": kind, "shape": spec["shape"]}


class _Tail:
    """The bytes behind the JSON."""

    def __init__(self, raw: bytes) -> None:
        self.raw, self.at = raw, 0

    def take(self, size: int) -> bytes:
        if size < 0 or self.at + size > len(self.raw):
            raise Refusal(f"binary_data_size is {size}, and {len(self.raw) - self.at} bytes follow")
        self.at += size
        return self.raw[self.at - size : self.at]

    def must_be_empty(self) -> None:
        if self.at != len(self.raw):
            raise Refusal(f"{len(self.raw) - self.at} bytes follow that belong to no input")


def _objects(body: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    found = body.get(key, [])
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise Refusal(f'"{key}" is no list of objects')
    names = [item.get("name") for item in found]
    if not all(isinstance(name, str) for name in names):
        raise Refusal(f'one of "{key}" has no name')
    if len(set(names)) != len(names):
        raise Refusal(f'two of "{key}" have one name')
    return found


def _parameters(part: Mapping[str, Any]) -> dict[str, Any]:
    found = part.get("parameters", {})
    if not isinstance(found, dict):
        raise Refusal('"parameters" is no object')
    return found


def _tensor(item: Mapping[str, Any], tail: _Tail) -> Any:
    name, datatype, shape = item["name"], item.get("datatype"), item.get("shape")
    if not isinstance(datatype, str) or datatype not in DTYPES:
        raise Refusal(f"the input {name!r:.80} has the unknown datatype {datatype!r:.40}")
    if not isinstance(shape, list) or not all(type(n) is int and n >= 0 for n in shape):
        raise Refusal(f"the input {name!r:.80} has no shape of whole numbers")
    size = _parameters(item).get("binary_data_size")
    if size is not None:
        if type(size) is not int or "data" in item:
            raise Refusal(f"the input {name!r:.80} has data and binary data, or no whole size")
        flat = _of_bytes(tail.take(size), datatype)
    else:
        flat = _of_list(name, item.get("data"), datatype)
    count = 1
    for length in shape:
        count *= length
    if flat.size != count:
        raise Refusal(f"the input {name!r:.80} has {flat.size} values, and its shape is {shape}")
    return flat.reshape(shape)


def _of_bytes(raw: bytes, datatype: str) -> Any:
    if datatype == "BYTES":
        return np.array(_texts(raw), dtype=object)
    kind = np.dtype(DTYPES[datatype]).newbyteorder("<")
    if len(raw) % kind.itemsize:
        raise Refusal(f"{len(raw)} bytes are no whole values of {datatype}")
    return np.frombuffer(raw, dtype=kind).astype(kind.newbyteorder("="), copy=False)


def _texts(raw: bytes) -> list[str]:
    found, at = [], 0
    while at < len(raw):
        size = int.from_bytes(raw[at : at + _PREFIX], "little")
        at += _PREFIX
        if at > len(raw) or at + size > len(raw):
            raise Refusal("the lengths in BYTES do not fit")
        try:
            found.append(raw[at : at + size].decode())
        except UnicodeDecodeError:
            raise Refusal("a value of BYTES is no UTF-8") from None
        at += size
    return found


def _of_list(name: str, data: Any, datatype: str) -> Any:
    if not isinstance(data, list):
        raise Refusal(f"the input {name!r:.80} has no data")
    try:
        found = np.array(data, dtype=object if datatype == "BYTES" else None).reshape(-1)
    except (ValueError, OverflowError, RecursionError):
        raise Refusal(f"the data of {name!r:.80} are of different shapes") from None
    kind = np.dtype(DTYPES[datatype])
    if not found.size:
        return found.astype(kind)
    if datatype == "BYTES":
        bad = next((value for value in found if not isinstance(value, str)), None)
        if bad is not None:
            raise Refusal(f"the input {name!r:.80} takes text, and got {bad!r:.80}")
        return found
    if found.dtype.kind == "O" and kind.kind == "f":
        found = _with_gaps(name, found)
    allowed = {"f": "fiu", "i": "iu", "u": "iu", "b": "b"}[kind.kind]
    if found.dtype.kind not in allowed or not _fits(found, kind):
        raise Refusal(f"the data of {name!r:.80} are no {datatype}")
    return found.astype(kind)


def _with_gaps(name: str, found: Any) -> Any:
    for value in found:
        if value is not None and type(value) not in (int, float):
            raise Refusal(f"the input {name!r:.80} takes numbers, and got {value!r:.80}")
    try:
        return np.array([np.nan if value is None else float(value) for value in found])
    except OverflowError:
        raise Refusal(f"the input {name!r:.80} has a number that is too large") from None


def _fits(found: Any, kind: np.dtype[Any]) -> bool:
    if kind.kind not in "iu":
        return True
    limits = np.iinfo(kind)
    return int(found.min()) >= limits.min and int(found.max()) <= limits.max


def _inputs(given: dict[str, Any], signature: Signature) -> Any:
    if signature.tensors:
        return _as_tensors(given, signature)
    if not signature.columns:
        return next(iter(given.values())) if len(given) == 1 else given
    (first, *others) = given.values()
    if not others and first.ndim == 2 and next(iter(given)) not in _names(signature):
        if first.shape[1] != len(signature.columns):
            raise Refusal(
                f"the input has {first.shape[1]} columns, and the model {len(signature.columns)}"
            )
        return signature.frame(dict(zip(_names(signature), first.T, strict=True)))
    lengths = {len(tensor) if tensor.ndim else -1 for tensor in given.values()}
    if len(lengths) != 1 or -1 in lengths:
        raise Refusal("the inputs have different numbers of rows")
    return signature.frame({name: _column(name, tensor) for name, tensor in given.items()})


def _names(signature: Signature) -> list[str]:
    return [column.name for column in signature.columns]


def _column(name: str, tensor: Any) -> Any:
    if tensor.ndim == 2 and tensor.shape[1] == 1:
        return tensor[:, 0]
    if tensor.ndim != 1:
        raise Refusal(f"the input {name!r:.80} is a column, and has shape {list(tensor.shape)}")
    return tensor


def _as_tensors(given: dict[str, Any], signature: Signature) -> Any:
    if set(signature.tensors) == {""}:
        if len(given) != 1:
            raise Refusal(f"the model takes one input, and got {len(given)}")
        return signature.array("", next(iter(given.values())))
    missing = [name for name in signature.tensors if name not in given]
    if missing:
        raise Refusal(f"the input {missing[0]!r} is missing")
    return {name: signature.array(name, given[name]) for name in signature.tensors}


def _written(name: str, values: Any, *, binary: bool) -> tuple[dict[str, Any], bytes]:
    datatype = _NAMES.get(values.dtype, "BYTES")
    output: dict[str, Any] = {"name": name, "datatype": datatype, "shape": list(values.shape)}
    if not binary:
        flat = values.reshape(-1).tolist()
        output["data"] = flat if datatype != "BYTES" else [str(value) for value in flat]
        return output, b""
    if datatype == "BYTES":
        texts = [str(value).encode() for value in values.reshape(-1).tolist()]
        raw = b"".join(len(text).to_bytes(_PREFIX, "little") + text for text in texts)
    else:
        raw = values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()
    output["parameters"] = {"binary_data_size": len(raw)}
    return output, raw
