from __future__ import annotations

import json
from pathlib import Path

import pytest

from mlops_nb.capture import environment
from mlops_nb.exceptions import UsageError

SHA = "a" * 40


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Put the record of an installed package on the path."""

    def install(name: str, version: str, direct_url: dict | None = None) -> None:
        folder = tmp_path / f"{name}-{version}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
        )
        if direct_url is not None:
            (folder / "direct_url.json").write_text(json.dumps(direct_url))

    monkeypatch.syspath_prepend(str(tmp_path))
    return install


def test_packages_of_an_index_have_name_and_version(installed):
    installed("Some_Package.Name", "1.2")
    assert "some-package-name==1.2" in environment.read().lock


def test_packages_of_a_repository_have_its_commit_and_no_credentials(installed):
    installed(
        "from_git", "1.0",
        {"url": "https://user:t0ken@host/r.git?token=t0ken",
         "vcs_info": {"vcs": "git", "commit_id": SHA}},
    )  # fmt: skip
    lock = environment.read().lock
    assert f"from-git @ git+https://host/r.git@{SHA}" in lock
    assert "t0ken" not in "".join(lock)


def test_one_version_makes_another_hash(installed):
    before = environment.read()
    installed("another", "1.0")
    after = environment.read()
    assert before.hash != after.hash
    assert after.python == before.python


def test_a_package_of_a_folder_elsewhere_is_told(installed, tmp_path):
    inside = {"url": (tmp_path / "project" / "lib").as_uri(), "dir_info": {"editable": True}}
    outside = {"url": "file:///elsewhere/lib%20two", "dir_info": {"editable": True}}
    installed("mine", "1.0", inside)
    installed("theirs", "1.0", outside)
    lock = environment.read(tmp_path / "project")
    found = dict(environment.from_folders(lock.lock))
    assert found["theirs"] == "/elsewhere/lib two"
    assert "mine" not in found
    assert lock.local == ("mine",)
    assert "mlops-nb" not in found


def test_variables_are_recorded_by_name_and_value(monkeypatch):
    monkeypatch.setenv("REGION", "north")
    assert environment.variables(("REGION",)) == {"REGION": "north"}


@pytest.mark.parametrize(
    ("name", "value"), [("DB_PASSWORD", "x"), ("ANYTHING", "ghp_" + "a1B2" * 9)]
)
def test_a_secret_is_no_variable(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(UsageError) as refused:
        environment.variables((name,))
    assert "environment.secrets" in refused.value.hint
    assert value not in refused.value.message or value == "x"


def test_folders_of_the_repository_are_import_paths(tmp_path, monkeypatch):
    for name in ("src", "lib"):
        (tmp_path / name).mkdir()
        monkeypatch.syspath_prepend(str(tmp_path / name))
    assert set(environment.import_paths(Path(tmp_path))) == {"src", "lib"}
