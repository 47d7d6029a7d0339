"""The options of the service: from the command line, or from the environment as in an image."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

PREFIX = "MLOPS_SERVING_"


@dataclass(frozen=True)
class Options:
    """How one revision is served.

    Attributes:
        package: Folder of the package.
        host: Address to listen on.
        port: Port to listen on, 0 for any.
        fd: A socket that listens already, in place of address and port; -1 for none.
        workers: Processes that answer.
        revision: Number of the revision, for headers and logs.
        token_file: File of the token that requests have to carry; none need one if empty.
        log_folder: Folder of the inference log; none is kept if empty.
        log_sample: Part of the answered requests that it keeps, 0 to 1.
        log_limit_mb: Most that it holds.
        batch_rows: Rows that are predicted at once at the most; 1 for no batching.
        batch_delay_ms: How long a request waits for others.
        body_limit_mb: Largest request.
        timeout_s: How long a prediction may take.
        drain_s: How long requests may go on after the service was asked to end.
        access_log: Whether each request is printed as a line of JSON.
    """

    package: Path
    host: str = "127.0.0.1"
    port: int = 8080
    fd: int = -1
    workers: int = 1
    revision: str = "0"
    token_file: str = ""
    log_folder: str = ""
    log_sample: float = 1.0
    log_limit_mb: int = 100
    batch_rows: int = 1
    batch_delay_ms: float = 5.0
    body_limit_mb: float = 10.0
    timeout_s: float = 30.0
    drain_s: float = 30.0
    access_log: bool = True


def read(arguments: Sequence[str]) -> Options:
    """Return the options of a command line; the environment has what it does not say."""
    parser = argparse.ArgumentParser(prog="python -m mlops_nb.serving")
    parser.add_argument("package", type=Path, nargs="?", default=os.environ.get(f"{PREFIX}PACKAGE"))
    for name, kind in _KINDS.items():
        default = _parsed(kind, os.environ.get(f"{PREFIX}{name.upper()}"), _DEFAULTS[name])
        option = f"--{name.replace('_', '-')}"
        if kind is bool:
            parser.add_argument(option, action=argparse.BooleanOptionalAction, default=default)
        else:
            parser.add_argument(option, type=kind, default=default)
    found = parser.parse_args(arguments)
    if found.package is None:
        parser.error("name the folder of a package")
    return Options(**{**vars(found), "package": Path(found.package)})


_KINDS: dict[str, Any] = {
    "host": str, "port": int, "fd": int, "workers": int, "revision": str, "token_file": str,
    "log_folder": str, "log_sample": float, "log_limit_mb": int, "batch_rows": int,
    "batch_delay_ms": float, "body_limit_mb": float, "timeout_s": float, "drain_s": float,
    "access_log": bool,
}  # fmt: skip
_DEFAULTS = {name: getattr(Options, name) for name in _KINDS}


def _parsed(kind: Any, text: str | None, default: Any) -> Any:
    if text is None:
        return default
    return text.lower() in ("1", "true", "yes", "on") if kind is bool else kind(text)
