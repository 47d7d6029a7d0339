"""The executed notebook of a run whose stage could not end it itself."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from mlops_nb.files import replace_file

if TYPE_CHECKING:
    from pathlib import Path

RUNNING, FAILED = "running", "failed"


def close(path: Path) -> None:
    """Mark the cell that was running as failed, where papermill had no time to do so.

    Args:
        path: The executed notebook; one that is absent or no notebook stays as it is.
    """
    try:
        document = json.loads(path.read_bytes())
        states = [cell["metadata"].get("papermill", {}) for cell in document["cells"]]
    except (OSError, ValueError, KeyError, TypeError):
        return
    running = [state for state in states if state.get("status") == RUNNING]
    for state in running:
        now = datetime.now(timezone.utc).isoformat()
        state.update({"status": FAILED, "exception": True, "end_time": now})
    if running:
        replace_file(path, json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n")
