"""Faults on demand: errors for a while or for some requests, slow answers."""

from __future__ import annotations

import threading
import time

import msgspec

_ANY_NUMBER = 2**62


class Fault(msgspec.Struct, frozen=True):
    """An answer that a proxy in front of the server gives instead of it."""

    status: int
    retry_after_s: float | None


class Faults:
    """What stands between a client and the server right now."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._fault: Fault | None = None
        self._until = 0.0
        self._requests = 0
        self.delay_s = 0.0

    def fail(
        self, status: int, seconds: float | None, requests: int | None, retry_after_s: float | None
    ) -> None:
        """Begin a fault that ends after some seconds, or after some requests."""
        with self._lock:
            self._fault = Fault(status=status, retry_after_s=retry_after_s)
            self._until = time.monotonic() + seconds if seconds is not None else float("inf")
            self._requests = requests if requests is not None else _ANY_NUMBER

    def met(self) -> Fault | None:
        """Return the fault that this request meets."""
        time.sleep(self.delay_s)
        with self._lock:
            if self._requests < 1 or time.monotonic() >= self._until:
                return None
            self._requests -= 1
            return self._fault
