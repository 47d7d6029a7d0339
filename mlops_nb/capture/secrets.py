"""Secrets in what is about to be recorded: by the names of files, and by the forms of tokens.

The forms are those that their issuers publish. A line that ends in `pragma: allowlist secret` is
passed over, as other scanners do.
"""

from __future__ import annotations

import fnmatch
import json
import re
from dataclasses import dataclass
from pathlib import PurePosixPath

MASK = "[secret removed by mlops_nb]"
PRAGMA = b"pragma: allowlist secret"

_FILE_NAMES = (
    ".env",
    ".env.*",
    "*.env",
    "*.pem",
    "*.p12",
    "*.pfx",
    "*.jks",
    "*.keystore",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    ".netrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    "kubeconfig",
    "credentials",
    "credentials.json",
    "service-account*.json",
)
_TEMPLATES = ("*.example", "*.sample", "*.template", "*.dist")

_FORMS = {
    "a private key": rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "an AWS access key": rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "an AWS secret key": rb"(?i)aws_?secret_?(?:access_?)?key\W{1,6}[A-Za-z0-9/+]{40}\b",
    "a GitHub token": rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})",
    "a GitLab token": rb"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,}",
    "a Slack token": rb"\bxox[abeprs]-[A-Za-z0-9-]{10,}",
    "a Google API key": rb"\bAIza[0-9A-Za-z_-]{35}",
    "a Stripe key": rb"\b[rs]k_live_[0-9a-zA-Z]{20,}",
    "an OpenAI or Anthropic key": rb"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}",
    "a Hugging Face token": rb"\bhf_[A-Za-z0-9]{30,}",
    "a Databricks token": rb"\bdapi[0-9a-f]{32}\b",
    "an npm token": rb"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": rb"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}",
    "a SendGrid key": rb"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
    "a JSON web token": rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    "a bearer token": rb"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{24,}",
    "a password in a URL": rb"\b[a-z][a-z0-9+.-]*://[^/\s:@'\"{}<>$]+:[^/\s:@'\"{}<>$]{3,}@",
    "an Azure account key": rb"AccountKey=[A-Za-z0-9+/]{60,}",
    "a password or key in the text": (
        rb"(?i)(?:password|passwd|secret|api_?key|auth_?token|access_?token)\w*"
        rb"['\"]?\s*[:=]\s*['\"](?=[^'\"]*[0-9])(?=[^'\"]*[a-zA-Z])[^'\"\s{}$<>]{12,}['\"]"
    ),
}
_PATTERNS = {kind: re.compile(form) for kind, form in _FORMS.items()}
_ANY = re.compile(
    b"|".join(b"(?:%s)" % form.removeprefix(b"(?i)") for form in _FORMS.values()), re.I
)


@dataclass(frozen=True)
class Secret:
    """Where a secret stands, and of what kind it is; never what it says."""

    kind: str
    line: int


def is_secret_file(path: str) -> bool:
    """Whether files of this name hold secrets by convention."""
    name = PurePosixPath(path).name
    if any(fnmatch.fnmatch(name, pattern) for pattern in _TEMPLATES):
        return False
    return any(fnmatch.fnmatch(name, pattern) for pattern in _FILE_NAMES)


def find(content: bytes) -> Secret | None:
    """Return the first secret of a text, None where there is none."""
    # One pass for the usual case, that there is none.
    if b"\0" in content[:8000] or not _ANY.search(content):
        return None
    for number, line in enumerate(content.splitlines(), 1):
        if line.rstrip().endswith(PRAGMA):
            continue
        for kind, pattern in _PATTERNS.items():
            if pattern.search(line):
                return Secret(kind, number)
    return None


def masked(text: str) -> str:
    """Return a text with each secret replaced by a note."""
    content = text.encode("utf-8", "surrogateescape")
    for pattern in _PATTERNS.values():
        content = pattern.sub(MASK.encode(), content)
    return content.decode("utf-8", "surrogateescape")


def mask_outputs(notebook: bytes) -> bytes:
    """Return a notebook file with the secrets in its outputs replaced; the cells stay as they are.

    A file without secrets in outputs, or that is no notebook, is returned as it is.
    """
    if not _ANY.search(notebook):
        return notebook
    try:
        document = json.loads(notebook)
        cells = document["cells"]
        before = json.dumps(cells)
        for cell in cells:
            if cell.get("outputs"):
                cell["outputs"] = _masked_data(cell["outputs"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return notebook
    if json.dumps(cells) == before:
        return notebook
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def _masked_data(value: object) -> object:
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, list):
        return [_masked_data(item) for item in value]
    if isinstance(value, dict):
        return {key: _masked_data(item) for key, item in value.items()}
    return value
