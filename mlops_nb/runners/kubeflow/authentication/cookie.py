"""A session cookie that a browser has got, from the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_nb.exceptions import LoginError
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint
    from mlops_nb.settings import Config

VARIABLE = "MLOPS_NB_KUBEFLOW_COOKIE"
_HINT = f'export {VARIABLE}="name=value", as the browser shows it for this host'


@dataclass(frozen=True)
class EnvironmentCookie:
    """Sends the cookies of an environment variable."""

    endpoint: Endpoint

    def headers(self) -> dict[str, str]:
        """Return the cookies as a header.

        Raises:
            LoginError: There is none, or what is there cannot be one.
        """
        text = os.environ.get(VARIABLE, "").strip()
        if not text:
            raise LoginError(f"there is no cookie in {VARIABLE}", hint=_HINT)
        # The HTTP library would refuse it too, and show it in doing so.
        if "=" not in text or not (text.isascii() and text.isprintable()):
            raise LoginError(f"{VARIABLE} does not hold name=value", hint=_HINT)
        return {"Cookie": text}

    def renew(self) -> bool:
        """Return False: who set the variable has to set it anew."""
        return False

    def login(self, say: Callable[[str], None]) -> str:
        """Return the names of the cookies."""
        pairs = self.headers()["Cookie"].split(";")
        names = ", ".join(pair.partition("=")[0].strip() for pair in pairs)
        return f"cookie {names} from {VARIABLE}; nothing says how long it lasts"

    def logout(self) -> bool:
        """Return False: nothing is kept."""
        return False


def of(config: Config) -> EnvironmentCookie:
    """Return the way of the settings."""
    return EnvironmentCookie(endpoints.of(config))
