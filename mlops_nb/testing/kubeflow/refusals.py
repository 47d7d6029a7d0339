"""The ways in which the API server says no: an HTTP status, a gRPC code, a message.

The pairs are those of grpc-gateway; "aborted" is what the server answers to a request that does
not fit the state of things, such as a retry of a run that goes on.
"""

from __future__ import annotations

_STATUS = {3: 400, 5: 404, 6: 409, 7: 403, 9: 400, 10: 409, 12: 501, 13: 500, 14: 503, 16: 401}


class RefusedError(Exception):
    """An answer that is an error.

    Args:
        code: The gRPC code; the HTTP status follows from it.
        message: What the client is told.
    """

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def status(self) -> int:
        """The HTTP status of the code."""
        return _STATUS[self.code]

    @property
    def body(self) -> dict[str, object]:
        """The JSON that grpc-gateway sends."""
        return {
            "error": self.message,
            "code": self.code,
            "message": self.message,
            "details": [],
        }


def invalid(message: str) -> RefusedError:
    """A request that can never be right."""
    return RefusedError(3, f"Invalid input error: {message}")


def not_found(kind: str, name: str) -> RefusedError:
    """Something that is not there."""
    return RefusedError(5, f"ResourceNotFoundError: {kind} {name} not found")


def exists(kind: str, name: str) -> RefusedError:
    """A name that is taken."""
    return RefusedError(6, f"Already exist error: {kind} {name} already exists")


def forbidden(message: str) -> RefusedError:
    """A namespace of somebody else."""
    return RefusedError(7, f"PermissionDenied: {message}")


def precondition(message: str) -> RefusedError:
    """A request that has to wait for another one."""
    return RefusedError(9, f"FailedPreconditionError: {message}")


def aborted(message: str) -> RefusedError:
    """A request that does not fit the state of things."""
    return RefusedError(10, f"BadRequestError: {message}")


def internal(message: str) -> RefusedError:
    """What the server takes for a fault of its own."""
    return RefusedError(13, f"InternalServerError: {message}")


def unauthenticated() -> RefusedError:
    """A request of nobody."""
    return RefusedError(16, "Unauthenticated: the request has no valid credentials")
