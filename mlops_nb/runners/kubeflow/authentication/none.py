"""An endpoint that asks nobody who they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint
    from mlops_nb.settings import Config


@dataclass(frozen=True)
class Nobody:
    """Says nothing of who asks."""

    endpoint: Endpoint

    def headers(self) -> dict[str, str]:
        """Return no header."""
        return {}

    def renew(self) -> bool:
        """Return False: there is nothing to renew."""
        return False

    def login(self, say: Callable[[str], None]) -> str:
        """Return that nobody is logged in."""
        return f'nobody: kubeflow.auth is "none" for {self.endpoint.url}'

    def logout(self) -> bool:
        """Return False: nothing is kept."""
        return False


def of(config: Config) -> Nobody:
    """Return the way of the settings."""
    return Nobody(endpoints.of(config))
