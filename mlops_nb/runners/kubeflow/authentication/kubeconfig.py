"""Through the Kubernetes API with the user's kubeconfig, for a KFP that has no address of its own.

The API server passes requests on to the service `ml-pipeline` (its service proxy). A forwarded port
does the same with more parts: it needs kubectl or a websocket to be kept alive, and it opens a port
on this machine where every other user of it can submit runs. The proxy takes the user's credentials
for itself, so KFP does not see who asks: this is for a KFP that serves one user.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from mlops_nb.exceptions import ConfigError, LoginError
from mlops_nb.runners.kubeflow.authentication import claims, sessions
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints
from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kubernetes.client import Configuration

    from mlops_nb.settings import Config

_DEFAULT = "~/.kube/config"
_NAMESPACE = "kubeflow"


class KubeconfigLogin:
    """Sends what a context of the kubeconfig says, as it was when it was last loaded."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self.endpoint, self._authorization = _load(config)

    def headers(self) -> dict[str, str]:
        """Return the token as a header; none where the context has a certificate."""
        return {"Authorization": self._authorization} if self._authorization else {}

    def renew(self) -> bool:
        """Load the kubeconfig again, plugins included; return whether it gives anything new."""
        before = self.endpoint, self._authorization
        self.endpoint, self._authorization = _load(self._config)
        return before != (self.endpoint, self._authorization)

    def login(self, say: Callable[[str], None]) -> str:
        """Return where the context leads, and with what."""
        scheme, _, token = self._authorization.partition(" ")
        how = "certificate"
        if token:
            how = f"token {claims.description(token, _now())}" if scheme == "Bearer" else scheme
        return f"kubeconfig, {how}, for {self.endpoint.url}"

    def logout(self) -> bool:
        """Return False: the kubeconfig is not ours."""
        return False


def of(config: Config) -> KubeconfigLogin:
    """Return the way of the settings."""
    return KubeconfigLogin(config)


def _load(config: Config) -> tuple[Endpoint, str]:
    """Return the endpoint and the `Authorization` that the kubeconfig gives now.

    Raises:
        LoginError: It cannot be read, or says nothing of who asks.
    """
    from kubernetes.client import Configuration

    loaded = Configuration()
    with _readable():
        _fill(loaded, config.kubeflow_context or None)
    ca_file = endpoints.ca_file(config) or loaded.ssl_ca_cert
    _must_be_checked(loaded, ca_file)
    authorization = loaded.api_key.get("authorization", "")
    certificate = (loaded.cert_file, loaded.key_file) if loaded.cert_file else None
    if not authorization and certificate is None:
        # The Kubernetes client logs that a plugin has failed, and goes on without.
        raise LoginError(
            f"the kubeconfig gives neither a token nor a certificate for {loaded.host}",
            hint="see what kubectl says: kubectl auth whoami",
        )
    namespace = quote(config.kubeflow_namespace or _NAMESPACE, safe="")
    path = f"/api/v1/namespaces/{namespace}/services/ml-pipeline:http/proxy"
    return Endpoint(loaded.host.rstrip("/") + path, ca_file, certificate), authorization


def _fill(loaded: Configuration, context: str | None) -> None:
    from kubernetes.config import load_kube_config

    load_kube_config(
        # The client looks at the variable once, when it is imported.
        config_file=os.environ.get("KUBECONFIG") or _DEFAULT,
        context=context,
        client_configuration=loaded,
        # It writes inlined keys to files: not into a folder that all users share.
        temp_file_path=str(sessions.folder()),
    )


@contextmanager
def _readable() -> Iterator[None]:
    from kubernetes.config import ConfigException
    from yaml import YAMLError

    try:
        yield
    except ConfigException as error:
        hint = "name the file: export KUBECONFIG=PATH, and the context: kubeflow.context"
        raise LoginError(f"the kubeconfig cannot be used: {error}", hint=hint) from None
    except (YAMLError, OSError, ValueError, TypeError, AttributeError) as error:
        # The client takes it that every YAML is a kubeconfig. The text of these errors may show
        # the lines around, keys included.
        raise LoginError(
            f"the kubeconfig cannot be read ({type(error).__name__})",
            hint="name another: export KUBECONFIG=PATH",
        ) from None


def _must_be_checked(loaded: Configuration, ca_file: str | None) -> None:
    if urlsplit(loaded.host).scheme != "https" and not endpoints.is_private(loaded.host):
        raise ConfigError(
            f"the kubeconfig sends credentials to {loaded.host}, where anybody can listen",
            hint="give the server as https:// in the kubeconfig",
        )
    if not loaded.verify_ssl and ca_file is None:
        raise ConfigError(
            f"the kubeconfig does not check who {loaded.host} is (insecure-skip-tls-verify)",
            hint="name the file of its authority: kubeflow.ca_file in mlops.toml",
        )
    if getattr(loaded, "tls_server_name", None):
        raise ConfigError(
            f"the kubeconfig has another name for {loaded.host} (tls-server-name)",
            hint="give the server by the name in its certificate in the kubeconfig",
        )


def _now() -> float:
    import time

    return time.time()
