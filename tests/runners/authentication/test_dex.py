from __future__ import annotations

import pytest

from mlops_nb.exceptions import BackendError, ConfigError, LoginError
from mlops_nb.runners.kubeflow import authentication
from tests.runners.authentication.gateway import PASSWORD, USER, Gateway
from tests.runners.authentication.serving import Double, page, redirect
from tests.runners.authentication.vocabulary import headers_of_processes, reach

SETTINGS = {"auth": "dex", "username": USER}


@pytest.fixture(autouse=True)
def password(monkeypatch):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_PASSWORD", PASSWORD)


def posts(double: Double) -> list[dict[str, str]]:
    return [request.form for request in double.requests if request.method == "POST"]


@pytest.mark.parametrize("front", ["authservice", "proxy", "button", "bare"])
def test_a_password_gets_a_session_through_every_front(front, gateway, config):
    gateway.front = front
    settings = config(gateway.endpoint, **SETTINGS)
    assert authentication.login(settings, [].append) == USER
    assert reach(authentication.of(settings)) == 200
    assert gateway.logins == 1


def test_without_a_session_the_endpoint_refuses(gateway, config):
    gateway.front = "proxy"
    assert reach(authentication.of(config(gateway.endpoint))) == 401


def test_a_run_needs_no_login_where_the_password_is_there(gateway, config):
    assert reach(authentication.of(config(gateway.endpoint, **SETTINGS))) == 200


def test_a_session_is_kept_without_the_password(gateway, config, monkeypatch, tmp_path):
    settings = config(gateway.endpoint, **SETTINGS)
    authentication.login(settings, [].append)
    monkeypatch.delenv("MLOPS_NB_KUBEFLOW_PASSWORD")
    assert reach(authentication.of(settings)) == 200
    kept = "".join(p.read_text() for p in (tmp_path / "state/sessions").glob("*.json"))
    assert "planted-session" in kept
    assert "planted password" not in kept


def test_a_session_in_two_cookies_is_kept_whole(gateway, config):
    gateway.front, gateway.split = "proxy", True
    way = authentication.of(config(gateway.endpoint, **SETTINGS))
    assert reach(way) == 200
    assert "oauth2_proxy_kubeflow_0=" in way.headers()["Cookie"]
    assert "oauth2_proxy_kubeflow_1=" in way.headers()["Cookie"]


@pytest.mark.parametrize("connectors", [("github", "ldap"), ("ldap", "github", "local")])
def test_the_connector_that_takes_a_password_is_chosen(connectors, gateway, config):
    gateway.connectors = connectors
    assert reach(authentication.of(config(gateway.endpoint, **SETTINGS))) == 200


def test_connectors_that_take_no_password_are_named(gateway, config, refused):
    gateway.connectors = ("github", "google")
    with refused(LoginError, "Dex offers github, google, and none of them"):
        authentication.login(config(gateway.endpoint, **SETTINGS), [].append)


def test_access_is_granted_where_dex_asks(gateway, config):
    gateway.approval = True
    assert reach(authentication.of(config(gateway.endpoint, **SETTINGS))) == 200


def test_a_wrong_password_is_said_after_one_try(gateway, config, monkeypatch, refused):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_PASSWORD", "planted wrong")
    with refused(LoginError, f"Dex does not take the password of {USER}") as caught:
        authentication.login(config(gateway.endpoint, **SETTINGS), [].append)
    assert "MLOPS_NB_KUBEFLOW_PASSWORD" in caught.value.hint
    assert len(posts(gateway)) == 1


def test_a_missing_password_is_named(gateway, config, monkeypatch, refused):
    monkeypatch.delenv("MLOPS_NB_KUBEFLOW_PASSWORD")
    with refused(LoginError, "MLOPS_NB_KUBEFLOW_PASSWORD is not set"):
        authentication.of(config(gateway.endpoint, **SETTINGS)).headers()
    assert gateway.requests == []


def test_a_missing_user_is_named(gateway, config, refused):
    with refused(ConfigError, "kubeflow.username is not set"):
        authentication.of(config(gateway.endpoint, auth="dex"))


def test_a_session_that_has_ended_is_renewed(gateway, config):
    way = authentication.of(config(gateway.endpoint, **SETTINGS))
    assert reach(way) == 200
    gateway.expire()
    assert reach(way) == 302
    assert way.renew() is True
    assert reach(way) == 200


def test_a_session_that_another_has_renewed_is_taken_up(gateway, config):
    settings = config(gateway.endpoint, **SETTINGS)
    one, two = authentication.of(settings), authentication.of(settings)
    assert (reach(one), reach(two)) == (200, 200)
    gateway.expire()
    assert (one.renew(), two.renew()) == (True, True)
    assert one.headers() == two.headers()
    assert gateway.logins == 2


