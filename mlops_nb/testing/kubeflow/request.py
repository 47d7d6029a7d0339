"""A request as the operations see it: routed, parsed and checked against the contract."""

from __future__ import annotations

from typing import Any

import msgspec


class Request(msgspec.Struct, frozen=True):
    """What one operation is asked for.

    Args:
        path: The parameters in the path.
        query: The parameters after the question mark.
        body: The JSON, empty where there is none.
        upload: The file, for the routes that take one.
    """

    path: dict[str, str]
    query: dict[str, str]
    body: dict[str, Any] = {}
    upload: bytes = b""
