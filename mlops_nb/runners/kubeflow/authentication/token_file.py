"""The token of a service account: a file that the kubelet replaces before it expires."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.exceptions import LoginError
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints
from mlops_nb.runners.kubeflow.authentication.token import bearer, described

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint
    from mlops_nb.settings import Config

# Where the client of KFP looks for it.
VARIABLE = "KF_PIPELINES_SA_TOKEN_PATH"
DEFAULT = "/var/run/secrets/kubeflow/pipelines/token"


@dataclass
class FileToken:
    """Sends the token that a file holds at the time.

    The file is read for each request: it is small, and the kubelet swaps a link to its folder,
    which leaves nothing to be watched.
    """

    endpoint: Endpoint
    path: Path
    _sent: dict[str, str] = field(default_factory=dict, repr=False)

    def headers(self) -> dict[str, str]:
        """Return the token as a header.

        Raises:
            LoginError: There is none.
        """
        self._sent = self._read()
        return dict(self._sent)

    def renew(self) -> bool:
        """Return whether the file has another token than the one that was sent."""
        return self._read() != self._sent

    def login(self, say: Callable[[str], None]) -> str:
        """Return whose the token is, and until when."""
        return described(self._read(), str(self.path))

    def logout(self) -> bool:
        """Return False: the file is not ours."""
        return False

    def _read(self) -> dict[str, str]:
        try:
            text = self.path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise LoginError(
                f"the token file {self.path} cannot be read ({type(error).__name__})",
                hint="name it: kubeflow.token_file in mlops.toml",
            ) from None
        return bearer(text, str(self.path))


def of(config: Config) -> FileToken:
    """Return the way of the settings."""
    named = config.kubeflow_token_file or os.environ.get(VARIABLE) or DEFAULT
    return FileToken(endpoints.of(config), config.root / Path(named).expanduser())
