"""A page in this machine's browser: OAuth 2.0 authorization code with PKCE (RFC 7636, 8252)."""

from __future__ import annotations

import base64
import hashlib
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlsplit

from mlops_nb.exceptions import ConfigError, LoginError
from mlops_nb.runners.kubeflow.authentication.claims import LOG_IN
from mlops_nb.runners.kubeflow.authentication.client import Client, Refusal
from mlops_nb.runners.kubeflow.authentication.openid import OpenIDLogin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_nb.runners.kubeflow.authentication.sessions import Session
    from mlops_nb.settings import Config

TIMEOUT_S = 300
_POLL_S = 0.05
_PATH = "/callback"
_SEEN = b"<!doctype html><title>mlops_nb</title><p>You can close this page and go back."


def of(config: Config) -> OpenIDLogin:
    """Return the way of the settings."""
    return OpenIDLogin(
        config, lambda client, say: log_in(client, say, config.kubeflow_redirect_port)
    )


@dataclass(frozen=True)
class Request:
    """One request for a code, with what proves that the answer and the code are for it."""

    redirect_uri: str
    state: str = field(default_factory=secrets.token_urlsafe, repr=False)
    nonce: str = field(default_factory=secrets.token_urlsafe, repr=False)
    verifier: str = field(default_factory=lambda: secrets.token_urlsafe(64), repr=False)

    @property
    def challenge(self) -> str:
        """What the issuer sees of the verifier before it sees the verifier."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()

    def url(self, client: Client) -> str:
        """Return the address to open."""
        query = {
            "response_type": "code",
            "client_id": client.id,
            "redirect_uri": self.redirect_uri,
            "scope": client.scope,
            "state": self.state,
            "nonce": self.nonce,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256",
        }
        page = client.provider.authorization_endpoint
        return f"{page}{'&' if '?' in page else '?'}{urlencode(query)}"


def log_in(client: Client, say: Callable[[str], None], port: int = 0) -> Session:
    """Open the issuer's page, and wait until it sends the browser back.

    Args:
        client: The client.
        say: Is given the address, for where no browser opens.
        port: Port of this machine that the browser is sent back to; 0 for any.

    Raises:
        LoginError: The user or the issuer refuses, or nobody comes back in time.
    """
    import webbrowser

    if not client.provider.authorization_endpoint:
        raise ConfigError(
            f"{client.provider.issuer} has no page to log in", hint='set kubeflow.auth = "device"'
        )
    with _listening(port) as (server, answers):
        request = Request(_redirect_uri(server.server_port, registered=bool(port)))
        server.state = request.state
        url = request.url(client)
        say(f"log in with the browser; if none opens, open {url}")
        webbrowser.open(url)
        answer = _wait(client, answers)
    given = client.tokens(
        grant_type="authorization_code",
        code=_code(client, answer),
        redirect_uri=request.redirect_uri,
        code_verifier=request.verifier,
    )
    if isinstance(given, Refusal):
        raise LoginError(f"{client.provider.issuer} refuses its code: {given.error}", hint=LOG_IN)
    return client.session(given, nonce=request.nonce)


def _redirect_uri(port: int, *, registered: bool) -> str:
    # RFC 8252 has the number, whose port issuers leave open. Who wants the whole address
    # registered, as Cognito does, takes plain HTTP for the name alone.
    return f"http://{'localhost' if registered else '127.0.0.1'}:{port}{_PATH}"


def _wait(client: Client, answers: Queue[dict[str, str]]) -> dict[str, str]:
    try:
        return answers.get(timeout=TIMEOUT_S)
    except Empty:
        raise LoginError(
            f"nobody has come back from {client.provider.issuer} in {TIMEOUT_S} s",
            hint='where the browser is on another machine: kubeflow.auth = "device"',
        ) from None


def _code(client: Client, answer: dict[str, str]) -> str:
    issuer = client.provider.issuer
    # RFC 9207: another issuer that was made to answer would get our code.
    if answer.get("iss", issuer) != issuer:
        raise LoginError(f"another issuer than {issuer} has answered", hint=LOG_IN)
    if code := answer.get("code"):
        return code
    error = answer.get("error", "")
    word = error if error.isidentifier() and len(error) <= 60 else "no reason given"
    raise LoginError(f"{issuer} refuses the login: {word}", hint=LOG_IN)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    state = ""

    def __init__(self, port: int, answers: Queue[dict[str, str]]) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.answers = answers


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    # Browsers open connections that they then say nothing on.
    timeout = 30

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        answer = dict(parse_qsl(parts.query))
        # An answer without our state is somebody else's: the wait goes on.
        if parts.path != _PATH or not _same(answer.get("state", ""), self.server.state):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(_SEEN)))
        self.end_headers()
        self.wfile.write(_SEEN)
        self.server.answers.put(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing: the request line has the code."""


def _same(given: str, state: str) -> bool:
    return bool(state) and secrets.compare_digest(given.encode(), state.encode())


@contextmanager
def _listening(port: int) -> Iterator[tuple[_Server, Queue[dict[str, str]]]]:
    answers: Queue[dict[str, str]] = Queue()
    try:
        server = _Server(port, answers)
    except OSError as error:
        raise LoginError(
            f"nothing can be received at port {port} of this machine: {error.strerror}",
            hint="end what listens there, then log in again",
        ) from None
    Thread(target=server.serve_forever, args=(_POLL_S,), daemon=True).start()
    try:
        yield server, answers
    finally:
        server.shutdown()
        server.server_close()
