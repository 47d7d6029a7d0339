"""Who asks at the Kubeflow Pipelines endpoint: one module a way, named as `kubeflow.auth` names it.

Tokens, cookies and passwords are in headers and in the session's file, and nowhere else: not in
settings, errors, logs, nor what a record prints.
"""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from mlops_nb.exceptions import ConfigError
from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.settings import Config

__all__ = ["WAYS", "Authentication", "Endpoint", "login", "logout", "of"]

WAYS = ("none", "token", "token-file", "cookie", "dex", "device", "browser", "kubeconfig")


class Authentication(Protocol):
    """Says who asks, and where to ask."""

    @property
    def endpoint(self) -> Endpoint:
        """Where to ask; another after `renew` where a kubeconfig says so."""

    def headers(self) -> dict[str, str]:
        """Return the headers that say who asks, made anew for each request.

        Raises:
            LoginError: Nobody is logged in.
            BackendError: The login has to be renewed, and who does that gives no answer.
        """

    def renew(self) -> bool:
        """Get new credentials, without the user, after the server has refused those of `headers`.

        A refusal is a 401, a 403, or a redirect to a login page.

        Returns:
            Whether a second try makes sense.

        Raises:
            LoginError: The user has to log in again.
            BackendError: Who renews the login gives no answer.
        """


class _Way(Authentication, Protocol):
    def login(self, say: Callable[[str], None]) -> str: ...

    def logout(self) -> bool: ...


def of(config: Config) -> Authentication:
    """Return the way that `kubeflow.auth` names.

    Raises:
        ConfigError: There is none of that name, or a setting that it needs is missing.
    """
    return _way(config)


def login(config: Config, say: Callable[[str], None]) -> str:
    """Log in and keep the session, or look whether what is to be sent is there.

    Args:
        config: The settings.
        say: Is given what the user has to do, such as an address to open.

    Returns:
        Who is logged in, or what would be sent.

    Raises:
        ConfigError: A setting is missing.
        LoginError: The identity provider refuses, or there is nothing to send.
    """
    return _way(config).login(say)


def logout(config: Config) -> bool:
    """Forget the session that `login` kept; return whether there was one."""
    return _way(config).logout()


def _way(config: Config) -> _Way:
    name = config.kubeflow_auth
    if name not in WAYS:
        near = difflib.get_close_matches(name, WAYS, n=1)
        raise ConfigError(
            f"there is no kubeflow.auth {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(WAYS)}",
        )
    module = import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast("_Way", module.of(config))
