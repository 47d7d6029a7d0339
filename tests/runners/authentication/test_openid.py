"""What `device` and `browser` have in common: discovery, checked tokens, renewal in time."""

from __future__ import annotations

import time

import msgspec
import pytest

from mlops_nb.exceptions import BackendError, ConfigError, LoginError
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.runners.kubeflow.authentication import openid
from mlops_nb.runners.kubeflow.authentication.client import Client, Tokens
from mlops_nb.runners.kubeflow.authentication.openid import OpenIDLogin
from mlops_nb.runners.kubeflow.authentication.sessions import Session
from mlops_nb.runners.kubeflow.authentication.web import Web
from tests.runners.authentication.issuer import CLIENT, SECRET, Issuer, jwt
from tests.runners.authentication.serving import Double, as_json, redirect
from tests.runners.authentication.vocabulary import headers_of_processes


def client_of(issuer: Issuer) -> Client:
    return Client(issuer.url, CLIENT, ("openid", "offline_access"), Web(None))


def logged_in(config, issuer: Issuer) -> OpenIDLogin:
    """Return a way that has a session, as if the user had just said yes."""

    def say_yes(client: Client, _) -> Session:
        given = issuer._grant()
        return client.session(msgspec.json.decode(given.body, type=Tokens))

    way = OpenIDLogin(config, say_yes)
    assert way.login(print) == "ada@example.org"
    return way


@pytest.mark.parametrize("name", ["issuer", "client_id"])
def test_a_missing_setting_is_named(name, openid_config, refused):
    with refused(ConfigError, f"kubeflow.{name} is not set"):
        authentication.of(openid_config(**{name: ""}))


def test_an_issuer_without_tls_is_for_this_machine_alone(openid_config, refused):
    with refused(ConfigError, "anybody on the way"):
        authentication.of(openid_config(issuer="http://issuer.example.org"))


def test_an_issuer_that_says_it_is_another_is_refused(issuer, refused):
    issuer.discovery = {"issuer": "https://evil.example.org"}
    with refused(BackendError, "says that it is https://evil.example.org"):
        client_of(issuer)


def test_an_endpoint_without_tls_is_refused(issuer, refused):
    issuer.discovery = {"token_endpoint": "http://issuer.example.org/token?key=planted"}
    with refused(BackendError, "wants secrets without TLS at http://issuer.example.org/token\\n"):
        client_of(issuer)


def test_an_issuer_that_is_none_is_said(gateway, refused):
    with refused(BackendError, "answers 302 and not with its settings"):
        Client(gateway.url, CLIENT, (), Web(None))


def test_an_issuer_that_is_away_is_said(config, refused):
    with Issuer() as issuer:
        url = issuer.url
    with refused(BackendError, "gives no answer"):
        Client(url, CLIENT, (), Web(None))


def test_an_error_of_the_network_does_not_show_a_code(refused):
    with Issuer() as issuer:
        url = f"{issuer.url}/callback?code=planted"
    with refused(BackendError, "/callback gives no answer"):
        Web(None).send("GET", url)


def test_an_issuer_with_a_certificate_of_its_own_needs_the_authority(authority, refused):
    with Issuer(authority.certificate("issuer")) as issuer:
        with refused(BackendError, "a certificate that is not trusted"):
            client_of(issuer)
        assert Client(issuer.url, CLIENT, (), Web(str(authority.ca))).provider.issuer == issuer.url


def test_the_authority_of_the_settings_has_the_last_word(authority, monkeypatch, tmp_path):
    other = type(authority)(tmp_path)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.ca))
    with Issuer(authority.certificate("issuer")) as issuer:
        assert Client(issuer.url, CLIENT, (), Web(str(authority.ca))).provider.issuer == issuer.url


def test_a_scope_that_the_issuer_does_not_have_is_not_asked_for(issuer):
    assert client_of(issuer).scope == "openid offline_access"
    issuer.discovery = {"scopes_supported": ["openid", "email"]}
    assert client_of(issuer).scope == "openid"


def test_no_redirect_takes_the_secret_of_the_client_along(issuer, monkeypatch, refused):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_CLIENT_SECRET", SECRET)

    class Elsewhere(Double):
        def answer(self, request):
            return as_json({"access_token": "planted-evil"})

    class Passing(Double):
        def answer(self, request):
            return redirect(f"{elsewhere.url}/token", status=307)

    with Elsewhere() as elsewhere, Passing() as passing:
        issuer.discovery = {"token_endpoint": f"{passing.url}/token"}
        with refused(BackendError, "answers 307, with no token"):
            client_of(issuer).tokens(grant_type="refresh_token", refresh_token="planted")
        assert "authorization" in passing.requests[0].headers
        assert elsewhere.requests == []


def test_nothing_of_netrc_is_sent(issuer, monkeypatch, given):
    (given / "netrc").write_text("machine 127.0.0.1 login ada password planted\n")
    (given / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(given / "netrc"))
    client_of(issuer)
    assert "authorization" not in issuer.requests[0].headers


@pytest.mark.parametrize(
    ("claims", "said"),
    [
        ({"iss": "https://evil.example.org"}, "names another issuer"),
        ({"aud": "another"}, "is not for client notebooks"),
        ({"aud": ["another", CLIENT], "azp": "another"}, "is not for client notebooks"),
        ({"exp": 1}, "has expired"),
        ({"exp": None}, "has expired"),
        ({"nonce": "another"}, "answers another request"),
        ({}, "answers another request"),
    ],
)
def test_an_id_token_that_is_not_for_us_now_is_refused(claims, said, issuer, refused):
    issuer.claims = claims
    with refused(LoginError, said):
        client_of(issuer).session(Tokens("planted", issuer.id_token()), nonce="ours")


