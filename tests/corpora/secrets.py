"""Secrets to plant, of the kinds that there are, and where they are looked for.

Tokens are put together from parts, so that no scanner takes this file for what it is about.
"""

from __future__ import annotations

import json

A36, A22, HEX = "a1B2c3D4e5" * 3 + "f6G7h8", "Zx9" * 7 + "Q", "0a1b2c3d" * 4
TOKENS = {
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----",
    "openssh key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "aws access key": "AK" + "IAQ4T7W2N9X5C3V8B1",
    "aws session key": "AS" + "IAQ4T7W2N9X5C3V8B1",
    "aws secret key": "aws_secret_" + "access_key = " + (A36 + "k9L0"),
    "github token": "gh" + "p_" + A36,
    "github app token": "gh" + "s_" + A36,
    "github fine-grained": "github_" + "pat_" + A22 + "_" + A36,
    "gitlab token": "gl" + "pat-" + A22,
    "slack token": "xo" + "xb-" + "123456789012-" + A22,
    "google api key": "AI" + "za" + (A36[:35]),
    "stripe key": "sk_" + "live_" + A22,
    "openai key": "sk-" + "proj-" + A36,
    "anthropic key": "sk-" + "ant-" + A36,
    "hugging face token": "hf" + "_" + A36,
    "databricks token": "da" + "pi" + HEX,
    "npm token": "np" + "m_" + A36,
    "pypi token": "py" + "pi-AgEIcHlwaS5vcmc" + A36 + A36,
    "sendgrid key": "S" + "G." + A22 + "." + A22,
    "json web token": "ey" + "JhbGciOiJIUzI1" + ".ey" + "JzdWIiOiIxMjM0" + "." + A22,
    "bearer": "Authorization: Bea" + "rer " + A36,
    "url": "postgres://someone:" + "h0rse-battery@db/x",
    "query of a URL": "https://host/data.csv?" + "access_token=" + A22,
    "signed URL": "https://host/data.csv?se=2026&" + "sig=" + A36,
    "azure": "Account" + "Key=" + A36 + A36,
    "password in text": "db_pass" + 'word = "c0rrect-h0rse-1"',
}
VARIABLES = {
    "WAREHOUSE_PASSWORD": "n4med-and-kept-0ut",
    "AWS_SECRET_ACCESS_KEY": "1nherited/" + A22,
    "GOOGLE_API_KEY": "als0-inherited-" + A22,
}
FILES = (
    ".env", "prod.env", ".env.local", "id_rsa", "id_ed25519", "server.pem", "store.p12",
    "id_ecdsa_sk", "server.pfx", "client.keystore", "trust.jks", ".pgpass", ".htpasswd",
    ".git-credentials", ".dockercfg", ".docker/config.json", ".kube/config", ".aws/credentials",
    ".netrc", ".pypirc", "credentials", "credentials.json", "service-account-x.json", "kubeconfig",
)  # fmt: skip
IN_URLS = ("0rigin-t0ken-1", "query-t0ken-2", "package-t0ken-3", "remote-passw0rd-4")
PLANTED = {
    *TOKENS.values(),
    *VARIABLES.values(),
    *IN_URLS,
    *(f"content-of-{name}-5ecret" for name in FILES),
}


def needles(secret: str) -> set[bytes]:
    return {secret.encode(), json.dumps(secret)[1:-1].encode()}


def found(content: bytes) -> set[str]:
    return {s for s in PLANTED if any(n in content for n in needles(s))}
