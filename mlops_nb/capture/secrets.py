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
    "id_ecdsa_sk",
    "id_ed25519_sk",
    ".netrc",
    ".pypirc",
    ".pgpass",
    ".htpasswd",
    ".git-credentials",
    ".dockercfg",
    "kubeconfig",
    "credentials",
    "credentials.json",
    "service-account*.json",
)
# Of names that mean nothing by themselves.
_PLACES = (".kube/config", ".docker/config.json")
_PICTURES = {"image/png", "image/jpeg", "image/gif", "application/pdf"}
_TEMPLATES = ("*.example", "*.sample", "*.template", "*.dist")

# Kind, words of which a text that has such a secret holds one, and the secret's form. To look for
# words is twenty times as fast as to look for the forms.
_FORMS = (
    ("a private key", "private", rb"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY(?: BLOCK)?-----"),
    ("an AWS access key", "akia asia", rb"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    (
        "an AWS secret key",
        "aws_secret awssecret",
        rb"(?i)aws_?secret_?(?:access_?)?key\W{1,6}[A-Za-z0-9/+]{40}\b",
    ),
    (
        "a GitHub token",
        "ghp_ gho_ ghu_ ghs_ ghr_ github_pat_",
        rb"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22,})",
    ),
    (
        "a GitLab token",
        "glpat- gldt- glrt- glcbt-",
        rb"\bgl(?:pat|dt|rt|cbt)-[A-Za-z0-9_-]{20,}",
    ),
    ("a Slack token", "xox", rb"\bxox[abeprs]-[A-Za-z0-9-]{10,}"),
    ("a Google API key", "aiza", rb"\bAIza[0-9A-Za-z_-]{35}"),
    ("a Stripe key", "k_live_", rb"\b[rs]k_live_[0-9a-zA-Z]{20,}"),
    ("an OpenAI or Anthropic key", "sk-", rb"\bsk-(?:proj-|ant-)?[A-Za-z0-9_-]{32,}"),
    ("a Hugging Face token", "hf_", rb"\bhf_[A-Za-z0-9]{30,}"),
    ("a Databricks token", "dapi", rb"\bdapi[0-9a-f]{32}\b"),
    ("an npm token", "npm_", rb"\bnpm_[A-Za-z0-9]{36}\b"),
    ("a PyPI token", "pypi-", rb"\bpypi-AgEIcHlwaS5vcmc[A-Za-z0-9_-]{50,}"),
    ("a SendGrid key", "sg.", rb"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}"),
    (
        "a JSON web token",
        "eyj",
        rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}",
    ),
    ("a bearer token", "bearer", rb"(?i)\bbearer\s+[A-Za-z0-9._~+/-]{24,}"),
    (
        "a password in a URL",
        "://",
        rb"(?i)\b[a-z][a-z0-9+.-]*://[^/\s:@'\"{}<>$]+:[^/\s:@'\"{}<>$]{3,}@",
    ),
    (
        "a secret in the query of a URL",
        "token= sig= signature= password= secret= key=",
        rb"(?i)[?&](?:\w*token|sig|[\w-]*signature|password|\w*secret|api_?key)="
        rb"[A-Za-z0-9%._~+/-]{16,}",
    ),
    ("an Azure account key", "accountkey=", rb"(?i)AccountKey=[A-Za-z0-9+/]{60,}"),
    (
        "a password or key in the text",
        "password passwd secret api_key apikey auth_token authtoken access_token accesstoken",
        rb"(?i)(?:password|passwd|secret|api_?key|auth_?token|access_?token)\w*"
        rb"['\"]?\s*[:=]\s*['\"](?=[^'\"]*[0-9])(?=[^'\"]*[a-zA-Z])[^'\"\s{}$<>]{12,}['\"]",
    ),
)
_PATTERNS = tuple((kind, words.encode().split(), re.compile(form)) for kind, words, form in _FORMS)


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
    named = any(fnmatch.fnmatch(name, pattern) for pattern in _FILE_NAMES)
    return named or any(f"/{path}".endswith(f"/{place}") for place in _PLACES)


def find(content: bytes) -> Secret | None:
    """Return the first secret of a text, None where there is none."""
    if b"\0" in content[:8000]:
        return None
    patterns = [(kind, form) for kind, form in _possible(content) if form.search(content)]
    for number, line in enumerate(content.splitlines() if patterns else (), 1):
        if line.rstrip().endswith(PRAGMA):
            continue
        for kind, pattern in patterns:
            if pattern.search(line):
                return Secret(kind, number)
    return None


def masked(text: str) -> str:
    """Return a text with each secret replaced by a note."""
    content = text.encode("utf-8", "surrogateescape")
    patterns = _possible(content)
    for _, pattern in patterns:
        content = pattern.sub(MASK.encode(), content)
    return content.decode("utf-8", "surrogateescape") if patterns else text


def _possible(content: bytes) -> list[tuple[str, re.Pattern[bytes]]]:
    """Return the forms whose words a text has."""
    lower = content.lower()
    return [(kind, form) for kind, words, form in _PATTERNS if any(w in lower for w in words)]


def mask_outputs(notebook: bytes) -> bytes:
    """Return a notebook file with the secrets in its outputs replaced; the cells stay as they are.

    A file without secrets in outputs, or that is no notebook, is returned as it is.
    """
    if not any(form.search(notebook) for _, form in _possible(notebook)):
        return notebook
    try:
        document = json.loads(notebook)
        cells = document["cells"]
        before = json.dumps(cells)
        for cell in cells:
            if cell.get("outputs"):
                cell["outputs"] = masked_data(cell["outputs"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return notebook
    if json.dumps(cells) == before:
        return notebook
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def masked_data(value: object) -> object:
    """Return JSON data with the secrets in their texts replaced; pictures stay as they are."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, list):
        return [masked_data(item) for item in value]
    if isinstance(value, dict):
        return {key: item if key in _PICTURES else masked_data(item) for key, item in value.items()}
    return value
