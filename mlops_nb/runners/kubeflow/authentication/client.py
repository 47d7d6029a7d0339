"""This program as a client of an OpenID Connect issuer: what it offers, its token endpoint."""

from __future__ import annotations

import base64
import os
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote_plus

import msgspec

from mlops_nb.exceptions import BackendError
from mlops_nb.runners.kubeflow.authentication import claims
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints
from mlops_nb.runners.kubeflow.authentication.sessions import Session

if TYPE_CHECKING:
    from requests import Response

    from mlops_nb.runners.kubeflow.authentication.web import Web

_T = TypeVar("_T")
SECRET = "MLOPS_NB_KUBEFLOW_CLIENT_SECRET"  # noqa: S105
_BUSY = 429


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
        BackendError: The answer is none that the protocol knows, or to be asked for again.
    """
    if answer.status_code >= 500 or answer.status_code == _BUSY:
        raise _unexpected(answer)
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
        f"{endpoints.place(answer.url)} answers {answer.status_code}, with no token and no reason",
        hint="try again; if it stays so, look at the identity provider",
    )


def _no_issuer(issuer: str, why: str) -> BackendError:
    return BackendError(f"the issuer {issuer} {why}", hint="mend kubeflow.issuer in mlops.toml")
