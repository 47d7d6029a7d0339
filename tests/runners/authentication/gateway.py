"""Kubeflow's front: authservice or oauth2-proxy before an endpoint, and Dex behind it."""

from __future__ import annotations

import html
import secrets
from urllib.parse import urlencode

from tests.runners.authentication.serving import Double, Reply, Request, page, redirect

USER = "ada@example.org"
PASSWORD = "planted password & 1"
DEX = {"client_id", "redirect_uri", "response_type", "scope", "state"}


class Gateway(Double):
    """A gateway of one user; its attributes say how it behaves.

    Args:
        front: "authservice", "proxy" (oauth2-proxy that redirects), "button" (it shows its page
            first) or "bare" (it answers 403 and nothing else).
    """

    def __init__(self, *arguments, front: str = "authservice") -> None:
        super().__init__(*arguments)
        self.front = front
        self.connectors = ("local",)
        self.approval = False
        self.split = False
        self.attributes = "Path=/; HttpOnly"
        self.action = ""
        self.form_fields = ("login", "password")
        self.dex = self.url
        self.login_status = 303
        self.dex_cookie = "other=1; Path=/dex"
        self.logins = 0
        self.sessions: set[str] = set()
        self._requests: dict[str, dict[str, str]] = {}
        self._codes: dict[str, str] = {}

    @property
    def endpoint(self) -> str:
        return f"{self.url}/pipeline"

    def expire(self) -> None:
        self.sessions.clear()

    def answer(self, request: Request) -> Reply:
        head = request.path.split("/")[1]
        if head == "dex":
            return self._dex(request)
        if head in ("oauth2", "authservice"):
            return self._front(request)
        if self._session(request) in self.sessions:
            return page(f"hello, {USER}")
        if self.front == "authservice":
            return self._to_dex(request.path)
        return self._unknown(request)

    def _unknown(self, request: Request) -> Reply:
        if "/apis/" in request.path or "text/html" not in request.headers.get("accept", ""):
            return Reply(401)
        if self.front == "proxy":
            return self._to_dex(request.path)
        button = (
            '<form method="GET" action="/oauth2/start">'
            f'<input type="hidden" name="rd" value="{html.escape(request.path)}">'
            "<button type=submit>Sign in with Dex</button></form>"
        )
        return page(button if self.front == "button" else "RBAC: access denied", 403)

    def _front(self, request: Request) -> Reply:
        if request.path == "/oauth2/start" and set(request.query) == {"rd"}:
            return self._to_dex(request.query["rd"])
        if not request.path.endswith("/callback"):
            return self.violation(request.path)
        state = request.query.get("state", "")
        if request.cookies.get("csrf") != state or self._codes.pop(request.query["code"], "") == "":
            return page("csrf", 403)
        value = f"planted-session-{secrets.token_hex(4)}"
        self.sessions.add(value)
        name = "authservice_session" if self.front == "authservice" else "oauth2_proxy_kubeflow"
        parts = {f"{name}_0": value[:9], f"{name}_1": value[9:]} if self.split else {name: value}
        cookies = [f"{key}={part}; {self.attributes}" for key, part in parts.items()]
        return redirect(state.partition(":")[2], "csrf=; Path=/; Max-Age=0", *cookies)

    def _to_dex(self, back: str) -> Reply:
        state = f"{secrets.token_hex(4)}:{back}"
        callback = "/authservice/oidc" if self.front == "authservice" else "/oauth2"
        query = {
            "client_id": "kubeflow-front",
            "redirect_uri": f"{callback}/callback",
            "response_type": "code",
            "scope": "openid email",
            "state": state,
        }
        return redirect(
            f"{self.dex}/dex/auth?{urlencode(query)}", f"csrf={state}; Path=/; HttpOnly"
        )

    def _session(self, request: Request) -> str:
        cookies = request.cookies
        for name in ("authservice_session", "oauth2_proxy_kubeflow"):
            if f"{name}_0" in cookies:
                return cookies[f"{name}_0"] + cookies.get(f"{name}_1", "")
            if name in cookies:
                return cookies[name]
        return ""

    def _dex(self, request: Request) -> Reply:
        path = request.path.removeprefix("/dex/")
        if path == "auth":
            return self._choice(request)
        if path.startswith("auth/") and path.endswith("/login"):
            return self._form(request)
        if path.startswith("auth/"):
            return self._connector(request, path.removeprefix("auth/"))
        if path == "approval":
            return self._approval(request)
        return self.violation(request.path)

    def _choice(self, request: Request) -> Reply:
        if set(request.query) != DEX:
            return self.violation(f"dex with {sorted(request.query)}")
        query = urlencode(request.query)
        links = [f"/dex/auth/{name}?{query}" for name in self.connectors]
        if len(links) == 1:
            return redirect(links[0])
        shown = (f'<a href="{html.escape(link)}"><button>Log in</button></a>' for link in links)
        return page('<a href="/elsewhere">help</a>' + "".join(shown))

    def _connector(self, request: Request, name: str) -> Reply:
        if name not in self.connectors or not set(request.query) >= DEX:
            return self.violation(f"connector {name}")
        number = secrets.token_hex(4)
        self._requests[number] = request.query
        return redirect(f"/dex/auth/{name}/login?back=&state={number}", self.dex_cookie)

    def _form(self, request: Request) -> Reply:
        if request.method == "GET":
            return self._password_page(request, 200)
        if set(request.form) != {*self.form_fields}:
            return self.violation(f"form with {sorted(request.form)}")
        user, password = (request.form[name] for name in self.form_fields)
        if (user, password) != (USER, PASSWORD):
            return self._password_page(request, 401)
        self.logins += 1
        number = request.query["state"]
        return redirect(f"/dex/approval?req={number}&hmac=x", status=self.login_status)

    def _password_page(self, request: Request, status: int) -> Reply:
        user, password = self.form_fields
        action = self.action or f"{request.path}?{urlencode(request.query)}"
        return page(
            f'<form method="post" action="{html.escape(action)}">'
            f'<input name="{user}" type="text" required><input type="password" name="{password}">'
            '<input type="submit" value="Login" name="ignored"></form>',
            status,
        )

    def _approval(self, request: Request) -> Reply:
        number = request.query["req"]
        if self.approval and request.method == "GET":
            forms = (
                f'<form method="post"><input type="hidden" name="req" value="{number}"/>'
                f'<input type="hidden" name="approval" value="{answer}"><button>x</button></form>'
                for answer in ("approve", "rejected")
            )
            return page("".join(forms))
        if self.approval and request.form != {"req": number, "approval": "approve"}:
            return self.violation(f"approval with {request.form}")
        asked = self._requests.pop(number)
        code = secrets.token_hex(4)
        self._codes[code] = number
        back = urlencode({"code": code, "state": asked["state"]})
        return redirect(f"{self.url}{asked['redirect_uri']}?{back}", status=303)
