"""What a model is, as one hash that stays the same when the same model is trained again.

Times, memory addresses and the id of the run, which formats write beside the model, are left out:
members of a zip archive are hashed by their contents, and in skops's listing of objects an address
counts by the order of its appearance. (Autologging leaves the run's id in the estimator.)
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

# What MLflow writes around a model: ids, times, and packages that the lock has already.
_AROUND = {
    "MLmodel",
    "conda.yaml",
    "python_env.yaml",
    "requirements.txt",
    "registered_model_meta",
    "input_example.json",
    "serving_input_example.json",
}
_ADDRESS = re.compile(rb"\b\d{9,}\b")
_SCHEMA = "schema.json"


def of_model(folder: Path, *, run_id: str) -> str:
    """Return the SHA-256 of a model in MLflow's format.

    Args:
        folder: The model's folder, which holds its `MLmodel` file.
        run_id: The MLflow run that logged it.
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = {
        path.relative_to(folder).as_posix(): _digest(path, run_id.encode())
        for path in files
        if path.relative_to(folder).as_posix() not in _AROUND
    }
    return _combined(parts)


def _digest(path: Path, run_id: bytes) -> str:
    if zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            contents = {name: archive.read(name) for name in archive.namelist()}
        return _combined(_plain(contents, run_id))
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def _plain(contents: dict[str, bytes], run_id: bytes) -> dict[str, str]:
    schema = contents.get(_SCHEMA, b"")
    contents = {**contents, _SCHEMA: schema.replace(run_id, b"")} if schema else contents
    order: dict[bytes, bytes] = {}
    for address in _ADDRESS.findall(schema):
        order.setdefault(address, b"#%d" % len(order))

    def plain(text: bytes) -> bytes:
        return _ADDRESS.sub(lambda found: order.get(found[0], found[0]), text)

    return {
        plain(name.encode()).decode(): hashlib.sha256(
            plain(content) if name == _SCHEMA else content
        ).hexdigest()
        for name, content in contents.items()
    }


def _combined(parts: dict[str, str]) -> str:
    text = "".join(f"{digest}  {name}\n" for name, digest in sorted(parts.items()))
    return hashlib.sha256(text.encode()).hexdigest()
