"""A login at an OpenID Connect issuer, renewed in time.

The two ways that use it, `device` and `browser`, differ in how the user says yes and in nothing
else. An ID token is preferred to an access token, because that is what the proxies in front of
Kubeflow check: it names the client in `aud`.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlops_nb.exceptions import ConfigError, LoginError
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints
from mlops_nb.runners.kubeflow.authentication.claims import LOG_IN
from mlops_nb.runners.kubeflow.authentication.client import Client, Refusal
from mlops_nb.runners.kubeflow.authentication.sessions import Session, Store
from mlops_nb.runners.kubeflow.authentication.token import bearer
from mlops_nb.runners.kubeflow.authentication.web import Web

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint
    from mlops_nb.settings import Config

# Renewed so long before it expires: a request takes its time, and clocks differ.
LEEWAY_S = 60


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
