"""Requests to the API server of Kubeflow Pipelines: JSON, with a limit of time, and retried.

KFP's own client is not used: it has no time limit, follows a redirect to a login page as if that
were an answer, and ends when a token does.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from mlops_nb.exceptions import BackendError, LoginError

if TYPE_CHECKING:
    from requests import Response

    from mlops_nb.runners.kubeflow.authentication import Authentication

_TIMEOUT_S = (10.0, 60.0)
_PAUSES_S = (0.5, 1.0, 2.0)
_LONGEST_PAUSE_S = 30.0
_BUSY = (429, 502, 503, 504)
_REDIRECTS = (301, 302, 303, 307, 308)


class RefusedError(BackendError):
    """The server has understood, and says no.

    Args:
        message: What it says.
        hint: One thing to do.
        status: Its HTTP status.
    """

    def __init__(self, message: str, *, hint: str, status: int) -> None:
        super().__init__(message, hint=hint)
        self.status = status


class UnreachableError(BackendError):
    """The server gives no answer, or is too busy to; it may have done what was asked.

    Args:
        message: What happened.
        hint: One thing to do.
        after_s: When the server wants to be asked again, None where it does not say.
    """

    def __init__(self, message: str, *, hint: str, after_s: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.after_s = after_s


class Client:
    """Speaks with one API server.

    Args:
        authentication: Who asks, and where.
        timeout_s: Longest time to connect, and longest time between two bytes of an answer.
        pauses_s: Time before each further try of what does no harm when it is sent twice.
    """

    def __init__(
        self,
        authentication: Authentication,
        *,
        timeout_s: tuple[float, float] = _TIMEOUT_S,
        pauses_s: tuple[float, ...] = _PAUSES_S,
    ) -> None:
        import requests

        self._authentication = authentication
        self._timeout_s, self._pauses_s = timeout_s, pauses_s
        self._errors = (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
            requests.exceptions.ContentDecodingError,
        )
        self._session = requests.Session()
        # Credentials are ours to give, and not those of a .netrc for the same host.
        self._session.auth = _no_auth

    @property
    def url(self) -> str:
        """Address of the server."""
        return self._authentication.endpoint.url

    def get(self, *path: str, **query: str) -> Any:
        """Return what is at a path.

        Args:
            path: Its parts, each a name or an id.
            query: The query's fields; empty ones are left out.

        Raises:
            RefusedError: It is not there, or may not be seen.
            UnreachableError: There is no answer.
            LoginError: The server does not know who asks.
        """
        return self._json(self._try("GET", path, query))

    def text(self, *path: str) -> bytes:
        """Return the content at a path that is no JSON; once, for whoever asks comes again."""
        content: bytes = self._send("GET", path, {}).content
        return content

    def post(self, *path: str, body: object = None, action: str = "", **query: str) -> Any:
        """Make something, or have something done with `action`; the answer of the server."""
        return self._json(self._send("POST", path, query, json=body, action=action))

    def upload(self, *path: str, file: bytes, **query: str) -> Any:
        """Send a file."""
        files = {"uploadfile": ("pipeline.yaml", file)}
        return self._json(self._send("POST", path, query, files=files))

    def delete(self, *path: str) -> None:
        """Delete what is at a path, if it is there."""
        try:
            self._try("DELETE", path, {})
        except RefusedError as error:
            if error.status != 404:
                raise

    def _try(self, method: str, path: tuple[str, ...], query: dict[str, str]) -> Response:
        """Send what does no harm when it is sent twice."""
        pauses_s = iter(self._pauses_s)
        while True:
            try:
                return self._send(method, path, query)
            except UnreachableError as error:  # noqa: PERF203
                pause_s = next(pauses_s, None)
                if pause_s is None:
                    raise
                time.sleep(min(error.after_s or pause_s, _LONGEST_PAUSE_S))

    def _send(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, str],
        *,
        action: str = "",
        **content: Any,
    ) -> Response:
        answer = self._once(method, path, query, action, content)
        if _wants_login(answer) and self._authentication.renew():
            answer = self._once(method, path, query, action, content)
        if answer.ok and not _wants_login(answer):
            return answer
        raise self._error(answer)

    def _once(
        self,
        method: str,
        path: tuple[str, ...],
        query: dict[str, str],
        action: str,
        content: dict[str, Any],
    ) -> Response:
        endpoint = self._authentication.endpoint
        place = "/".join(quote(part, safe="") for part in path)
        try:
            return self._session.request(
                method,
                f"{endpoint.url}/apis/{place}" + (f":{action}" if action else ""),
                params={name: value for name, value in query.items() if value},
                headers={"Accept": "application/json", **self._authentication.headers()},
                timeout=self._timeout_s,
                allow_redirects=False,
                verify=endpoint.ca_file or True,
                cert=endpoint.client_certificate,
                **content,
            )
        except self._errors as error:
            raise UnreachableError(
                f"{endpoint.url} gives no answer: {_reason(error)}",
                hint="check kubeflow.url in mlops.toml, and that the server runs",
            ) from error

    def _error(self, answer: Response) -> BackendError:
        url = self.url
        if answer.status_code == 401 or answer.status_code in _REDIRECTS:
            return LoginError(
                f"{url} does not know who asks, or no longer",
                hint="log in: jupyter mlops login",
            )
        message = _message(answer)
        if answer.status_code in _BUSY:
            after = answer.headers.get("Retry-After", "")
            return UnreachableError(
                f"{url} is busy or away ({answer.status_code}): {message}",
                hint="try again in a while",
                after_s=float(after) if after.isdecimal() else None,
            )
        hint = "see what the server's log says, or ask those who run it"
        if answer.status_code == 403:
            hint = "check kubeflow.namespace in mlops.toml, and your rights in it"
        return RefusedError(f"{url} refuses: {message}", hint=hint, status=answer.status_code)

    def _json(self, answer: Response) -> Any:
        try:
            return answer.json() if answer.content else {}
        except ValueError:
            raise RefusedError(
                f"{answer.url} gives no JSON: it is no API server of Kubeflow Pipelines",
                hint="set kubeflow.url in mlops.toml to where it is, often with /pipeline",
                status=answer.status_code,
            ) from None


def _wants_login(answer: Response) -> bool:
    return answer.status_code in (401, 403, *_REDIRECTS)


def _message(answer: Response) -> str:
    try:
        data = answer.json()
    except ValueError:
        data = None
    said = data if isinstance(data, dict) else {}
    return str(
        said.get("message") or said.get("error_message") or said.get("error") or answer.reason
    )


def _reason(error: BaseException) -> str:
    """Return the innermost cause, which says more than its wrappers."""
    while error.__cause__ is not None or error.__context__ is not None:
        error = error.__cause__ or error.__context__  # type: ignore[assignment]
    return str(error) or type(error).__name__


def _no_auth(request: Any) -> Any:
    return request
