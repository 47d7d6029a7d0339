from __future__ import annotations

import sys
import threading
import urllib.error
import urllib.request
import webbrowser
from urllib.parse import parse_qs, urlsplit

import pytest

from mlops_nb.exceptions import LoginError
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.runners.kubeflow.authentication import browser
from tests.runners.authentication.issuer import SECRET
from tests.runners.authentication.serving import Double, as_json


@pytest.fixture(autouse=True)
def no_browser(monkeypatch):
    """A browser that shows nothing: the tests visit what is said."""
    nothing = webbrowser.GenericBrowser([sys.executable, "-c", "", "%s"])
    webbrowser.register("nothing", None, nothing, preferred=True)
    yield
    webbrowser._tryorder.remove("nothing")


class Visitor:
    """Does something with the address that is said, then opens it."""

    def __init__(self, before=lambda url: None, *, opens: bool = True) -> None:
        self.before = before
        self.opens = opens

    def __call__(self, text: str) -> None:
        self.url = text.rpartition(" ")[2]
        threading.Thread(target=self._visit, daemon=True).start()

    def _visit(self) -> None:
        self.before(self.url)
        if self.opens:
            urllib.request.urlopen(self.url).close()


def back_of(url: str) -> str:
    return parse_qs(urlsplit(url).query)["redirect_uri"][0]


def test_the_browser_brings_a_code_back(openid_config, issuer):
    visitor = Visitor()
    config = openid_config()
    assert authentication.login(config, visitor) == "ada@example.org"
    assert back_of(visitor.url).startswith("http://127.0.0.1:")
    way = authentication.of(config)
    assert way.headers()["Authorization"].startswith("Bearer ey")
    assert way.renew() is True


def test_a_client_with_a_secret_proves_both(openid_config, issuer, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_CLIENT_SECRET", SECRET)
    issuer.secret = SECRET
    assert authentication.login(openid_config(), Visitor()) == "ada@example.org"


def test_an_answer_with_another_state_is_not_ours(openid_config, issuer):
    statuses = []

    def forge(url: str) -> None:
        back = back_of(url)
        for forged in (f"{back}?code=evil&state=evil", f"{back}?code=evil", f"{back}/x", back):
            with pytest.raises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(forged)
            statuses.append(caught.value.code)

    assert authentication.login(openid_config(), Visitor(forge)) == "ada@example.org"
    assert statuses == [404] * 4


def test_two_logins_have_nothing_in_common(openid_config, issuer):
    one, two = Visitor(), Visitor()
    for visitor in (one, two):
        authentication.login(openid_config(), visitor)
    queries = [parse_qs(urlsplit(visitor.url).query) for visitor in (one, two)]
    for name in ("state", "nonce", "code_challenge"):
        assert queries[0][name] != queries[1][name]
        assert len(queries[0][name][0]) >= 43


def test_a_code_that_was_stolen_from_another_login_is_worth_nothing(openid_config, issuer, refused):
    """The issuer checks the verifier: the code of one login comes with that of another."""
    authentication.login(openid_config(), first := Visitor())

    def swap(url: str) -> None:
        code = "code-stolen"
        issuer._codes[code] = next(
            r for r in issuer.requests if r.path == "/authorize" and r.query["state"] in first.url
        )
        state = parse_qs(urlsplit(url).query)["state"][0]
        urllib.request.urlopen(f"{back_of(url)}?code={code}&state={state}").close()

    with refused(LoginError, "refuses its code: invalid_grant"):
        authentication.login(openid_config(), Visitor(swap, opens=False))


def test_an_id_token_of_another_request_is_refused(openid_config, issuer, refused):
    issuer.claims = {"nonce": "another"}
    with refused(LoginError, "answers another request"):
        authentication.login(openid_config(), Visitor())


def test_an_answer_of_another_issuer_is_refused(openid_config, issuer, refused):
    def mix_up(url: str) -> None:
        state = parse_qs(urlsplit(url).query)["state"][0]
        answer = f"code=c&state={state}&iss=https://evil.example.org"
        urllib.request.urlopen(f"{back_of(url)}?{answer}").close()

    with refused(LoginError, "another issuer"):
        authentication.login(openid_config(), Visitor(mix_up, opens=False))


def test_a_user_who_says_no_is_heard(openid_config, issuer, refused):
    issuer.refuses = "access_denied"
    with refused(LoginError, "refuses the login: access_denied"):
        authentication.login(openid_config(), Visitor())


def test_nobody_is_waited_for_forever(openid_config, issuer, refused, monkeypatch):
    monkeypatch.setattr(browser, "TIMEOUT_S", 0.2)
    with refused(LoginError, "nobody has come back") as caught:
        authentication.login(openid_config(), [].append)
    assert "device" in caught.value.hint


def test_an_issuer_that_wants_the_port_registered_gets_one_by_name(openid_config, issuer):
    with Double() as taken:
        port = urlsplit(taken.url).port
    visitor = Visitor()
    authentication.login(openid_config(redirect_port=port), visitor)
    assert back_of(visitor.url) == f"http://localhost:{port}/callback"


def test_a_port_that_is_taken_is_said(openid_config, issuer, refused):
    class Other(Double):
        def answer(self, request):
            return as_json({})

    with Other() as other, refused(LoginError, "nothing can be received at port"):
        authentication.login(openid_config(redirect_port=urlsplit(other.url).port), [].append)


def test_a_request_does_not_print_its_secrets():
    request = browser.Request("http://127.0.0.1:1/callback")
    shown = repr(request)
    assert not any(secret in shown for secret in (request.state, request.nonce, request.verifier))
