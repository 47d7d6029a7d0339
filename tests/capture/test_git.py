from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest

from mlops_nb.capture import git
from mlops_nb.capture.git import Repository
from mlops_nb.exceptions import CodeError


def make_clean(project):
    pass


def make_modified(project):
    project.write("helper.py", "ANSWER = 42\n")


def make_staged(project):
    project.write("helper.py", "ANSWER = 42\n")
    project.git("add", "helper.py")


def make_staged_and_modified_again(project):
    project.write("helper.py", "ANSWER = 42\n")
    project.git("add", "helper.py")
    project.write("helper.py", "ANSWER = 43\n")


def make_edited_in_the_instant_of_the_last_add(project):
    project.git("config", "core.trustctime", "false")
    instant = time.time_ns() - 60 * 10**9
    helper = project.write("helper.py", "ANSWER = 42\n")
    os.utime(helper, ns=(instant, instant))
    project.git("add", "helper.py")
    helper.write_text("ANSWER = 43\n")
    for path in (helper, project.root / ".git" / "index"):
        os.utime(path, ns=(instant, instant))


def make_untracked(project):
    project.write("package/new.py", "NEW = True\n")


def make_deleted(project):
    (project.root / "helper.py").unlink()


def make_renamed(project):
    project.git("mv", "helper.py", "renamed.py")


def make_detached(project):
    project.git("checkout", "-q", "--detach")
    make_modified(project)


def make_executable(project):
    (project.root / "helper.py").chmod(0o755)


def make_symlink(project):
    (project.root / "link.py").symlink_to("helper.py")


def make_odd_names(project):
    for name in ("with space.py", "-dash.py", ":(top)x.py", "new\nline.py", "ünï.py"):
        project.write(name, "x = 1\n")
    Path(os.fsdecode(os.fsencode(str(project.root)) + b"/latin-\xe9.py")).write_text("x = 2\n")


def make_assume_unchanged(project):
    project.git("update-index", "--assume-unchanged", "helper.py")
    make_modified(project)


def make_skip_worktree(project):
    project.git("update-index", "--skip-worktree", "helper.py")
    make_modified(project)


def make_intent_to_add(project):
    project.write("later.py", "x = 1\n")
    project.git("add", "--intent-to-add", "later.py")


def make_index_locked(project):
    (project.root / ".git" / "index.lock").touch()
    make_modified(project)


def make_merge_conflict(project):
    project.git("checkout", "-qb", "other")
    make_modified(project)
    project.git("commit", "-qam", "other")
    project.git("checkout", "-q", "main")
    project.write("helper.py", "ANSWER = 0\n")
    project.git("commit", "-qam", "main")
    subprocess.run(["git", "merge", "other"], cwd=project.root, capture_output=True, check=False)


def make_hooks_that_fail(project):
    for name in ("pre-commit", "reference-transaction", "post-commit", "post-index-change"):
        hook = project.root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\ntouch HOOK_RAN\nexit 1\n")
        hook.chmod(0o755)
    make_modified(project)


def make_signing_and_safecrlf(project):
    project.git("config", "commit.gpgSign", "true")
    project.git("config", "core.safecrlf", "true")
    project.git("config", "core.autocrlf", "input")
    project.write("crlf.txt", "a\nb\n")


STATES = [value for name, value in sorted(globals().items()) if name.startswith("make_")]


