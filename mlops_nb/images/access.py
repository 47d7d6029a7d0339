"""How a build reaches indexes and proxies as this machine does, without keeping any of it.

An address may hold a password. It goes into the build as a secret, which engines mount for single
commands and keep in no layer, no label and no history.
"""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

_NAMES = re.compile(
    r"PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|DEFAULT_TIMEOUT)"
    r"|UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|INSECURE_HOST|HTTP_TIMEOUT)"
    r"|UV_INDEX_\w+_(USERNAME|PASSWORD)"
    r"|(HTTPS?|ALL|NO)_PROXY|(https?|all|no)_proxy"
)
_CERTIFICATES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
_OF_UV = {
    "PIP_INDEX_URL": ("UV_DEFAULT_INDEX", ("UV_DEFAULT_INDEX", "UV_INDEX_URL")),
    "PIP_EXTRA_INDEX_URL": ("UV_INDEX", ("UV_INDEX", "UV_EXTRA_INDEX_URL")),
}
_MOUNTED = "/run/secrets/certificates"
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


def secrets(folder: Path) -> dict[str, Path]:
    """Write the secrets of a build into a private folder and return them by their names."""
    values = _settings()
    found = {"settings": folder / "settings"}
    certificates = _certificates()
    if certificates is not None:
        values |= {"SSL_CERT_FILE": _MOUNTED, "PIP_CERT": _MOUNTED}
        found["certificates"] = certificates
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in values.items()]
    found["settings"].touch(mode=0o600)
    found["settings"].write_text("".join(lines), encoding="utf-8")
    return found


def inert(text: str) -> str:
    """Return a text that an engine printed without the credentials of addresses."""
    return _CREDENTIALS.sub("", text)


def _settings() -> dict[str, str]:
    given = _of_pip() | {n: value for n, value in os.environ.items() if _NAMES.fullmatch(n)}
    values = {name: _reachable(value) for name, value in given.items()}
    # uv reads nothing of pip's.
    for name, (own, others) in _OF_UV.items():
        if values.get(name) and not any(values.get(other) for other in others):
            values[own] = values[name]
    return {name: value for name, value in values.items() if value}


def _reachable(value: str) -> str:
    """Leave out folders of this machine: a build does not see them."""
    return " ".join(word for word in value.split() if not word.startswith("file:"))


def _of_pip() -> dict[str, str]:
    """Return what pip's own files say, as the variables that would say the same."""
    command = [sys.executable, "-m", "pip", "config", "list"]
    listed = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    values = {}
    for line in listed.stdout.decode(errors="replace").splitlines():
        name, _, value = line.partition("=")
        if name.startswith("global."):
            variable = f"PIP_{name.removeprefix('global.').upper().replace('-', '_')}"
            values[variable] = " ".join(shlex.split(value)).replace("\\n", " ")
    return {name: value for name, value in values.items() if _NAMES.fullmatch(name)}


def _certificates() -> Path | None:
    named = (os.environ.get(name) for name in _CERTIFICATES)
    return next((Path(path) for path in named if path and Path(path).is_file()), None)
