"""What a notebook prints, before any of it is kept: without known secrets, and not without end."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from mlops_nb.capture.secrets import MASK

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TextIO

LIMIT_BYTES = 20_000_000
MIN_SECRET_LENGTH = 8


class Redaction:
    """Removes values from texts, also where a text is JSON and has them escaped.

    Values of fewer than eight characters are left: they stand in too much that is no secret.
    """

    def __init__(self, values: Iterable[str]) -> None:
        long = {value for value in values if len(value) >= MIN_SECRET_LENGTH}
        forms = long | {json.dumps(value)[1:-1] for value in long}
        forms |= {json.dumps(value, ensure_ascii=False)[1:-1] for value in long}
        ordered = sorted(forms, key=len, reverse=True)
        self.pattern = re.compile("|".join(map(re.escape, ordered))) if forms else None

    def __call__(self, text: str) -> str:
        """Return a text without the values."""
        return self.pattern.sub(MASK, text) if self.pattern else text


class RedactedFile:
    """A text file that papermill writes outputs to."""

    def __init__(self, file: TextIO, redaction: Redaction) -> None:
        self.file, self.redaction = file, redaction

    def write(self, text: str) -> None:
        """Write a text without the secrets in it."""
        self.file.write(self.redaction(text))

    def flush(self) -> None:
        """Write out what is buffered."""
        self.file.flush()


class Limit:
    """Cuts off what a cell says beyond a limit, and says so once in its place.

    All outputs of a notebook are held in memory, and saved anew every few seconds.
    """

    def __init__(self) -> None:
        self.said: dict[int, int] = {}

    def __call__(self, msg: dict[str, Any], cell_index: int) -> dict[str, Any] | None:
        """Return a message of the kernel, None where nothing of it is kept."""
        if msg["header"]["msg_type"] == "update_display_data":
            return msg
        before = self.said.get(cell_index, 0)
        now = before + _length(msg["content"])
        self.said[cell_index] = now
        if now <= LIMIT_BYTES or msg["header"]["msg_type"] == "error":
            return msg
        if before > LIMIT_BYTES:
            return None
        head = msg["content"].get("text", "")[: LIMIT_BYTES - before]
        note = f"\nmlops_nb: the rest of more than {LIMIT_BYTES / 1e6:g} MB was cut off\n"
        name = msg["content"].get("name", "stderr")
        header = {**msg["header"], "msg_type": "stream"}
        return {**msg, "header": header, "content": {"name": name, "text": head + note}}

    def forget(self, cell_index: int) -> None:
        """Begin anew: the cell has cleared its output."""
        self.said.pop(cell_index, None)


def _length(value: Any) -> int:
    """Return the length of all texts of JSON data."""
    if isinstance(value, str):
        return len(value)
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return sum(map(_length, parts))
