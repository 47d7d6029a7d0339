"""The ways that send what the user has given: none, token, token-file, cookie."""

from __future__ import annotations

import time

import pytest

from mlops_nb.exceptions import ConfigError, LoginError
from mlops_nb.runners.kubeflow import authentication
from tests.runners.authentication.issuer import jwt


def nothing(_: str) -> None:
    raise AssertionError("there is nothing to say")


def test_every_way_of_the_setting_has_a_module(config):
    for way in set(authentication.WAYS) - {"kubeconfig"}:
        values = {"issuer": "https://issuer.example.org", "client_id": "c", "username": "u"}
        found = authentication.of(config(auth=way, **values))
        assert found.endpoint.url == "https://kubeflow.example.org/pipeline"


def test_an_unknown_way_is_refused_with_the_nearest(config, refused):
    with refused(ConfigError, "did you mean 'token-file'"):
        authentication.of(config(auth="tokenfile"))


@pytest.mark.parametrize("url", ["", "kubeflow.example.org", "ftp://host", "https://host?a=b"])
def test_an_address_that_is_none_of_http_is_refused(url, config, refused):
    with refused(ConfigError, "kubeflow.url is"):
        authentication.of(config(url))


def test_the_slash_at_the_end_of_the_address_is_dropped(config):
    assert authentication.of(config("http://host/pipeline/")).endpoint.url == "http://host/pipeline"


def test_certificates_that_cannot_be_read_are_refused(config, refused, tmp_path):
    (tmp_path / "ca.pem").write_text("no certificate")
    for name in ("missing.pem", "ca.pem"):
        with refused(ConfigError, name):
            authentication.of(config(ca_file=name))


def test_certificates_are_found_from_the_project(config, authority, tmp_path):
    (tmp_path / "ca.pem").write_bytes(authority.ca.read_bytes())
    found = authentication.of(config(ca_file="ca.pem")).endpoint.ca_file
    assert found == str(tmp_path / "ca.pem")


def test_none_sends_nothing(config):
    way = authentication.of(config())
    assert (way.headers(), way.renew()) == ({}, False)
    assert authentication.login(config(), nothing).startswith("nobody")
    assert authentication.logout(config()) is False


def test_a_token_of_the_environment_is_sent(config, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", " planted-token\n")
    way = authentication.of(config(auth="token"))
    assert way.headers() == {"Authorization": "Bearer planted-token"}
    assert way.renew() is False


def test_login_says_whose_the_token_is_and_until_when(config, monkeypatch):
    token = jwt(sub="42", email="ada@example.org", exp=4102444800)
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", token)
    said = authentication.login(config(auth="token"), nothing)
    assert said == (
        "token from MLOPS_NB_KUBEFLOW_TOKEN, of ada@example.org, until 2100-01-01 00:00 UTC"
    )


def test_login_says_so_of_a_token_that_says_nothing(config, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", "planted-token")
    assert "opaque" in authentication.login(config(auth="token"), nothing)


def test_login_refuses_a_token_that_has_expired(config, monkeypatch, refused):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_TOKEN", jwt(exp=time.time() - 1))
    with refused(LoginError, "the token expired at"):
        authentication.login(config(auth="token"), nothing)


@pytest.mark.parametrize(
    ("auth", "name"), [("token", "KUBEFLOW_TOKEN"), ("cookie", "KUBEFLOW_COOKIE")]
)
def test_what_is_not_there_is_said_with_its_name(auth, name, config, refused):
    with refused(LoginError, f"in MLOPS_NB_{name}"):
        authentication.of(config(auth=auth)).headers()
    with refused(LoginError, f"in MLOPS_NB_{name}"):
        authentication.login(config(auth=auth), nothing)


@pytest.mark.parametrize(
    "text", ["Bearer planted-token", "planted\nX-Injected: 1", "planted-tökén", "planted\x00"]
)
def test_what_cannot_stand_in_a_header_is_refused_and_not_shown(
    text, config, monkeypatch, refused, given
):
    (given / "token").write_text(text)
    way = authentication.of(config(auth="token-file", token_file="given/token"))
    with refused(LoginError, "a character that no token has"):
        way.headers()


def test_a_token_file_is_read_again_as_it_rotates(config, given):
    file = given / "token"
    file.write_text("planted-one\n")
    way = authentication.of(config(auth="token-file", token_file="given/token"))
    assert way.headers() == {"Authorization": "Bearer planted-one"}
    assert way.renew() is False
    file.write_text("planted-two\n")
    assert way.renew() is True
    assert way.headers() == {"Authorization": "Bearer planted-two"}
    assert "planted" not in repr(way)


def test_a_token_file_is_swapped_as_the_kubelet_does_it(config, given):
    for name in ("one", "two"):
        (given / name).mkdir()
        (given / name / "token").write_text(f"planted-{name}")
    (given / "data").symlink_to("one")
    way = authentication.of(config(auth="token-file", token_file="given/data/token"))
    assert way.headers()["Authorization"].endswith("one")
    (given / "next").symlink_to("two")
    (given / "next").replace(given / "data")
    assert way.headers()["Authorization"].endswith("two")


def test_the_token_file_of_kfp_is_the_default(config, given, monkeypatch, refused):
    with refused(LoginError, "/var/run/secrets/kubeflow/pipelines/token cannot be read"):
        authentication.of(config(auth="token-file")).headers()
    (given / "token").write_text("planted-token")
    monkeypatch.setenv("KF_PIPELINES_SA_TOKEN_PATH", str(given / "token"))
    assert authentication.of(config(auth="token-file")).headers() != {}


def test_an_empty_token_file_is_said(config, given, refused):
    (given / "token").write_text("\n")
    with refused(LoginError, "there is no token in"):
        authentication.of(config(auth="token-file", token_file="given/token")).headers()


def test_a_cookie_of_the_environment_is_sent(config, monkeypatch):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_COOKIE", "session_0=planted-a; session_1=planted-b")
    way = authentication.of(config(auth="cookie"))
    assert way.headers() == {"Cookie": "session_0=planted-a; session_1=planted-b"}
    assert way.renew() is False
    assert "cookie session_0, session_1 from" in authentication.login(
        config(auth="cookie"), nothing
    )


@pytest.mark.parametrize("text", ["planted", "session=planted\nX-Injected: 1"])
def test_a_cookie_without_a_name_or_with_a_line_break_is_refused(
    text, config, monkeypatch, refused
):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_COOKIE", text)
    with refused(LoginError, "does not hold name=value"):
        authentication.of(config(auth="cookie")).headers()
