"""Where the API server of Kubeflow Pipelines is, and which addresses a secret may be sent to."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlops_nb.exceptions import ConfigError

if TYPE_CHECKING:
    from mlops_nb.settings import Config

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Endpoint:
    """Where and how to speak to the API server.

    Args:
        url: Base address without a slash at the end.
        ca_file: Certificates to trust, in PEM; those that the HTTP client brings if None.
        client_certificate: File of the certificate and file of its key.
    """

    url: str
    ca_file: str | None = None
    client_certificate: tuple[str, str] | None = None


def of(config: Config) -> Endpoint:
    """Return the endpoint that the settings name.

    Raises:
        ConfigError: The address is missing or none of HTTP, or the certificates cannot be read.
    """
    url = config.kubeflow_url.rstrip("/")
    if not url:
        raise ConfigError(
            "kubeflow.url is not set",
            hint="set it in mlops.toml, such as https://kubeflow.example.org/pipeline",
        )
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname or parts.query or parts.fragment:
        raise ConfigError(
            f"kubeflow.url is {config.kubeflow_url!r}",
            hint="it takes an address such as https://kubeflow.example.org/pipeline",
        )
    return Endpoint(url, ca_file(config))


def ca_file(config: Config) -> str | None:
    """Return the file of the certificates to trust, None where none is set."""
    import ssl

    if not config.kubeflow_ca_file:
        return None
    path = str(config.root / Path(config.kubeflow_ca_file).expanduser())
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # An ssl.SSLError is one.
        raise ConfigError(
            f"kubeflow.ca_file {path} cannot be read: {error.strerror or error}",
            hint="name a file with certificates in PEM",
        ) from None
    return path


def origin(url: str) -> tuple[str, str, int | None]:
    """Return scheme, host and port: two addresses with the same are one party."""
    parts = urlsplit(url)
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def place(url: str) -> str:
    """Return an address without its query, which may hold a code."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def is_private(url: str) -> bool:
    """Whether nobody can listen on the way: HTTPS, or this machine itself."""
    parts = urlsplit(url)
    if parts.scheme == "https":
        return bool(parts.hostname)
    return parts.scheme == "http" and _is_loopback(parts.hostname or "")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