def tree_of(root: Path) -> dict[bytes, tuple[int, bytes]]:
    """Return mode and content of all files that a commit can hold, ignored ones left out."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root, capture_output=True, check=True,
    ).stdout.split(b"\0")  # fmt: skip
    paths = {name: root / os.fsdecode(name) for name in listed if name}
    return {name: content_of(path) for name, path in paths.items() if os.path.lexists(path)}


def content_of(path: Path) -> tuple[int, bytes]:
    if path.is_symlink():
        return -1, os.fsencode(path.readlink())
    return path.stat().st_mode & 0o111, path.read_bytes()


@pytest.mark.parametrize("make", STATES, ids=lambda make: make.__name__.removeprefix("make_"))
def test_snapshot_is_the_tree_in_front_of_the_user_and_touches_nothing(
    project, tmp_path, state_of, make
):
    make(project)
    before, tree = state_of(project.root), tree_of(project.root)

    code = Repository.find(project.root).snapshot("one", project.root, {})

    assert state_of(project.root) == before
    git.fetch(str(project.root), code.sha, tmp_path / "bare")
    git.checkout(tmp_path / "bare", tmp_path / "elsewhere")
    assert tree_of(tmp_path / "elsewhere") == tree
    assert not (project.root / "HOOK_RAN").exists()
    assert code.dirty is (make is not make_clean)


def test_clean_tree_is_recorded_as_its_own_commit(project):
    code = Repository.find(project.root).snapshot("one", project.root, {})
    assert code.sha == project.git("rev-parse", "HEAD")
    assert (code.dirty, code.branch) == (False, "main")


def test_same_dirty_tree_is_the_same_commit(project):
    make_modified(project)
    repository = Repository.find(project.root)
    first, second = (repository.snapshot(name, project.root, {}) for name in ("one", "two"))
    assert first.sha == second.sha
    assert first.ref != second.ref


def test_unborn_branch_is_recorded_without_parent(project, tmp_path):
    fresh = tmp_path / "fresh"
    subprocess.run(["git", "init", "-q", str(fresh)], check=True)
    (fresh / "a.py").write_text("x = 1\n")
    code = Repository.find(fresh).snapshot("one", fresh, {})
    assert code.dirty
    parents = subprocess.run(
        ["git", "log", "--format=%P", code.sha], cwd=fresh, capture_output=True, check=True
    )
    assert parents.stdout.strip() == b""


def test_linked_worktree_is_its_own_tree(project, tmp_path):
    linked = tmp_path / "linked"
    project.git("worktree", "add", "-q", "-b", "side", str(linked))
    (linked / "helper.py").write_text("ANSWER = 7\n")
    code = Repository.find(linked).snapshot("one", linked, {})
    assert code.branch == "side"
    assert project.git("show", f"{code.sha}:helper.py") == "ANSWER = 7"


def test_missing_identity_does_not_matter(project, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    make_modified(project)
    code = Repository.find(project.root).snapshot("one", project.root, {})
    assert "mlops_nb@localhost" in project.git("show", "--format=%ae", "-s", code.sha)


def test_surrounding_git_variables_do_not_lead_elsewhere(project, tmp_path, monkeypatch):
    other = tmp_path / "other"
    subprocess.run(["git", "init", "-q", str(other)], check=True)
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    assert Repository.find(project.root).root == project.root


def test_ref_is_never_moved(project):
    repository = Repository.find(project.root)
    repository.snapshot("one", project.root, {})
    make_modified(project)
    with pytest.raises(CodeError):
        repository.snapshot("one", project.root, {})


def test_folder_without_repository_is_refused_with_the_cure(tmp_path):
    with pytest.raises(CodeError) as refused:
        Repository.find(tmp_path)
    assert refused.value.hint == f"make it one: git init {tmp_path}"


def test_empty_repository_is_refused(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(CodeError, match="empty repository"):
        Repository.find(tmp_path).snapshot("one", tmp_path, {})


def test_remote_url_is_recorded_without_credentials(project):
    project.git("remote", "add", "origin", "https://user:s3cret@host.example/a.git?token=t0ken")
    code = Repository.find(project.root).preview(project.root)
    assert code.remote == "https://host.example/a.git"


def test_fetch_over_a_url_gives_a_commit_that_no_branch_has(project, tmp_path):
    make_modified(project)
    code = Repository.find(project.root).snapshot("one", project.root, {})
    git.fetch(project.root.as_uri(), code.sha, tmp_path / "bare")
    git.checkout(tmp_path / "bare", tmp_path / "tree")
    assert (tmp_path / "tree" / "helper.py").read_text() == "ANSWER = 42\n"


def test_fetch_of_a_deleted_snapshot_says_so(project, tmp_path):
    with pytest.raises(CodeError, match="has no commit"):
        git.fetch(str(project.root), "1" * 40, tmp_path / "bare")
