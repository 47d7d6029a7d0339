"""A package on the disk: what the service reads, and what `assemble` writes.

    package.json      the manifest, which names every other file with its SHA-256
    environment.lock  the packages of its environment, one `name==version` a line
    example.json      a request and the predictions that it has to give
    profile.json      what the training data looked like, for monitoring
    model/            the model in MLflow's format
    code/             the project's modules
    runtime/          this service, as it was when the package was assembled

The SHA-256 of the manifest is the package's digest: equal packages have equal digests.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "package.json"
LOCK = "environment.lock"
EXAMPLE = "example.json"
PROFILE = "profile.json"
MODEL = "model"
CODE = "code"
RUNTIME = "runtime"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a package is.

    Attributes:
        name: The model's name in the URLs.
        python: Version of the interpreter, such as "3.11.7".
        files: SHA-256 of every other file, by its path with forward slashes.
        wrapper: `module:Class` in `code/`; "" for the MLflow model as it is.
        import_folders: Folders of `code/` that modules are imported from.
        trusted: Whether the model may be unpickled: its digest is that of a run of ours.
        signature: Of the model as MLflow has it, with `inputs` and `outputs`; empty where unknown.
        flavors: The model's flavours as MLflow has them.
        origin: What it was made of, as the record `Origin` in plain JSON.
        format: Of the package.
    """

    name: str
    python: str
    files: dict[str, str]
    wrapper: str = ""
    import_folders: tuple[str, ...] = ()
    trusted: bool = False
    signature: dict[str, list[dict[str, Any]]] = {}
    flavors: dict[str, dict[str, Any]] = {}
    origin: dict[str, Any] = {}
    format: int = 1


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A request and what it has to give.

    Attributes:
        request: A body of MLflow's `/invocations`: `{"dataframe_split": {"columns": [...],
            "data": [...]}}`, or `{"inputs": ...}` for tensors.
        predictions: One a row.
        source: Who predicted them: "run" in training, or "assemble" by MLflow's own loader.
    """

    request: dict[str, Any]
    predictions: Any
    source: str = "run"


def read(folder: Path) -> Manifest:
    """Return the manifest of a package."""
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)


def digest(folder: Path) -> str:
    """Return a package's digest."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()


def example(folder: Path) -> Example | None:
    """Return the example of a package, None where it has none."""
    path = folder / EXAMPLE
    return msgspec.json.decode(path.read_bytes(), type=Example) if path.is_file() else None