def test_an_id_token_for_several_is_taken_when_it_is_ours(issuer):
    issuer.claims = {"aud": ["another", CLIENT], "azp": CLIENT}
    assert client_of(issuer).session(Tokens("planted", issuer.id_token())).who == "ada@example.org"


@pytest.mark.parametrize("token", ["planted", "planted.planted.x", jwt()[:20] + ".!.planted"])
def test_an_id_token_that_is_none_is_refused(token, issuer, refused):
    with refused(LoginError, "is not a JSON web token|names another issuer"):
        client_of(issuer).session(Tokens("planted", token))


def test_the_access_token_serves_where_there_is_no_id_token(issuer):
    session = client_of(issuer).session(Tokens("planted-access", expires_in=100))
    assert (session.who, session.bearer) == ("client notebooks", "planted-access")
    assert 90 < session.expires_at - time.time() < 110


def test_nobody_is_logged_in_before_login_and_after_logout(openid_config, issuer, refused):
    with refused(LoginError, "nobody is logged in"):
        authentication.of(openid_config()).headers()
    way = logged_in(openid_config(), issuer)
    assert way.headers()["Authorization"].startswith("Bearer ey")
    assert authentication.logout(openid_config()) is True
    assert authentication.logout(openid_config()) is False
    with refused(LoginError, "nobody is logged in"):
        way.headers()
    with refused(LoginError, "nobody is logged in"):
        way.renew()


def test_another_process_sends_what_the_login_kept(openid_config, issuer, given):
    way = logged_in(openid_config(), issuer)
    assert headers_of_processes(openid_config(), 1, given) == [way.headers()]


def test_a_token_is_renewed_before_it_expires(openid_config, issuer):
    issuer.lifetime_s = openid.LEEWAY_S - 5
    way = logged_in(openid_config(), issuer)
    issuer.lifetime_s = 3600
    first = way.headers()
    assert issuer.refreshed == 1
    assert way.headers() == first
    assert issuer.refreshed == 1


def test_a_refused_token_is_renewed(openid_config, issuer):
    way = logged_in(openid_config(), issuer)
    refused_headers = way.headers()
    assert way.renew() is True
    assert way.headers() != refused_headers
    assert issuer.refreshed == 1


def test_a_refresh_token_that_is_not_replaced_goes_on(openid_config, issuer):
    way = logged_in(openid_config(), issuer)
    issuer.tokens = {"refresh_token": ""}
    way.headers()
    assert way.renew() is True
    kept = way._store.read()
    assert kept.refresh_token.startswith("planted-refresh")


def test_a_token_that_another_process_has_renewed_is_taken_up(openid_config, issuer):
    one, two = logged_in(openid_config(), issuer), authentication.of(openid_config())
    one.headers()
    two.headers()
    assert (one.renew(), two.renew()) == (True, True)
    assert issuer.refreshed == 1
    assert one.headers() == two.headers()


@pytest.mark.parametrize("act", ["ask", "renew"])
def test_processes_use_a_refresh_token_once(act, openid_config, issuer, given):
    issuer.lifetime_s = {"ask": openid.LEEWAY_S - 5, "renew": 3600}[act]
    logged_in(openid_config(), issuer)
    issuer.lifetime_s, issuer.pause_s = 3600, 0.3
    found = headers_of_processes(openid_config(), 3, given, act=act)
    assert issuer.refreshed == 1
    assert found == [found[0]] * 3


def test_a_login_that_the_issuer_has_ended_asks_for_another(openid_config, issuer, refused):
    way = logged_in(openid_config(), issuer)
    issuer.refuses = "invalid_grant"
    way.headers()
    with refused(
        LoginError, "does not renew the login of ada@example.org: invalid_grant"
    ) as caught:
        way.renew()
    assert caught.value.hint == "log in: jupyter mlops login"


@pytest.mark.parametrize("status", [503, 429])
def test_an_issuer_that_is_away_for_a_while_does_not_end_the_login(
    status, openid_config, issuer, refused
):
    way = logged_in(openid_config(), issuer)
    way.headers()
    issuer.away = status
    with refused(BackendError, f"answers {status}") as caught:
        way.renew()
    assert type(caught.value) is BackendError
    issuer.away = 0
    assert way.renew() is True


def test_without_a_refresh_token_nothing_is_tried_again(openid_config, issuer, refused):
    issuer.tokens = {"refresh_token": ""}
    way = logged_in(openid_config(), issuer)
    way.headers()
    assert way.renew() is False
    way._store.write(Session("ada", bearer="planted", expires_at=time.time()))
    with refused(LoginError, "the login of ada has ended"):
        way.headers()


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_of_the_client_is_sent_as_the_issuer_wants_it(
    method, openid_config, issuer, monkeypatch
):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_CLIENT_SECRET", SECRET)
    issuer.secret = SECRET
    issuer.discovery = {"token_endpoint_auth_methods_supported": [method]}
    way = logged_in(openid_config(), issuer)
    way.headers()
    assert way.renew() is True


def test_an_error_that_repeats_what_was_sent_is_not_shown(issuer, refused):
    class Talking(Double):
        def answer(self, request):
            return as_json({"error": f"no {request.form['refresh_token']}"}, 400)

    with Talking() as talking:
        issuer.discovery = {"token_endpoint": f"{talking.url}/token"}
        with refused(BackendError, "answers 400, with no token"):
            client_of(issuer).tokens(grant_type="refresh_token", refresh_token="planted")


def test_records_do_not_print_their_secrets(openid_config, issuer):
    way = logged_in(openid_config(), issuer)
    way.headers()
    assert "planted" not in repr([way, Tokens("planted", "planted", "planted"), client_of(issuer)])
