"""A code that the user enters in any browser: OAuth 2.0 device authorization grant (RFC 8628)."""

from __future__ import annotations

from time import monotonic, sleep
from typing import TYPE_CHECKING

import msgspec

from mlops_nb.exceptions import BackendError, ConfigError, LoginError
from mlops_nb.runners.kubeflow.authentication.claims import LOG_IN
from mlops_nb.runners.kubeflow.authentication.client import Client, Refusal, Tokens, refusal
from mlops_nb.runners.kubeflow.authentication.openid import OpenIDLogin

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.runners.kubeflow.authentication.sessions import Session
    from mlops_nb.settings import Config

GRANT = "urn:ietf:params:oauth:grant-type:device_code"
# RFC 8628, section 3.5: what "slow_down" adds, also to be added where there is no answer.
_SLOWER_S = 5


class Code(msgspec.Struct, frozen=True, repr_omit_defaults=True):
    """What the user and this program have to show (RFC 8628, section 3.2)."""

    device_code: str
    user_code: str
    verification_uri: str
    expires_in: float
    verification_uri_complete: str = ""
    interval: float = 5

    def __repr__(self) -> str:
        return f"Code({self.verification_uri!r})"


def of(config: Config) -> OpenIDLogin:
    """Return the way of the settings."""
    return OpenIDLogin(config, log_in)


def log_in(client: Client, say: Callable[[str], None]) -> Session:
    """Say the code, and wait until the user has entered it.

    Raises:
        LoginError: The user or the issuer refuses, or nobody enters the code in time.
    """
    code = _code(client)
    say(f"open {code.verification_uri} and enter the code {code.user_code}")
    if code.verification_uri_complete:
        say(f"or open {code.verification_uri_complete}")
    return client.session(_wait(client, code))


def _code(client: Client) -> Code:
    url = client.provider.device_authorization_endpoint
    if not url:
        raise ConfigError(
            f"{client.provider.issuer} has no device authorization",
            hint='set kubeflow.auth = "browser"',
        )
    answer = client.post(url, {"scope": client.scope})
    if answer.status_code != 200:
        raise _refused(client, refusal(answer))
    try:
        return msgspec.json.decode(answer.content, type=Code)
    except msgspec.DecodeError:
        raise BackendError(
            f"{client.provider.issuer} gives no device code that can be read",
            hint="look at the identity provider, then try again",
        ) from None


def _wait(client: Client, code: Code) -> Tokens:
    deadline, interval = monotonic() + code.expires_in, code.interval
    while monotonic() < deadline:
        sleep(interval)
        given = _ask(client, code)
        if isinstance(given, Tokens):
            return given
        if given.error == "slow_down":
            interval += _SLOWER_S
        elif given.error != "authorization_pending":
            raise _refused(client, given)
    raise _refused(client, Refusal("expired_token"))


def _ask(client: Client, code: Code) -> Tokens | Refusal:
    try:
        return client.tokens(grant_type=GRANT, device_code=code.device_code)
    except BackendError:
        return Refusal("slow_down")


def _refused(client: Client, given: Refusal) -> LoginError:
    issuer, error = client.provider.issuer, given.error
    said = {
        "access_denied": "the login was refused in the browser",
        "expired_token": "nobody has entered the code in time",
    }
    if error == "invalid_scope":
        return LoginError(
            f"{issuer} does not know one of the scopes {client.scope!r}",
            hint="set kubeflow.scopes to those that it knows",
        )
    return LoginError(said.get(error, f"{issuer} refuses the login: {error}"), hint=LOG_IN)
