"""A run in an environment that was built from its lock."""

from __future__ import annotations

import sys

import msgspec
import pytest

from mlops_nb import api, environments
from mlops_nb.capture import environment
from mlops_nb.exceptions import LockError


def test_a_run_works_in_an_environment_of_its_lock_built_once(project, folder_of):
    project.notebook("import sys\nprint('prefix', sys.prefix)", parameters="rate = 0.5")
    run = api.train("train.ipynb", rebuild_env=True, wait=True)
    assert run.state.value == "SUCCEEDED", run.error
    (place,) = (project.root / ".mlops" / "environments").glob("*/mlops-ready")
    assert f"prefix {place.parent}" in (folder_of(run.id).notebook).read_text()
    assert str(place.parent) != sys.prefix

    built = place.stat().st_mtime_ns
    verdict = api.reproduce(run.id, rebuild_env=True)
    assert verdict.passed, verdict.reason
    assert place.stat().st_mtime_ns == built
    again = api.show(verdict.reproduction_id)
    assert f"prefix {place.parent}" in (folder_of(again.id).notebook).read_text()


def locked(*lines: str):
    return msgspec.structs.replace(environment.read(), lock=lines, hash="0" * 64)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("mine @ file:///elsewhere/lib",), "mine was installed from a folder"),
        (("six==0.0.0.1",), "uv cannot rebuild the environment"),
        # What cannot run this package is no environment for a run.
        (("six==1.17.0",), "the rebuilt environment does not start"),
    ],
)
def test_a_lock_that_cannot_be_built_is_refused(tmp_path, lines, message):
    with pytest.raises(LockError, match=message) as refused:
        environments.ready(locked(*lines), tmp_path)
    assert refused.value.hint
    assert not list(tmp_path.glob("*/mlops-ready"))


def test_an_environment_that_is_not_the_lock_is_refused(tmp_path):
    here = environment.read()
    needed = [line for line in here.lock if line.startswith("msgspec==")]
    other = msgspec.structs.replace(here, lock=tuple(needed), python="3.9.0")
    with pytest.raises(LockError, match=r"unlike the lock|uv cannot rebuild"):
        environments.ready(other, tmp_path)


def test_a_run_whose_lock_cannot_be_built_fails_and_says_why(project, monkeypatch, tmp_path):
    folder = tmp_path / "lib" / "mine-1.0.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n")
    (folder / "direct_url.json").write_text('{"url": "file:///elsewhere", "dir_info": {}}')
    monkeypatch.syspath_prepend(str(tmp_path / "lib"))
    run = api.train("train.ipynb", rebuild_env=True, wait=True)
    assert run.state.value == "FAILED"
    assert run.error.type == "LockError"
    assert "mine was installed from a folder (file:///elsewhere)" in run.error.message
