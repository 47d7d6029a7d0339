"""OpenID Connect: what an issuer offers, its token endpoint, and a login that is renewed in time.

The two ways that use it, `device` and `browser`, differ in how the user says yes and in nothing
else. An ID token is preferred to an access token, because that is what the proxies in front of
Kubeflow check: it names the client in `aud`.
"""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote_plus

import msgspec

from mlops_nb.exceptions import BackendError, ConfigError, LoginError
from mlops_nb.runners.kubeflow.authentication import claims
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints
from mlops_nb.runners.kubeflow.authentication.claims import LOG_IN
from mlops_nb.runners.kubeflow.authentication.sessions import Session, Store
from mlops_nb.runners.kubeflow.authentication.token import bearer
from mlops_nb.runners.kubeflow.authentication.web import Web

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint
    from mlops_nb.settings import Config

_T = TypeVar("_T")
SECRET = "MLOPS_NB_KUBEFLOW_CLIENT_SECRET"  # noqa: S105
# Renewed so long before it expires: a request takes its time, and clocks differ.
LEEWAY_S = 60


class Provider(msgspec.Struct, frozen=True):
    """What an issuer says of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    token_endpoint: str
    authorization_endpoint: str = ""
    device_authorization_endpoint: str = ""
    scopes_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)

    @classmethod
    def discover(cls, issuer: str, web: Web) -> Provider:
        """Ask an issuer what it offers.

        Raises:
            BackendError: It gives no answer, or one that is not for this issuer.
        """
        answer = web.send("GET", f"{issuer.rstrip('/')}/.well-known/openid-configuration")
        try:
            found = msgspec.json.decode(answer.content, type=cls)
        except msgspec.DecodeError:
            raise _no_issuer(
                issuer, f"answers {answer.status_code} and not with its settings"
            ) from None
        if found.issuer.rstrip("/") != issuer.rstrip("/"):
            raise _no_issuer(issuer, f"says that it is {found.issuer}")
        for url in (
            found.token_endpoint,
            found.authorization_endpoint,
            found.device_authorization_endpoint,
        ):
            if url and not endpoints.is_private(url):
                raise _no_issuer(issuer, f"wants secrets without TLS at {endpoints.place(url)}")
        return found


@dataclass(frozen=True)
class Tokens:
    """What a token endpoint gives (RFC 6749, section 5.1)."""

    access_token: str = field(repr=False)
    id_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_in: float | None = None


@dataclass(frozen=True)
class Refusal:
    """Why an endpoint gives nothing (RFC 6749, section 5.2). Its description may repeat secrets."""

    error: str


class Client:
    """This program, as the issuer knows it.

    Args:
        issuer: Address of the issuer.
        client_id: Name of the client.
        scopes: What to ask for.
        web: What to ask with.
    """

    def __init__(self, issuer: str, client_id: str, scopes: tuple[str, ...], web: Web) -> None:
        self.provider = Provider.discover(issuer, web)
        self.id = client_id
        self._scopes = scopes
        self._web = web

    @property
    def scope(self) -> str:
        """The scopes to ask for, without `offline_access` where the issuer has no such scope."""
        known = self.provider.scopes_supported
        dropped = "" if not known or "offline_access" in known else "offline_access"
        return " ".join(scope for scope in self._scopes if scope != dropped)

    def tokens(self, **form: str) -> Tokens | Refusal:
        """Ask the token endpoint.

        Raises:
            BackendError: The answer is neither.
        """
        answer = self.post(self.provider.token_endpoint, form)
        if answer.status_code == 200:
            return _decoded(answer, Tokens)
        return refusal(answer)

    def post(self, url: str, form: dict[str, str]) -> Response:
        """Send a form with who we are."""
        secret = os.environ.get(SECRET, "")
        headers = {"Accept": "application/json"}
        if secret and self._basic:
            # RFC 6749, section 2.3.1: both are encoded before they are joined.
            pair = f"{quote_plus(self.id)}:{quote_plus(secret)}"
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        elif secret:
            form = {**form, "client_secret": secret}
        return self._web.send("POST", url, data={"client_id": self.id, **form}, headers=headers)

    def session(self, tokens: Tokens, *, nonce: str | None = None, before: str = "") -> Session:
        """Return the session that tokens make.

        Args:
            tokens: What the token endpoint gave.
            nonce: What the ID token has to repeat.
            before: Refresh token that goes on where there is no new one.

        Raises:
            LoginError: The ID token is not for this client.
        """
        now = time.time()
        expires = None if tokens.expires_in is None else now + tokens.expires_in
        found: dict[str, Any] = {}
        if tokens.id_token:
            found = claims.checked(
                tokens.id_token,
                issuer=self.provider.issuer,
                client_id=self.id,
                nonce=nonce,
                now=now,
            )
            expires = claims.expiry(found)
        return Session(
            who=claims.who(found) or f"client {self.id}",
            bearer=tokens.id_token or tokens.access_token,
            refresh_token=tokens.refresh_token or before,
            expires_at=expires,
        )

    @property
    def _basic(self) -> bool:
        return "client_secret_basic" in self.provider.token_endpoint_auth_methods_supported


def refusal(answer: Response) -> Refusal:
    """Return the error of an endpoint.

    Raises:
        BackendError: The answer is none that the protocol knows.
    """
    found = _decoded(answer, Refusal)
    # A word of the protocol and no more: what else is there might repeat what was sent.
    if not found.error.isidentifier() or len(found.error) > 60:
        raise _unexpected(answer)
    return found


def _decoded(answer: Response, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(answer.content, type=kind)
    except msgspec.DecodeError:
        raise _unexpected(answer) from None


def _unexpected(answer: Response) -> BackendError:
    return BackendError(
        f"{endpoints.place(answer.url)} answers {answer.status_code}, and not as OAuth 2.0 has it",
        hint="look at the identity provider, then try again",
    )


def _no_issuer(issuer: str, why: str) -> BackendError:
    return BackendError(f"the issuer {issuer} {why}", hint="mend kubeflow.issuer in mlops.toml")


class OpenIDLogin:
    """Sends the token of a session, and renews the session before it ends.

    Args:
        config: The settings.
        say_yes: Lets the user log in, and returns the session.
    """

    def __init__(
        self, config: Config, say_yes: Callable[[Client, Callable[[str], None]], Session]
    ) -> None:
        self.endpoint: Endpoint = endpoints.of(config)
        self._issuer, self._client_id = _required(config)
        self._scopes = config.kubeflow_scopes
        self._say_yes = say_yes
        self._store = Store.of(
            self.endpoint.url, config.kubeflow_auth, self._issuer, self._client_id
        )
        self._sent = ""

    def headers(self) -> dict[str, str]:
        """Return the token as a header, after a renewal where it is about to expire."""
        session = self._kept()
        if _is_due(session):
            session = self._renewed(session.bearer)
        self._sent = session.bearer
        return bearer(session.bearer, "the session")

    def renew(self) -> bool:
        """Get a new token with the refresh token, or take up the one that another process got."""
        session = self._kept()
        if session.bearer == self._sent and not session.refresh_token:
            return False
        self._renewed(self._sent)
        return True

    def login(self, say: Callable[[str], None]) -> str:
        """Let the user log in, keep the session, and return who it is."""
        session = self._say_yes(self._client(), say)
        with self._store.lock():
            self._store.write(session)
        return session.who

    def logout(self) -> bool:
        """Forget the session."""
        with self._store.lock():
            return self._store.delete()

    def _kept(self) -> Session:
        session = self._store.read()
        if session is None:
            raise LoginError(f"nobody is logged in at {self.endpoint.url}", hint=LOG_IN)
        return session

    def _renewed(self, refused: str) -> Session:
        with self._store.lock():
            session = self._kept()
            if session.bearer != refused and not _is_due(session):
                return session
            if not session.refresh_token:
                raise LoginError(f"the login of {session.who} has ended", hint=LOG_IN)
            session = self._refreshed(session)
            self._store.write(session)
        return session

    def _refreshed(self, session: Session) -> Session:
        client = self._client()
        given = client.tokens(grant_type="refresh_token", refresh_token=session.refresh_token)
        if isinstance(given, Refusal):
            raise LoginError(
                f"{self._issuer} does not renew the login of {session.who}: {given.error}",
                hint=LOG_IN,
            )
        return client.session(given, before=session.refresh_token)

    def _client(self) -> Client:
        return Client(self._issuer, self._client_id, self._scopes, Web(self.endpoint.ca_file))


def _required(config: Config) -> tuple[str, str]:
    for name in ("issuer", "client_id"):
        if not getattr(config, f"kubeflow_{name}"):
            raise ConfigError(
                f"kubeflow.{name} is not set, and kubeflow.auth is {config.kubeflow_auth!r}",
                hint=f"set kubeflow.{name} in mlops.toml",
            )
    if not endpoints.is_private(config.kubeflow_issuer):
        raise ConfigError(
            f"kubeflow.issuer is {config.kubeflow_issuer!r}, where anybody on the way can listen",
            hint="give it as https://",
        )
    return config.kubeflow_issuer, config.kubeflow_client_id


def _is_due(session: Session) -> bool:
    return session.expires_at is not None and session.expires_at - LEEWAY_S < time.time()
