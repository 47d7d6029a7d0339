"""A request that the service does not answer, and why."""

from __future__ import annotations


class Refusal(Exception):  # noqa: N818  (it is the caller's mistake, not an error of the service)
    """Say with which status and words a request is refused.

    Args:
        message: What is wrong with it, with the offending value.
        status: HTTP status.
        headers: Further headers of the answer.
    """

    def __init__(
        self, message: str, status: int = 400, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.message, self.status, self.headers = message, status, headers or {}
