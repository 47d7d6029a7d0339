"""A bearer token from the environment. It is never read from `mlops.toml`, which git keeps."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_nb.exceptions import LoginError
from mlops_nb.runners.kubeflow.authentication import claims
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint
    from mlops_nb.settings import Config

VARIABLE = "MLOPS_NB_KUBEFLOW_TOKEN"


@dataclass(frozen=True)
class EnvironmentToken:
    """Sends the token of an environment variable."""

    endpoint: Endpoint

    def headers(self) -> dict[str, str]:
        """Return the token as a header.

        Raises:
            LoginError: There is none, or what is there cannot be one.
        """
        return bearer(os.environ.get(VARIABLE, ""), VARIABLE)

    def renew(self) -> bool:
        """Return False: who set the variable has to set it anew."""
        return False

    def login(self, say: Callable[[str], None]) -> str:
        """Return whose the token is, and until when."""
        return described(self.headers(), VARIABLE)

    def logout(self) -> bool:
        """Return False: nothing is kept."""
        return False


def of(config: Config) -> EnvironmentToken:
    """Return the way of the settings."""
    return EnvironmentToken(endpoints.of(config))


def bearer(text: str, source: str) -> dict[str, str]:
    """Return the header of a token.

    Raises:
        LoginError: There is none, or it cannot stand in a header.
    """
    token = text.strip()
    if not token:
        raise LoginError(f"there is no token in {source}", hint=f"put one there: {source}")
    # The HTTP library would refuse it too, and show it in doing so.
    if not (token.isascii() and token.isprintable()) or " " in token:
        raise LoginError(
            f"{source} has a character that no token has",
            hint="put the token alone there, on one line and without 'Bearer'",
        )
    return {"Authorization": f"Bearer {token}"}


def described(headers: dict[str, str], source: str) -> str:
    """Return where a token comes from, whose it is, and until when."""
    token = headers["Authorization"].removeprefix("Bearer ")
    return f"token from {source}, {claims.description(token, time.time())}"
