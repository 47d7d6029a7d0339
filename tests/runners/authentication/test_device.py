from __future__ import annotations

import pytest

from mlops_nb.exceptions import ConfigError, LoginError
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.runners.kubeflow.authentication import device


class Clock:
    """Time that passes where somebody sleeps, and nowhere else."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture(autouse=True)
def clock(issuer, monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(device, "sleep", clock.sleep)
    monkeypatch.setattr(device, "monotonic", clock)
    issuer.clock = clock
    return clock


def test_the_user_gets_a_code_and_is_waited_for(openid_config, issuer, clock):
    said = []
    config = openid_config("device")
    assert authentication.login(config, said.append) == "ada@example.org"
    assert said == [
        f"open {issuer.url}/activate and enter the code ABCD-EFGH",
        f"or open {issuer.url}/activate?code=ABCD-EFGH",
    ]
    assert clock.now == 1000 + 3 * issuer.interval_s
    assert authentication.of(config).headers()["Authorization"].startswith("Bearer ey")


def test_who_is_told_to_slow_down_does(openid_config, issuer, clock):
    issuer.slow_down_once = True
    authentication.login(openid_config("device"), [].append)
    assert clock.now == 1000 + 5 + 3 * 10


def test_an_issuer_that_stumbles_is_asked_again(openid_config, issuer, clock):
    issuer.stumbles = 2
    assert authentication.login(openid_config("device"), [].append) == "ada@example.org"
    assert clock.now > 1000 + 2 * issuer.interval_s


@pytest.mark.parametrize(
    ("error", "said"),
    [
        ("access_denied", "refused in the browser"),
        ("expired_token", "nobody has entered the code in time"),
        ("unauthorized_client", "refuses the login: unauthorized_client"),
    ],
)
def test_a_refusal_ends_the_wait(error, said, openid_config, issuer, refused):
    issuer.refuses = error
    with refused(LoginError, said):
        authentication.login(openid_config("device"), [].append)


def test_nobody_is_waited_for_longer_than_the_code_lasts(openid_config, issuer, clock, refused):
    issuer.polls_until_approval = 1000
    with refused(LoginError, "nobody has entered the code in time"):
        authentication.login(openid_config("device"), [].append)
    assert 60 <= clock.now - 1000 <= 65


def test_an_issuer_without_devices_is_said(openid_config, issuer, refused):
    issuer.discovery = {"device_authorization_endpoint": ""}
    with refused(ConfigError, "has no device authorization"):
        authentication.login(openid_config("device"), [].append)


def test_a_code_does_not_print_its_secret():
    code = device.Code("planted", "ABCD", "https://issuer/activate", 60)
    assert "planted" not in repr(code)
