"""The live session: the names of the IPython shell that this code runs in, if it does."""

from __future__ import annotations

import sys
from typing import Any


def namespace() -> dict[str, Any] | None:
    """Return the user's names, None where this is no kernel (a script, or a plain IPython)."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None or getattr(shell, "kernel", None) is None:
        return None
    names: dict[str, Any] = shell.user_ns
    return names
