"""`login` and `logout` as a person or a program calls them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from mlops_nb import api
from tests.runners.authentication.issuer import CLIENT

VISIT = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()"


@pytest.fixture
def project(tmp_path, issuer, monkeypatch):
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "mlops.toml").write_text(
        '[kubeflow]\nurl = "https://kubeflow.example.org/pipeline"\nauth = "browser"\n'
        f'issuer = "{issuer.url}"\nclient_id = "{CLIENT}"\n'
    )
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def visiting(given, monkeypatch):
    """A browser of the machine's own that follows every redirect."""
    script = given / "visit"
    script.write_text(f"#!{sys.executable}\n{VISIT}\n")
    script.chmod(0o700)
    monkeypatch.setenv("BROWSER", f"{script} %s")


def mlops(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlops_nb", *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env=dict(os.environ)
    )


def test_a_person_logs_in_and_out(project, visiting):
    run = mlops("login")
    assert run.returncode == 0
    assert run.stdout.splitlines()[-1] == "logged in: ada@example.org"
    assert "if none opens, open http" in run.stdout
    assert api.logout(project=project) is True
    assert mlops("logout").stdout == "no session of ours is kept\n"


def test_a_program_gets_one_object_and_what_is_to_be_done_beside_it(project, visiting):
    run = mlops("login", "--json")
    assert json.loads(run.stdout) == {"login": "ada@example.org"}
    assert "if none opens, open http" in run.stderr


def test_the_address_has_neither_code_nor_token(project, visiting):
    run = mlops("login")
    assert "planted" not in run.stdout + run.stderr
    assert "code=" not in run.stdout


def test_what_is_missing_is_said_with_what_to_do(project, monkeypatch, json_of):
    monkeypatch.setenv("MLOPS_NB_KUBEFLOW_AUTH", "token")
    code, said = json_of("login")
    assert code == 1
    assert said["error"]["type"] == "LoginError"
    assert "MLOPS_NB_KUBEFLOW_TOKEN" in said["error"]["hint"]
