"""What the server knows, as one JSON file for each thing: it outlives the server."""

from __future__ import annotations

import datetime
import threading
import time
import uuid
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.testing.kubeflow import refusals

if TYPE_CHECKING:
    from pathlib import Path


class Entry(msgspec.Struct):
    """A thing as the API shows it, and what the server knows besides."""

    id: str
    order: int
    public: dict[str, Any]
    private: dict[str, Any] = {}


class Records:
    """Things of one kind.

    Args:
        folder: Where their files are.
        kind: What one of them is called in messages.
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder = folder / f"{kind}s"
        self._kind = kind
        self._folder.mkdir(parents=True, exist_ok=True)

    def add(self, key: str, public: dict[str, Any], private: dict[str, Any] | None = None) -> Entry:
        """Keep a new thing under an id of its own, which is its field of the name given."""
        name = str(uuid.uuid4())
        shown = {key: name, **public}
        entry = Entry(id=name, order=time.time_ns(), public=shown, private=private or {})
        self.put(entry)
        return entry

    def put(self, entry: Entry) -> None:
        """Keep a thing as it is now."""
        path = self._path(entry.id)
        unseen = path.with_suffix(f".{threading.get_ident()}")
        unseen.write_bytes(msgspec.json.encode(entry))
        unseen.replace(path)

    def get(self, name: str) -> Entry:
        """Return a thing by its id, or refuse."""
        path = self._path(name)
        if not path.is_file():
            raise refusals.not_found(self._kind, name)
        return msgspec.json.decode(path.read_bytes(), type=Entry)

    def all(self) -> list[Entry]:
        """List all things, oldest first."""
        found = [self.get(path.stem) for path in self._folder.glob("*.json")]
        return sorted(found, key=lambda entry: entry.order)

    def delete(self, name: str) -> None:
        """Forget a thing, or refuse where there is none."""
        self.get(name)
        self._path(name).unlink()

    def _path(self, name: str) -> Path:
        # An id is a part of a URL, which may be anything.
        return self._folder / f"{name.replace('/', '_')}.json"


def timestamp(seconds: float | None = None) -> str:
    """Return a time as the server writes it: UTC, in whole seconds; the present one if None."""
    at = time.time() if seconds is None else seconds
    moment = datetime.datetime.fromtimestamp(int(at), datetime.timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
