from __future__ import annotations

import base64
import json
import stat
import sys

import pytest

from mlops_nb.exceptions import ConfigError, LoginError
from mlops_nb.runners.kubeflow import authentication
from tests.runners.authentication.issuer import jwt
from tests.runners.authentication.serving import Double, Reply
from tests.runners.authentication.vocabulary import reach

PROXY = "/api/v1/namespaces/{}/services/ml-pipeline:http/proxy"
PLUGIN = """
import json, pathlib, sys
token = pathlib.Path(sys.argv[1]).read_text()
if not token:
    sys.exit("no login")
status = {"token": token}
kind = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential"}
print(json.dumps({**kind, "status": status}))
"""


class ApiServer(Double):
    """The Kubernetes API as far as a service proxy goes: a token, or a client certificate."""

    namespace = "kubeflow"
    token = "planted-token"

    def answer(self, request) -> Reply:
        known = request.headers.get("authorization") == f"Bearer {self.token}"
        if not known and "planted-ada" not in request.certificate:
            return Reply(401)
        path = f"{PROXY.format(self.namespace)}/apis/v2beta1/healthz"
        return Reply(200 if request.path == path else 404)


@pytest.fixture
def api_server(authority):
    with ApiServer(authority.certificate("api-server"), authority.ca) as double:
        yield double


@pytest.fixture
def kubeconfig(given, monkeypatch, authority, api_server):
    """Write a kubeconfig with a user, and a cluster that may differ from the usual one."""

    def write(user: dict, **cluster: object) -> None:
        trusted = base64.b64encode(authority.ca.read_bytes()).decode()
        usual = {"server": api_server.url, "certificate-authority-data": trusted}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "contexts": [
                {"name": "lab", "context": {"cluster": "lab", "user": "ada"}},
                {"name": "empty", "context": {"cluster": "lab", "user": "nobody"}},
            ],
            "clusters": [{"name": "lab", "cluster": {**usual, **cluster}}],
            "users": [{"name": "ada", "user": user}, {"name": "nobody", "user": {}}],
        }
        (given / "kubeconfig").write_text(json.dumps(document))
        monkeypatch.setenv("KUBECONFIG", str(given / "kubeconfig"))

    return write


@pytest.fixture
def plugin(given):
    """Return a user whose token a plugin gives, from a file that is to be written."""
    (given / "plugin.py").write_text(PLUGIN)
    arguments = [str(given / "plugin.py"), str(given / "token")]
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": sys.executable, "args": arguments}}


def settings(config, **values: object):
    return config("", auth="kubeconfig", **values)


def test_the_service_is_reached_through_the_api_server(config, kubeconfig, api_server):
    kubeconfig({"token": "planted-token"})
    way = authentication.of(settings(config))
    assert way.endpoint.url == api_server.url + PROXY.format("kubeflow")
    assert reach(way) == 200
    assert way.renew() is False
    assert "planted" not in repr(way)


def test_another_namespace_is_a_setting(config, kubeconfig, api_server):
    kubeconfig({"token": "planted-token"})
    api_server.namespace = "team"
    assert reach(authentication.of(settings(config, namespace="team"))) == 200


def test_a_plugin_is_asked_again_for_a_token(config, kubeconfig, plugin, api_server, given):
    (given / "token").write_text("planted-token")
    kubeconfig(plugin)
    way = authentication.of(settings(config))
    assert reach(way) == 200
    api_server.token = "planted-next"
    assert reach(way) == 401
    assert way.renew() is False
    (given / "token").write_text("planted-next")
    assert way.renew() is True
    assert reach(way) == 200


def test_a_token_file_that_rotates_is_loaded_again(config, kubeconfig, api_server, given):
    (given / "token").write_text("planted-token")
    kubeconfig({"tokenFile": "token"})
    way = authentication.of(settings(config))
    assert reach(way) == 200
    api_server.token = "planted-next"
    (given / "token").write_text("planted-next")
    assert (way.renew(), reach(way)) == (True, 200)


def test_a_client_certificate_is_in_private_files(config, kubeconfig, authority):
    """The key is inlined in the kubeconfig, and the HTTP client wants a file."""
    pem = base64.b64encode(authority.certificate("planted-ada").read_bytes()).decode()
    kubeconfig({"client-certificate-data": pem, "client-key-data": pem})
    way = authentication.of(settings(config))
    assert way.headers() == {}
    for path in map(type(authority.ca), way.endpoint.client_certificate):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert reach(way) == 200


def test_login_says_where_the_context_leads(config, kubeconfig, api_server):
    kubeconfig({"token": jwt(sub="system:serviceaccount:team:ada", exp=4102444800)})
    said = authentication.login(settings(config), [].append)
    assert "token of system:serviceaccount:team:ada, until 2100-01-01" in said
    assert api_server.url in said
    assert authentication.logout(settings(config)) is False


def test_a_context_without_credentials_is_said(config, kubeconfig, refused):
    kubeconfig({"token": "planted-token"})
    with refused(LoginError, "neither a token nor a certificate"):
        authentication.of(settings(config, context="empty"))


def test_a_plugin_that_fails_is_said(config, kubeconfig, plugin, given, refused):
    (given / "token").write_text("")
    kubeconfig(plugin)
    with refused(LoginError, "neither a token nor a certificate"):
        authentication.of(settings(config))


def test_an_unknown_context_is_said(config, kubeconfig, refused):
    kubeconfig({"token": "planted-token"})
    with refused(LoginError, "the kubeconfig cannot be used"):
        authentication.of(settings(config, context="other"))


@pytest.mark.parametrize("text", ["", "planted: [", "planted"])
def test_a_kubeconfig_that_is_none_is_said_and_not_shown(text, config, given, monkeypatch, refused):
    (given / "kubeconfig").write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(given / "kubeconfig"))
    with refused(LoginError, "the kubeconfig cannot be"):
        authentication.of(settings(config))


def test_a_missing_kubeconfig_is_said(config, monkeypatch, refused):
    monkeypatch.delenv("KUBECONFIG", raising=False)
    with refused(LoginError, "the kubeconfig cannot be used"):
        authentication.of(settings(config))


@pytest.mark.parametrize(
    ("cluster", "said"),
    [
        ({"server": "http://cluster.example.org"}, "anybody can listen"),
        ({"tls-server-name": "other"}, "another name"),
        (
            {"certificate-authority-data": "", "insecure-skip-tls-verify": True},
            "does not check who",
        ),
    ],
)
def test_a_cluster_that_may_be_anybody_is_refused(cluster, said, config, kubeconfig, refused):
    kubeconfig({"token": "planted-token"}, **cluster)
    with refused(ConfigError, said):
        authentication.of(settings(config))


def test_the_authority_of_the_settings_has_the_last_word(config, kubeconfig, authority):
    kubeconfig(
        {"token": "planted-token"},
        **{"certificate-authority-data": "", "insecure-skip-tls-verify": True},
    )
    assert reach(authentication.of(settings(config, ca_file=str(authority.ca)))) == 200
