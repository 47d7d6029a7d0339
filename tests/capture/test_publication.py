from __future__ import annotations

import subprocess

import pytest

from mlops_nb.capture import dvc, publication, snapshot
from mlops_nb.capture.repository import REF_PREFIX, Repository
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import CodeError, DataError
from mlops_nb.settings import Config
from tests.capture.test_snapshot import NOTEBOOK


@pytest.fixture
def origin(project, tmp_path):
    folder = tmp_path / "origin.git"
    subprocess.run(["git", "init", "-q", "--bare", str(folder)], check=True)
    project.git("remote", "add", "origin", str(folder))
    return folder


@pytest.fixture
def changed(project):
    """Uncommitted code and data, and a hook that would stop any push."""
    project.write("helper.py", "ANSWER = 42\n")
    path = project.root / "data/train.csv"
    path.unlink()
    path.write_text("a,b,label\n1,2,0\n")
    hook = project.root / ".git/hooks/pre-push"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    return project


def pushed(project, name="one"):
    config = Config.load(project.root)
    pins = snapshot.take(config, Wanted(notebook=NOTEBOOK), name=name).snapshot
    publication.push(config, pins, name=name)
    return pins


def test_another_clone_gets_code_and_data_that_were_in_no_commit(
    changed, origin, state_of, tmp_path
):
    changed.git("push", "-q", "origin", "HEAD", "--no-verify")
    before = state_of(changed.root)
    pins = pushed(changed)
    assert state_of(changed.root) == before

    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "-q", str(origin), str(clone)], check=True)
    repository = Repository(clone)
    repository.keep(pins.code.sha, "kept")
    assert repository.resolve(REF_PREFIX + "kept") == pins.code.sha
    train = pins.dataset("train")
    assert train.changed
    remote = tmp_path / "remote" / "files" / "md5"
    assert dvc.md5_of(dvc.object_path(remote, train.hash)) == train.hash


def test_the_hints_name_what_is_missing_and_cure_it(changed, tmp_path):
    subprocess.run(["dvc", "remote", "remove", "storage"], cwd=changed.root, check=True)
    origin, remote = tmp_path / "o.git", tmp_path / "r"
    subprocess.run(["git", "init", "-q", "--bare", str(origin)], check=True)
    for error, url in ((DataError, remote), (CodeError, origin)):
        with pytest.raises(error) as refused:
            pushed(changed)
        assert changed.git("for-each-ref", "refs/mlops") == ""
        command = refused.value.hint.partition(": ")[2].replace("URL", str(url))
        subprocess.run(command, shell=True, cwd=changed.root, check=True)  # noqa: S602
    assert pushed(changed).code.dirty
    listed = subprocess.run(
        ["git", "ls-remote", str(origin)], capture_output=True, text=True, check=True
    )
    assert listed.stdout.split()[1] == f"{REF_PREFIX}one"


def test_an_origin_that_cannot_be_reached_is_refused(changed, tmp_path):
    changed.git("remote", "add", "origin", str(tmp_path / "nowhere"))
    with pytest.raises(CodeError, match="does not take the snapshot"):
        pushed(changed)
    assert changed.git("for-each-ref", "refs/mlops") == ""


def test_what_was_pushed_just_now_is_not_pushed_again(project, origin, monkeypatch):
    asked, run_dvc = [], dvc.run_dvc

    def counted(root, *arguments):
        asked.append(arguments[0])
        return run_dvc(root, *arguments)

    monkeypatch.setattr(dvc, "run_dvc", counted)
    project.git("push", "-q", "origin", "HEAD")
    pushed(project)
    pins = pushed(project, "two")
    # Both datasets at once, and nothing for the second run.
    assert asked == ["push"]
    assert project.git("ls-remote", str(origin), f"{REF_PREFIX}two").split()[0] == pins.code.sha
    (project.root / "data/train.csv").unlink()
    project.write("data/train.csv", "a,b,label\n3,2,0\n")
    pushed(project, "three")
    assert asked == ["push", "push"]
    # Another remote has none of it.
    settings = project.root / ".dvc" / "config"
    settings.write_text(settings.read_text().replace("/remote", "/elsewhere"))
    assert pushed(project, "four").dataset("train").hash
    assert asked == ["push"] * 3
    assert (project.root.parent / "elsewhere" / "files").is_dir()
    monkeypatch.setattr(publication, "_PUSHED_S", 0.0)
    pushed(project, "five")
    assert asked == ["push"] * 4
