"""The cluster's API from inside a pod, and what its double refuses."""

from __future__ import annotations

import ipaddress
import json
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mlops_nb.deployment.kserve import manifest
from mlops_nb.deployment.kserve.cluster import SERVICES, Cluster
from mlops_nb.exceptions import DeploymentError, LoginError
from mlops_nb.settings import Config
from tests.deployment.kserve.conftest import Team, image


@pytest.fixture
def certificate(tmp_path):
    """A certificate of this machine's address that its own key has signed."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "cluster")])
    now, here = datetime.now(timezone.utc), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([here]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        # Python 3.13 takes no authority without it.
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (tmp_path / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (tmp_path / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(tmp_path / "cert.pem"), str(tmp_path / "key.pem")


@pytest.fixture
def account(serve, certificate, tmp_path, monkeypatch):
    """The folder that a pod has of its service account, with all that it takes to get in."""
    cluster = serve(certificate=certificate)
    folder = tmp_path / "serviceaccount"
    folder.mkdir()
    (folder / "token").write_text("t")
    (folder / "namespace").write_text("team")
    (folder / "ca.crt").write_bytes((tmp_path / "cert.pem").read_bytes())
    host, _, port = cluster.url.removeprefix("https://").partition(":")
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
    return folder


def test_a_pod_gets_in_by_its_service_account(account):
    inside = Cluster("", "", account)
    assert (inside.inside, inside.namespace) == (True, "team")
    assert inside.get(SERVICES, "scores") is None


def test_a_pod_whose_token_is_not_known_is_told(account):
    (account / "token").write_text("another")
    with pytest.raises(LoginError, match="does not know who asks"):
        Cluster("", "", account).get(SERVICES, "scores")


def test_a_pod_without_an_account_is_told(account):
    (account / "token").unlink()
    with pytest.raises(DeploymentError, match="no usable service account"):
        Cluster("", "", account)


@pytest.fixture
def made(tmp_path):
    """An object as the target sends it."""
    return manifest.service(
        Team(None).descriptor(environment={"GREETING": "hello"}),
        Config(root=tmp_path),
        name="scores",
        namespace="team",
        number=1,
        image=image("good"),
    )


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (
            ("spec", "predictor", "canaryPercent"),
            10,
            'unknown field "spec.predictor.canaryPercent"',
        ),
        (("spec", "predictor", "canaryTrafficPercent"), "10", "expected int"),
        (("spec", "predictor", "canaryTrafficPercent"), 101, "0 to 100"),
        (("spec", "predictor", "containers", 0, "port"), 1, 'unknown field "spec.predictor.cont'),
        (("spec", "predictor", "containers", 0, "args"), "--revision", "expected list"),
        (("spec", "predictor", "containers", 0, "ports", 0), {}, "containerPort: Required value"),
        (("spec", "predictor", "containers", 0, "env", 0), {"value": "x"}, "name: Required value"),
        (("spec", "predictor", "logger"), {"mode": "some", "url": "http://c"}, "logger type"),
        (("spec", "predictor", "minReplicas"), 2, "minReplicas is above maxReplicas"),
        (("metadata", "labels"), {"team": 1}, 'invalid value for "metadata.labels[team]"'),
        (("metadata", "label"), {}, 'unknown field "metadata.label"'),
        (("kind",), "InferenceServices", "is not a InferenceService"),
    ],
)
def test_the_double_refuses_what_a_server_refuses(team, made, path, value, said):
    team.target.cluster.apply(SERVICES, made)
    wrong = json.loads(json.dumps(made))
    place = wrong
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(DeploymentError) as caught:
        team.target.cluster.apply(SERVICES, wrong)
    assert said in str(caught.value)
