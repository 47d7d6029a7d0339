"""A strict OpenID provider: PKCE is checked, codes work once, reuse of a refresh token ends all."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from urllib.parse import unquote_plus, urlencode

from tests.runners.authentication.serving import Double, Reply, Request, as_json, redirect

CLIENT = "notebooks"
SECRET = "planted+client:secret/100%"  # To be encoded before it is joined with the client's name.
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
AUTHORIZE = {
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce"),
    *("code_challenge", "code_challenge_method"),
}
FIELDS = {
    "authorization_code": {"code", "redirect_uri", "code_verifier"},
    "refresh_token": {"refresh_token"},
    DEVICE: {"device_code"},
}


class Issuer(Double):
    """An issuer of one client and one user; its attributes say how it behaves."""

    def __init__(self, *arguments, secret: str = "") -> None:
        super().__init__(*arguments)
        self.secret = secret
        self.discovery: dict = {}
        self.claims: dict = {}
        self.tokens: dict = {}
        self.lifetime_s = 3600.0
        self.refuses = ""
        self.pause_s = 0.0
        self.away = 0
        self.clock = time.monotonic
        self.polls_until_approval = 2
        self.interval_s = 5.0
        self.slow_down_once = False
        self.stumbles = 0
        self.refreshed = 0
        self._number = 0
        self._codes: dict[str, Request] = {}
        self._refresh_token = ""
        self._used: set[str] = set()
        self._polled_at: float | None = None

    def answer(self, request: Request) -> Reply:
        routes = {
            ("GET", "/.well-known/openid-configuration"): self._settings,
            ("GET", "/authorize"): self._authorize,
            ("POST", "/device"): self._device,
            ("POST", "/token"): self._token,
        }
        route = routes.get((request.method, request.path))
        return route(request) if route else self.violation(f"{request.method} {request.path}")

    def _settings(self, _: Request) -> Reply:
        return as_json(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "device_authorization_endpoint": f"{self.url}/device",
                "jwks_uri": f"{self.url}/keys",
                **self.discovery,
            }
        )

    def _authorize(self, request: Request) -> Reply:
        query = request.query
        if set(query) != AUTHORIZE or query["response_type"] != "code":
            return self.violation(f"authorize with {sorted(query)}")
        if query["client_id"] != CLIENT or query["code_challenge_method"] != "S256":
            return self.violation("authorize for another client, or without S256")
        back = {"state": query["state"]}
        if self.refuses:
            back["error"] = self.refuses
        else:
            self._number += 1
            back["code"] = f"code-{self._number}"
            self._codes[back["code"]] = request
        return redirect(f"{query['redirect_uri']}?{urlencode(back)}")

    def _device(self, request: Request) -> Reply:
        if set(request.form) != {"client_id", "scope"} or not self._knows(request):
            return self.violation(f"device with {sorted(request.form)}")
        if "offline_access" not in self.discovery.get("scopes_supported", ["offline_access"]):
            return as_json({"error": "invalid_scope"}, 400)
        self._polled_at = self.clock()
        return as_json(
            {
                "device_code": "planted-device-code",
                "user_code": "ABCD-EFGH",
                "verification_uri": f"{self.url}/activate",
                "verification_uri_complete": f"{self.url}/activate?code=ABCD-EFGH",
                "expires_in": 60,
                "interval": self.interval_s,
            }
        )

    def _token(self, request: Request) -> Reply:
        time.sleep(self.pause_s)
        form = dict(request.form)
        grant = form.pop("grant_type", "")
        for name in ("client_id", "client_secret"):
            form.pop(name, None)
        if not self._knows(request) or set(form) != FIELDS.get(grant):
            return self.violation(f"token with {sorted(request.form)}")
        if self.away:
            return as_json({"error": "temporarily_unavailable"}, self.away)
        if grant == "refresh_token":
            return self._refresh(form["refresh_token"])
        if grant == DEVICE:
            return self._poll(form["device_code"])
        return self._exchange(form)

    def _exchange(self, form: dict[str, str]) -> Reply:
        asked = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            asked is None
            or asked.query["code_challenge"] != challenge
            or asked.query["redirect_uri"] != form["redirect_uri"]
        ):
            return as_json({"error": "invalid_grant"}, 400)
        return self._grant(nonce=asked.query["nonce"])

    def _poll(self, code: str) -> Reply:
        now, before = self.clock(), self._polled_at
        self._polled_at = now
        if code != "planted-device-code" or before is None or now - before < self.interval_s:
            return self.violation("a poll of another code, or before its time")
        if self.stumbles:
            self.stumbles -= 1
            return Reply(502, "bad gateway")
        if self.refuses:
            return as_json({"error": self.refuses, "error_description": code}, 400)
        if self.slow_down_once:
            self.slow_down_once, self.interval_s = False, self.interval_s + 5
            return as_json({"error": "slow_down"}, 400)
        if self.polls_until_approval:
            self.polls_until_approval -= 1
            return as_json({"error": "authorization_pending"}, 400)
        return self._grant()

    def _refresh(self, token: str) -> Reply:
        if token in self._used:
            self._refresh_token = ""
            self.violations.append("a refresh token was used twice")
        if token != self._refresh_token or self.refuses:
            # Some issuers say what they were sent.
            return as_json({"error": "invalid_grant", "error_description": f"no {token}"}, 400)
        self._used.add(token)
        self.refreshed += 1
        return self._grant()

    def _grant(self, **claims: str) -> Reply:
        self._number += 1
        self._refresh_token = f"planted-refresh-{self._number}"
        return as_json(
            {
                "access_token": f"planted-access-{self._number}",
                "token_type": "Bearer",
                "expires_in": self.lifetime_s,
                "refresh_token": self._refresh_token,
                "id_token": self.id_token(**claims),
                "scope": "openid",
                **self.tokens,
            }
        )

    def id_token(self, **claims: str) -> str:
        now = time.time()
        usual = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": "42",
            "email": "ada@example.org",
            "exp": now + self.lifetime_s,
            "jti": str(self._number),
        }
        return encoded({**usual, **claims, **self.claims})

    def _knows(self, request: Request) -> bool:
        """Whether the client has said who it is, in the way that discovery asks for."""
        if request.form.get("client_id") != CLIENT:
            return False
        method = self.discovery.get("token_endpoint_auth_methods_supported", [""])[0]
        if self.secret and method == "client_secret_post":
            return request.form.get("client_secret") == self.secret
        scheme, _, pair = request.headers.get("authorization", "").partition(" ")
        name, _, secret = base64.b64decode(pair).decode().partition(":")
        found = (unquote_plus(name), unquote_plus(secret)) if scheme == "Basic" else ("", "")
        wanted = (CLIENT, self.secret) if self.secret else ("", "")
        return found == wanted and "client_secret" not in request.form


def jwt(**claims: object) -> str:
    return encoded(claims)


def encoded(claims: dict[str, object]) -> str:
    parts = ({"alg": "RS256"}, claims)
    texts = (base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts)
    return ".".join([*(part.rstrip(b"=").decode() for part in texts), "planted-signature"])