def test_processes_log_in_once(gateway, config, given):
    found = headers_of_processes(config(gateway.endpoint, **SETTINGS), 3, given)
    assert found == [found[0]] * 3
    assert gateway.logins == 1


def test_logout_forgets_the_session(gateway, config, monkeypatch, refused):
    settings = config(gateway.endpoint, **SETTINGS)
    authentication.login(settings, [].append)
    assert authentication.logout(settings) is True
    assert authentication.logout(settings) is False
    monkeypatch.delenv("MLOPS_NB_KUBEFLOW_PASSWORD")
    with refused(LoginError, "is not logged in"):
        authentication.of(settings).headers()


def test_a_gateway_with_a_certificate_of_its_own(authority, config):
    with Gateway(authority.certificate("gateway")) as gateway:
        gateway.attributes += "; Secure"
        settings = config(gateway.endpoint, ca_file=str(authority.ca), **SETTINGS)
        assert reach(authentication.of(settings)) == 200


def test_a_cookie_for_https_alone_is_said(gateway, config, refused):
    gateway.attributes += "; Secure"
    with refused(LoginError, "asks for the password again"):
        authentication.login(config(gateway.endpoint, **SETTINGS), [].append)


def test_a_form_that_leads_to_another_host_gets_no_password(gateway, config, refused):
    class Thief(Double):
        def answer(self, request):
            return page("thanks")

    with Thief() as thief:
        gateway.action = f"{thief.url}/dex/auth/local/login"
        with refused(LoginError, "would send the password to"):
            authentication.login(config(gateway.endpoint, **SETTINGS), [].append)
        assert thief.requests == []
    assert posts(gateway) == []


def test_a_form_that_is_passed_on_is_not_sent_again(gateway, config, refused):
    gateway.login_status = 307
    with refused(LoginError, "passes the form on"):
        authentication.login(config(gateway.endpoint, **SETTINGS), [].append)
    assert len(posts(gateway)) == 1


def test_an_https_endpoint_leads_to_no_form_without_tls(gateway, authority, config, refused):
    with Gateway(authority.certificate("front")) as front:
        front.dex = gateway.url
        settings = config(front.endpoint, ca_file=str(authority.ca), **SETTINGS)
        with refused(LoginError, "leads from HTTPS to http://127.0.0.1"):
            authentication.login(settings, [].append)
    assert gateway.requests == []


@pytest.mark.parametrize("path", ["/login", "/dex/auth/local/login"])
def test_a_login_page_of_somebody_else_gets_no_password(path, gateway, config, refused):
    """A connector may lead to another provider, whose fields may have any names."""

    class Provider(Double):
        def answer(self, request):
            return page(
                '<form method="post"><input name="user"><input type="password" name="password">'
            )

    class Front(Double):
        def answer(self, request):
            return redirect(f"{provider.url}{path}")

    with Provider() as provider, Front() as front:
        with refused(LoginError, "asks for a password, and is no page of Dex"):
            authentication.login(config(f"{front.url}/pipeline", **SETTINGS), [].append)
        assert posts(provider) == []


def test_a_page_with_the_fields_of_dex_elsewhere_gets_no_password(config, refused):
    form = '<form method="post"><input name="login"><input type="password" name="password">'

    class Provider(Double):
        def answer(self, request):
            return {"/login": page(form)}.get(request.path, redirect("/login"))

    with Provider() as provider:
        with refused(LoginError, "is no page of Dex"):
            authentication.login(config(f"{provider.url}/pipeline", **SETTINGS), [].append)
        assert posts(provider) == []


def test_the_cookies_of_the_way_are_not_kept(gateway, config):
    gateway.dex_cookie = "dex_state=planted-x; Path=/dex"
    cookie = authentication.of(config(gateway.endpoint, **SETTINGS)).headers()["Cookie"]
    assert cookie.startswith("authservice_session=planted-session")
    assert ";" not in cookie


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (200, LoginError, "has not asked for a password"),
        (404, LoginError, "answers 404 and shows no way to log in"),
        (500, BackendError, "answers 500 to the login"),
    ],
)
def test_an_endpoint_without_dex_is_said(status, kind, said, config, refused):
    class Other(Double):
        def answer(self, request):
            return page("hello", status)

    with Other() as other, refused(kind, said):
        authentication.login(config(other.url, **SETTINGS), [].append)


def test_a_login_that_goes_round_in_circles_ends(config, refused):
    class Circle(Double):
        def answer(self, request):
            return redirect("/again?code=x")

    with Circle() as circle, refused(LoginError, "round in circles"):
        authentication.login(config(circle.url, **SETTINGS), [].append)


def test_a_way_does_not_print_its_secrets(gateway, config):
    way = authentication.of(config(gateway.endpoint, **SETTINGS))
    way.headers()
    assert "planted" not in repr(way)
