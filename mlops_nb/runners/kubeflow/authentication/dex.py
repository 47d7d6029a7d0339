"""User name and password at the Dex in front of Kubeflow, page by page as a browser would.

From the endpoint the way leads through authservice or oauth2-proxy to Dex, perhaps through its list
of connectors, to a form, perhaps to an approval, and back with a session cookie. The password goes
to a form of Dex alone: it is told by its path and its fields, since the login pages of other
providers have the same fields, and a connector may lead there without asking.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urljoin, urlsplit

from mlops_nb.exceptions import BackendError, ConfigError, LoginError
from mlops_nb.runners.kubeflow.authentication import endpoint as endpoints
from mlops_nb.runners.kubeflow.authentication.endpoint import origin, place
from mlops_nb.runners.kubeflow.authentication.pages import Form, Page
from mlops_nb.runners.kubeflow.authentication.sessions import Session, Store
from mlops_nb.runners.kubeflow.authentication.web import Web

if TYPE_CHECKING:
    from collections.abc import Callable

    from requests import Response

    from mlops_nb.runners.kubeflow.authentication.endpoint import Endpoint
    from mlops_nb.settings import Config

VARIABLE = "MLOPS_NB_KUBEFLOW_PASSWORD"
_STEPS = 30
# Those that take a password themselves; all others lead to somebody else's page.
_CONNECTORS = ("local", "ldap")
_USE_BROWSER = 'set kubeflow.auth = "browser", or give a user that Dex has a password of'
_TRY_IN_BROWSER = "open kubeflow.url in a browser, and see what it says"


class DexLogin:
    """Sends the cookie of a session, and logs in again when the server no longer takes it."""

    def __init__(self, config: Config) -> None:
        self.endpoint: Endpoint = endpoints.of(config)
        self._user = config.kubeflow_username
        if not self._user:
            raise ConfigError(
                "kubeflow.username is not set, and kubeflow.auth is 'dex'",
                hint="set kubeflow.username in mlops.toml",
            )
        self._store = Store.of(self.endpoint.url, "dex", self._user)
        self._sent = ""

    def headers(self) -> dict[str, str]:
        """Return the cookie as a header, after a login where there is none yet."""
        session = self._store.read() or self._renewed(refused="")
        self._sent = session.cookie
        return {"Cookie": session.cookie}

    def renew(self) -> bool:
        """Log in again, or take up the session that another process got."""
        self._renewed(self._sent)
        return True

    def login(self, say: Callable[[str], None]) -> str:
        """Log in, keep the session, and return the user."""
        with self._store.lock():
            self._store.write(self._log_in())
        return self._user

    def logout(self) -> bool:
        """Forget the session."""
        with self._store.lock():
            return self._store.delete()

    def _renewed(self, refused: str) -> Session:
        with self._store.lock():
            session = self._store.read()
            if session is None or session.cookie == refused:
                session = self._log_in()
                self._store.write(session)
        return session

    def _log_in(self) -> Session:
        password = os.environ.get(VARIABLE, "")
        if not password:
            raise LoginError(
                f"{self._user} is not logged in at {self.endpoint.url}, and {VARIABLE} is not set",
                hint=f"set {VARIABLE}, then: jupyter mlops login",
            )
        return Session(self._user, cookie=_Walk(self.endpoint, self._user, password).cookie())


class _Walk:
    """One way from the endpoint through the login pages and back."""

    def __init__(self, endpoint: Endpoint, user: str, password: str) -> None:
        self._endpoint = endpoint
        self._user = user
        self._password = password
        self._web = Web(endpoint.ca_file)
        self._given = False
        self._started = False

    def cookie(self) -> str:
        """Return the cookies with which the endpoint lets the user in."""
        answer = self._get(f"{self._endpoint.url}/")
        for _ in range(_STEPS):
            following = self._step(answer)
            if following is None:
                return self._arrived(answer)
            answer = following
        raise LoginError("the login goes round in circles", hint=_TRY_IN_BROWSER)

    def _step(self, answer: Response) -> Response | None:
        """Take the next step; None where there is none, because this is the end of the way."""
        if answer.is_redirect:
            return self._get(urljoin(answer.url, answer.headers["Location"]))
        page = Page.of(answer.url, answer.text)
        if (form := _proxy_form(page)) is not None:
            return self._submit(form)
        if (form := _approval_form(page)) is not None:
            return self._submit(form)
        if (form := _password_form(page)) is not None:
            return self._log_in(page, form)
        if not self._given and (connectors := _connectors(page)):
            return self._get(_with_password(connectors))
        if answer.status_code in (401, 403) and not self._started:
            # oauth2-proxy without a page of its own.
            self._started = True
            back = urlencode({"rd": f"{urlsplit(self._endpoint.url).path}/"})
            return self._get(urljoin(self._endpoint.url, f"/oauth2/start?{back}"))
        return None

    def _log_in(self, page: Page, form: Form) -> Response:
        if self._given:
            raise LoginError(
                f"{self._endpoint.url} asks for the password again, so its session does not hold",
                hint="give kubeflow.url as https:// where its cookies are for HTTPS alone",
            )
        _must_be_of_dex(page, form)
        self._given = True
        (name,) = form.passwords
        answer = self._submit(form, {"login": self._user, name: self._password})
        if _password_form(Page.of(answer.url, answer.text)) is not None:
            raise LoginError(
                f"Dex does not take the password of {self._user}",
                hint=f"set {VARIABLE} to the right one",
            )
        return answer

    def _submit(self, form: Form, values: dict[str, str] | None = None) -> Response:
        fields = {**form.fields, **(values or {})}
        if form.method != "post":
            return self._get(f"{form.action.partition('?')[0]}?{urlencode(fields)}")
        answer = self._send("POST", form.action, fields)
        if answer.status_code in (307, 308):
            # They ask for the form to be sent again, to wherever they point.
            raise LoginError(f"{place(answer.url)} passes the form on", hint=_TRY_IN_BROWSER)
        return answer

    def _get(self, url: str) -> Response:
        return self._send("GET", url, None)

    def _send(self, method: str, url: str, form: dict[str, str] | None) -> Response:
        if urlsplit(url).scheme not in ("https", urlsplit(self._endpoint.url).scheme):
            raise LoginError(
                f"the login leads from HTTPS to {place(url)}, where anybody can listen",
                hint="have the login pages served by HTTPS",
            )
        # oauth2-proxy answers 401 to programs, and shows people where to log in.
        return self._web.send(method, url, data=form, headers={"Accept": "text/html"})

    def _arrived(self, answer: Response) -> str:
        cookie = self._web.cookie(self._endpoint.url + "/apis")
        if answer.status_code >= 500:
            raise BackendError(
                f"{place(answer.url)} answers {answer.status_code} to the login",
                hint=_TRY_IN_BROWSER,
            )
        if not self._given:
            raise _never_asked(answer, self._endpoint)
        if origin(answer.url) != origin(self._endpoint.url) or answer.status_code >= 400:
            raise LoginError(
                f"the login of {self._user} ends at {place(answer.url)} with {answer.status_code}",
                hint=_TRY_IN_BROWSER,
            )
        if not cookie:
            raise LoginError(
                f"{self._endpoint.url} has let {self._user} in without a session cookie for it",
                hint="give kubeflow.url as https:// where its cookies are for HTTPS alone",
            )
        return cookie


def _proxy_form(page: Page) -> Form | None:
    """Return the button of oauth2-proxy that leads to its provider."""
    found = (form for form in page.forms if urlsplit(form.action).path.endswith("/oauth2/start"))
    return next(found, None)


def _approval_form(page: Page) -> Form | None:
    return next((f for f in page.forms if f.fields.get("approval") == "approve"), None)


def _password_form(page: Page) -> Form | None:
    return next((form for form in page.forms if form.passwords), None)


def _connectors(page: Page) -> dict[str, str]:
    """Return the connectors that Dex offers: id to address."""
    found = {}
    for link in page.links:
        parent, _, connector = urlsplit(link).path.rpartition("/")
        if parent.endswith("/auth") and origin(link) == origin(page.url):
            found[connector] = link
    return found


def _with_password(connectors: dict[str, str]) -> str:
    for wanted in _CONNECTORS:
        for connector, link in connectors.items():
            if wanted in connector.lower():
                return link
    raise LoginError(
        f"Dex offers {', '.join(sorted(connectors))}, and none of them takes a password",
        hint=_USE_BROWSER,
    )


def _must_be_of_dex(page: Page, form: Form) -> None:
    folders = urlsplit(page.url).path.split("/")[:-1]
    if "auth" not in folders or "login" not in form.fields or len(form.passwords) != 1:
        raise LoginError(
            f"{place(page.url)} asks for a password, and is no page of Dex", hint=_USE_BROWSER
        )
    if form.method != "post" or origin(form.action) != origin(page.url):
        raise LoginError(
            f"the form of {place(page.url)} would send the password to {place(form.action)}",
            hint=_TRY_IN_BROWSER,
        )


def _never_asked(answer: Response, endpoint: Endpoint) -> LoginError:
    if answer.status_code >= 400:
        return LoginError(
            f"{place(answer.url)} answers {answer.status_code} and shows no way to log in",
            hint=_TRY_IN_BROWSER,
        )
    return LoginError(
        f"{endpoint.url} has not asked for a password", hint='set kubeflow.auth = "none"'
    )


def of(config: Config) -> DexLogin:
    """Return the way of the settings."""
    return DexLogin(config)
