"""From our errors to HTTP: one table, and one shape of the body."""

from __future__ import annotations

from http.client import responses
from typing import Any

from mlops_nb import exceptions
from mlops_nb.interfaces.server.workers import BusyError

_IN_LOG = "see the server's log"

# The class itself, or the nearest one above it.
STATUSES: dict[type[exceptions.MlopsError], int] = {
    exceptions.MlopsError: 500,
    exceptions.UsageError: 400,
    exceptions.ProjectError: 422,
    exceptions.ConfigError: 422,
    exceptions.StageError: 422,
    exceptions.ImageError: 422,
    exceptions.RunError: 409,
    exceptions.AbsentRunError: 404,
    exceptions.DeploymentError: 409,
    exceptions.AbsentDeploymentError: 404,
    exceptions.ScheduleError: 409,
    exceptions.AbsentScheduleError: 404,
    exceptions.TrackingError: 502,
    exceptions.AbsentModelError: 404,
    exceptions.BackendError: 502,
    BusyError: 503,
}


def status_of(error: exceptions.MlopsError) -> int:
    """Return the status that an error has."""
    return next(STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES)


_HINTS = {
    403: "send the server's token: Authorization: token TOKEN",
    404: "see /mlops/openapi.json for what there is",
    405: "see /mlops/openapi.json for what there is",
}


def body_for(status: int, error: object) -> dict[str, Any]:
    """Return the body of an answer with a status, for the error that it is of."""
    if isinstance(error, exceptions.MlopsError):
        return body(type(error).__name__, error.message, error.hint)
    return _refusal(status, getattr(error, "log_message", None))


def _refusal(status: int, message: str | None) -> dict[str, Any]:
    """Return the body of what Jupyter Server refuses, or of an error that nobody planned."""
    kind = responses.get(status, "Error").title().replace(" ", "").replace("-", "") + "Error"
    said = message if message and status < 500 else responses.get(status, "Error")
    return body(kind.replace("ErrorError", "Error"), said, _HINTS.get(status, _IN_LOG))


def body(kind: str, message: str, hint: str) -> dict[str, Any]:
    """Return the body of every answer that is an error."""
    return {"error": {"type": kind, "message": message, "hint": hint}}
