"""Settings, doubles, and a watch over every test: secrets are in the session's file alone."""

from __future__ import annotations

import logging
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from mlops_nb.runners.kubeflow.authentication import sessions
from mlops_nb.settings import Config
from tests.runners.authentication.certificates import Authority
from tests.runners.authentication.gateway import Gateway
from tests.runners.authentication.issuer import CLIENT, Issuer

if TYPE_CHECKING:
    from pathlib import Path

MARK = "planted"


@pytest.fixture(autouse=True)
def nothing_planted_leaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capsys
):
    """Look for secrets in logs, output and files when the test is over."""
    state = tmp_path / "state"
    monkeypatch.setenv(sessions.STATE, str(state))
    monkeypatch.setenv("HOME", str(tmp_path))
    caplog.set_level(logging.DEBUG)
    yield
    said = [record.getMessage() for record in caplog.get_records("call")]
    assert [line for line in said if MARK in line] == []
    assert MARK not in "".join(capsys.readouterr())
    files = [p for p in tmp_path.rglob("*") if p.is_file() and state / "sessions" not in p.parents]
    given = tmp_path / "given"
    assert [p for p in files if given not in p.parents and MARK in p.read_text("latin-1")] == []


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """The folder of what the user brings along, secrets included."""
    folder = tmp_path / "given"
    folder.mkdir()
    return folder


@pytest.fixture
def config(tmp_path: Path):
    """Return settings of a project."""

    def make(url: str = "https://kubeflow.example.org/pipeline", **values: object) -> Config:
        named = {f"kubeflow_{name}": value for name, value in values.items()}
        return Config(root=tmp_path, kubeflow_url=url, **named)

    return make


@pytest.fixture
def refused():
    """Expect an error that says nothing secret, and return it."""

    @contextmanager
    def expect(kind: type[Exception], match: str):
        with pytest.raises(kind, match=match) as caught:
            yield caught
        # The chain as it is shown, without the lines of this test.
        shown = traceback.TracebackException.from_exception(caught.value, limit=0).format()
        assert MARK not in "".join(shown) + repr(caught.value) + repr(vars(caught.value))

    return expect


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def issuer():
    with Issuer() as double:
        yield double
    assert double.violations == []


@pytest.fixture
def gateway():
    with Gateway() as double:
        yield double
    assert double.violations == []


@pytest.fixture
def openid_config(config, issuer):
    """Return settings for the issuer's client."""

    def make(way: str = "browser", **values: object) -> Config:
        return config(
            **{"auth": way, "issuer": issuer.url, "client_id": CLIENT, **values},
        )

    return make
