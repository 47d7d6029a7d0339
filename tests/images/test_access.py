from __future__ import annotations

import pytest

from mlops_nb.images import access


@pytest.fixture(autouse=True)
def _bare(monkeypatch):
    """An environment that says nothing of indexes, proxies and certificates."""
    for name in ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")


@pytest.fixture
def settings(tmp_path):
    def read() -> list[str]:
        return access.secrets(tmp_path)["settings"].read_text().splitlines()

    return read


def test_only_this_user_can_read_the_secrets(tmp_path):
    assert access.secrets(tmp_path)["settings"].stat().st_mode & 0o777 == 0o600


def test_uv_gets_the_index_that_pip_is_told(monkeypatch, settings):
    monkeypatch.setenv("PIP_INDEX_URL", "https://user:p'w@index/simple")
    assert "UV_DEFAULT_INDEX='https://user:p'\"'\"'w@index/simple'" in settings()


def test_the_index_of_pips_own_file_is_known(monkeypatch, tmp_path, settings):
    (tmp_path / "pip.conf").write_text("[global]\nindex-url = https://index/simple\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", str(tmp_path / "pip.conf"))
    assert "UV_DEFAULT_INDEX=https://index/simple" in settings()


def test_uvs_own_index_has_the_last_word(monkeypatch, settings):
    monkeypatch.setenv("PIP_INDEX_URL", "https://one/simple")
    monkeypatch.setenv("UV_INDEX_URL", "https://two/simple")
    assert [line for line in settings() if line.startswith("UV_")] == [
        "UV_INDEX_URL=https://two/simple"
    ]


def test_a_folder_of_this_machine_is_left_out(monkeypatch, settings):
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", "file:///here https://index/simple")
    assert "PIP_EXTRA_INDEX_URL=https://index/simple" in settings()


def test_proxies_go_along_and_other_secrets_do_not(monkeypatch, settings):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy:3128")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    assert "HTTPS_PROXY=http://proxy:3128" in settings()
    assert "planted" not in "".join(settings())


def test_certificates_are_mounted_and_named(monkeypatch, tmp_path):
    (tmp_path / "own.pem").write_text("certificate")
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "own.pem"))
    secrets = access.secrets(tmp_path)
    assert secrets["certificates"] == tmp_path / "own.pem"
    assert "SSL_CERT_FILE=/run/secrets/certificates" in secrets["settings"].read_text()


def test_what_an_engine_prints_loses_its_credentials():
    assert access.inert("at https://user:word@host/simple: 404") == "at https://host/simple: 404"
