from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest

from mlops_nb.capture import git
from mlops_nb.capture.repository import Repository
from mlops_nb.capture.worktree import Rules
from mlops_nb.exceptions import CodeError, ProjectError


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


def make_rebase_stopped(project):
    make_merge_conflict(project)
    project.git("merge", "--abort")
    subprocess.run(["git", "rebase", "other"], cwd=project.root, capture_output=True, check=False)
    assert (project.root / ".git" / "rebase-merge").is_dir()


def make_refs_locked(project):
    (project.root / ".git" / "packed-refs.lock").touch()
    make_modified(project)


def make_links_that_lead_nowhere(project):
    (project.root / "dangling.py").symlink_to("gone.py")
    (project.root / "loop.py").symlink_to("pool.py")
    (project.root / "pool.py").symlink_to("loop.py")


def make_hooks_that_fail(project):
    for name in ("pre-commit", "reference-transaction", "post-commit", "post-index-change"):
        hook = project.root / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text("#!/bin/sh\ntouch HOOK_RAN\nexit 1\n")
        hook.chmod(0o755)
    make_modified(project)


def make_line_ends_that_git_would_convert(project):
    project.git("config", "core.autocrlf", "input")
    project.write(".gitattributes", "*.txt text=auto\n*.bat text eol=crlf\n")
    (project.root / "dos.txt").write_bytes(b"a\r\nb\r\n")
    (project.root / "run.bat").write_bytes(b"a\r\nb\r\n")


def make_filter_that_fails(project):
    project.git("config", "filter.lfs.clean", "touch HOOK_RAN; exit 1")
    project.git("config", "filter.lfs.smudge", "touch HOOK_RAN; exit 1")
    project.git("config", "filter.lfs.required", "true")
    project.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    (project.root / "model.bin").write_bytes(bytes(range(256)))


def make_large_file_storage_checked_out(project):
    """HEAD has a pointer, the disk has the content, and git takes the two for the same."""
    project.write(".gitattributes", "*.bin filter=lfs -text\n")
    pointer = "printf 'version https://git-lfs.github.com/spec/v1\\n'; cat >/dev/null"
    project.git("config", "filter.lfs.clean", pointer)
    (project.root / "model.bin").write_bytes(b"content")
    project.git("add", "-A")
    project.git("commit", "-qm", "pointer")
    assert project.git("show", "HEAD:model.bin").startswith("version")


def sparse_checkout(project):
    project.write("wide/a.py", "a = 1\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "wide")
    project.git("sparse-checkout", "set", "--no-cone", "/*", "!/wide/")
    assert not (project.root / "wide").exists()
    make_modified(project)


def make_file_where_a_folder_was(project):
    project.write("package/module.py", "x = 1\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "package")
    (project.root / "package" / "module.py").unlink()
    (project.root / "package").rmdir()
    project.write("package", "now a file\n")


def make_folder_where_a_file_was(project):
    (project.root / "helper.py").unlink()
    project.write("helper.py/module.py", "x = 1\n")


def make_touched(project):
    os.utime(project.root / "helper.py")
    project.write("other.py", "x = 1\n")


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
    return {n: content_of(p) for n, p in paths.items() if p.is_symlink() or p.is_file()}


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

    code, _ = Repository.find(project.root).snapshot("one", project.root, {})

    assert state_of(project.root) == before
    git.fetch(str(project.root), code.sha, tmp_path / "bare")
    git.checkout(tmp_path / "bare", tmp_path / "elsewhere")
    assert tree_of(tmp_path / "elsewhere") == tree
    assert not (project.root / "HOOK_RAN").exists()
    assert code.dirty is (make is not make_clean)


def test_clean_tree_is_recorded_as_its_own_commit(project):
    code, _ = Repository.find(project.root).snapshot("one", project.root, {})
    assert code.sha == project.git("rev-parse", "HEAD")
    assert (code.dirty, code.branch) == (False, "main")


def test_same_dirty_tree_is_the_same_commit(project):
    make_modified(project)
    repository = Repository.find(project.root)
    first, second = (repository.snapshot(name, project.root, {})[0] for name in ("one", "two"))
    assert first.sha == second.sha
    assert first.ref != second.ref


def test_unborn_branch_is_recorded_without_parent(project, tmp_path):
    fresh = tmp_path / "fresh"
    subprocess.run(["git", "init", "-q", str(fresh)], check=True)
    (fresh / "a.py").write_text("x = 1\n")
    code, _ = Repository.find(fresh).snapshot("one", fresh, {})
    assert code.dirty
    parents = subprocess.run(
        ["git", "log", "--format=%P", code.sha], cwd=fresh, capture_output=True, check=True
    )
    assert parents.stdout.strip() == b""


def test_linked_worktree_is_its_own_tree(project, tmp_path):
    linked = tmp_path / "linked"
    project.git("worktree", "add", "-q", "-b", "side", str(linked))
    (linked / "helper.py").write_text("ANSWER = 7\n")
    code, _ = Repository.find(linked).snapshot("one", linked, {})
    assert code.branch == "side"
    assert project.git("show", f"{code.sha}:helper.py") == "ANSWER = 7"


def test_missing_identity_does_not_matter(project, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    make_modified(project)
    code, _ = Repository.find(project.root).snapshot("one", project.root, {})
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


def test_bare_repository_is_refused_with_the_cure(project, tmp_path):
    project.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    with pytest.raises(CodeError, match="is a bare repository") as refused:
        Repository.find(tmp_path / "bare.git")
    assert refused.value.hint.startswith("work in a clone of it: git clone ")


def test_empty_repository_is_refused(tmp_path):
    subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
    with pytest.raises(CodeError, match="empty repository"):
        Repository.find(tmp_path).snapshot("one", tmp_path, {})


def test_remote_url_is_recorded_without_credentials(project):
    project.git("remote", "add", "origin", "https://user:s3cret@host.example/a.git?token=t0ken")
    code, _ = Repository.find(project.root).preview(project.root)
    assert code.remote == "https://host.example/a.git"


def test_fetch_over_a_url_gives_a_commit_that_no_branch_has(project, tmp_path):
    make_modified(project)
    code, _ = Repository.find(project.root).snapshot("one", project.root, {})
    git.fetch(project.root.as_uri(), code.sha, tmp_path / "bare")
    git.checkout(tmp_path / "bare", tmp_path / "tree")
    assert (tmp_path / "tree" / "helper.py").read_text() == "ANSWER = 42\n"


def test_fetch_of_a_deleted_snapshot_says_so(project, tmp_path):
    with pytest.raises(CodeError, match="has no commit"):
        git.fetch(str(project.root), "1" * 40, tmp_path / "bare")


def test_a_tree_that_was_only_touched_is_clean(project):
    os.utime(project.root / "helper.py")
    repository = Repository.find(project.root)
    assert not repository.preview(project.root)[0].dirty
    assert not repository.snapshot("one", project.root, {})[0].dirty


def test_paths_outside_of_a_sparse_checkout_are_as_they_were(project):
    sparse_checkout(project)
    code, _ = Repository.find(project.root).snapshot("one", project.root, {})
    assert project.git("show", f"{code.sha}:wide/a.py") == "a = 1"


def snapshot_of(project, **rules):
    return Repository.find(project.root).snapshot("one", project.root, {}, Rules(**rules))


def refusal_of(project, **rules):
    with pytest.raises(CodeError) as refused:
        snapshot_of(project, **rules)
    assert project.git("for-each-ref", "refs/mlops") == ""
    return refused.value


def test_a_link_out_of_the_repository_is_refused_and_the_hint_cures_it(project, tmp_path):
    (tmp_path / "outside.txt").write_text("x")
    (project.root / "link.txt").symlink_to("../outside.txt")
    refused = refusal_of(project)
    assert "leads out of the repository" in refused.message
    run_hint(project, refused)
    snapshot_of(project)


def test_an_absolute_link_is_refused_and_the_hint_cures_it(project):
    (project.root / "link.py").symlink_to(project.root / "helper.py")
    refused = refusal_of(project)
    assert "is absolute" in refused.message
    run_hint(project, refused)
    snapshot_of(project)


def test_a_large_new_file_is_refused_and_the_hint_cures_it(project):
    project.write("big.csv", "0" * 1_100_000)
    refused = refusal_of(project, file_limit_mb=1)
    assert "big.csv has 1.1 MB" in refused.message
    run_hint(project, refused)
    assert not snapshot_of(project, file_limit_mb=1)[1]


def test_a_file_of_any_size_is_refused_without_being_read(project):
    with (project.root / "huge.bin").open("wb") as file:
        file.truncate(1 << 40)
    begun = time.monotonic()
    assert "huge.bin has 1099511.6 MB" in refusal_of(project).message
    assert time.monotonic() - begun < 2


@pytest.mark.parametrize("files", [500, pytest.param(20_000, marks=pytest.mark.faults)])
def test_any_number_of_new_files_goes_in(project, files):
    for number in range(files):
        project.write(f"many/{number % 97}/{number}.py", f"x = {number}\n")
    code, findings = snapshot_of(project)
    listed = project.git("ls-tree", "-r", "--name-only", code.sha, "many/").splitlines()
    assert (len(listed), findings) == (files, ())


def test_a_file_that_grew_large_is_refused_and_the_hint_cures_it(project):
    project.write("helper.py", "#" * 1_100_000)
    run_hint(project, refusal_of(project, file_limit_mb=1))
    snapshot_of(project, file_limit_mb=1)


def test_a_large_file_that_is_committed_is_no_matter(project):
    project.write("big.csv", "0" * 1_100_000)
    project.git("add", "-A")
    project.git("commit", "-qm", "big")
    snapshot_of(project, file_limit_mb=1)


def run_hint(project, refused):
    command = refused.hint.partition(": ")[2] if ": " in refused.hint else refused.hint
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    subprocess.run(  # noqa: S602  (a person would type it into a shell)
        command, shell=True, cwd=project.root, check=True, capture_output=True, env=environment
    )


def test_ignored_files_stay_out_unless_asked_for(project):
    project.write(".gitignore", "/build/\n")
    project.write("build/made.py", "x = 1\n")
    listing = "ls-tree", "-r", "--name-only"
    code, _ = snapshot_of(project)
    assert "build/made.py" not in project.git(*listing, code.sha)
    code, _ = Repository.find(project.root).snapshot(
        "two", project.root, {}, Rules(include=("build",))
    )
    assert "build/made.py" in project.git(*listing, code.sha)


def test_a_nested_repository_is_left_out_and_said_and_a_pipe_is_left_out(project):
    for arguments in (["init", "-q", "nested"], ["init", "-q", "unborn"]):
        subprocess.run(["git", *arguments], cwd=project.root, check=True)
    project.write("nested/a.py", "x = 1\n")
    subprocess.run(["git", "add", "-A"], cwd=project.root / "nested", check=True)
    subprocess.run(["git", "commit", "-qm", "n"], cwd=project.root / "nested", check=True)
    os.mkfifo(project.root / "pipe")
    code, findings = snapshot_of(project)
    assert "pipe" not in project.git("ls-tree", "-r", "--name-only", code.sha)
    said = " ".join(f.message for f in findings)
    assert "nested is a git repository of its own" in said
    assert "unborn is a git repository of its own" in said


@pytest.fixture
def as_owner_alone():
    """Run Python where file modes count, as they do not for root, and return what it printed."""
    dropped = ("setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all")
    prefix = dropped if os.geteuid() == 0 else ()
    if prefix and shutil.which("setpriv") is None:
        pytest.skip("root may read everything here")

    def run(code: str, *arguments: str) -> str:
        command = [*prefix, sys.executable, "-c", code, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    return run


TAKE = """
import sys
from pathlib import Path
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import CodeError
root = Path(sys.argv[1])
try:
    code, findings = Repository.find(root).snapshot("one", root, {})
    print(code.sha, *(f.message for f in findings))
except CodeError as error:
    print("refused:", error.message)
"""


def test_an_unreadable_file_of_the_user_is_refused_and_a_new_one_left_out(project, as_owner_alone):
    new = project.write("new.py", "x = 1\n")
    new.chmod(0)
    sha, _, said = as_owner_alone(TAKE, str(project.root)).partition(" ")
    assert "new.py cannot be read" in said
    assert "new.py" not in project.git("ls-tree", "-r", "--name-only", sha)
    project.git("update-ref", "-d", "refs/mlops/snapshots/one")
    project.write("helper.py", "ANSWER = 42\n").chmod(0)
    refused = as_owner_alone(TAKE, str(project.root))
    assert refused.startswith("refused:")
    assert "helper.py" in refused
    assert project.git("for-each-ref", "refs/mlops") == ""


def test_files_that_change_meanwhile_are_taken_each_as_it_was_at_a_moment(project):
    log, stop = project.write("log.py", ""), threading.Event()

    def write():
        with log.open("a") as file:
            for number in range(10**9):
                file.write(f"x = {number}\n")
                file.flush()
                scratch = project.root / f"scratch{number % 3}.py"
                scratch.write_text("y = 1\n")
                scratch.unlink()
                if stop.wait(0.001):
                    return

    writer = threading.Thread(target=write)
    writer.start()
    taken = []
    for number in range(8):
        # One that was there when it was listed may be gone when it is read: that is said.
        with suppress(CodeError):
            repository = Repository.find(project.root)
            taken.append(repository.snapshot(f"n{number}", project.root, {})[0].sha)
    stop.set()
    writer.join()
    written = log.read_text()
    assert len(taken) >= 4
    for sha in taken:
        assert written.startswith(project.git("show", f"{sha}:log.py"))
    project.git("fsck", "--strict", "--no-dangling")


def test_a_lock_that_a_killed_process_left_is_broken(project):
    lock = project.root / ".git" / "refs" / "mlops" / "snapshots" / "one.lock"
    lock.parent.mkdir(parents=True)
    lock.touch()
    snapshot_of(project)
    assert not lock.exists()


def test_a_lock_of_another_git_is_waited_for(project):
    snapshot_of(project)
    lock = project.root / ".git" / "packed-refs.lock"
    lock.touch()
    threading.Timer(1.5, lock.unlink).start()
    Repository.find(project.root).forget("one")
    assert project.git("for-each-ref", "refs/mlops") == ""


@pytest.fixture
def with_submodule(project, tmp_path):
    library = tmp_path / "library"
    subprocess.run(["git", "init", "-q", str(library)], check=True)
    (library / "lib.py").write_text("LIB = 1\n")
    subprocess.run(["git", "add", "-A"], cwd=library, check=True)
    subprocess.run(["git", "commit", "-qm", "lib"], cwd=library, check=True)
    project.git(
        "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(library), "vendor/lib"
    )
    project.git("commit", "-qm", "submodule")
    return project


def test_a_submodule_comes_with_the_commit_that_is_checked_out(with_submodule, tmp_path):
    project = with_submodule
    project.write("vendor/lib/lib.py", "LIB = 2\n")
    subprocess.run(["git", "commit", "-qam", "2"], cwd=project.root / "vendor/lib", check=True)
    code, _ = snapshot_of(project)
    assert code.dirty
    git.fetch(str(project.root), code.sha, tmp_path / "bare")
    git.checkout(tmp_path / "bare", tmp_path / "tree")
    assert (tmp_path / "tree" / "vendor" / "lib" / "lib.py").read_text() == "LIB = 2\n"


def test_a_submodule_with_changes_of_its_own_is_refused_and_the_hint_cures_it(with_submodule):
    project = with_submodule
    project.write("vendor/lib/lib.py", "LIB = 3\n")
    refused = refusal_of(project)
    assert "the submodule vendor/lib has changes" in refused.message
    refused.hint += " -m three"
    run_hint(project, refused)
    snapshot_of(project)


def test_a_private_key_by_name_is_kept_out_and_said(project):
    for name in (".env", "prod.env", "id_rsa", "deploy.pem", "conf/credentials.json"):
        project.write(name, "hunter2\n")
    project.write(".env.example", "TOKEN=\n")
    code, findings = snapshot_of(project)
    listed = project.git("ls-tree", "-r", "--name-only", code.sha).splitlines()
    assert ".env.example" in listed
    assert not {".env", "prod.env", "id_rsa", "deploy.pem", "conf/credentials.json"} & set(listed)
    assert len(findings) == 5


def test_a_token_in_changed_code_is_refused_by_place_and_never_repeated(project):
    token = "ghp_" + "a1B2" * 9
    project.write("helper.py", f"ANSWER = 41\nTOKEN = {token!r}\n")
    refused = refusal_of(project)
    assert "helper.py, line 2, holds what looks like a GitHub token" in refused.message
    assert token not in str(refused)
    project.write("helper.py", f"TOKEN = {token!r}  # pragma: allowlist secret\n")
    snapshot_of(project)


def test_a_token_in_a_notebooks_output_is_masked_in_the_snapshot_alone(project):
    import json

    token = "hf_" + "aB3dE" * 7
    path = project.notebook("print(1)")
    document = json.loads(path.read_text())
    document["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": [token]}]
    path.write_text(json.dumps(document))
    code, findings = snapshot_of(project)
    assert token in path.read_text()
    stored = project.git("show", f"{code.sha}:train.ipynb")
    assert token not in stored
    assert json.loads(stored)["cells"][0]["source"] == "print(1)"
    assert "the outputs of train.ipynb hold a secret" in findings[0].message


KILLED = """
import sys
from pathlib import Path
from mlops_nb.capture.repository import Repository
root = Path(sys.argv[1])
print("ready", flush=True)
Repository.find(root).snapshot(sys.argv[2], root, {})
"""


@pytest.mark.parametrize(
    "delay_ms",
    [
        ms if ms in (0, 27, 54) else pytest.param(ms, marks=pytest.mark.faults)
        for ms in range(0, 60, 3)
    ],
)
def test_a_kill_at_any_moment_leaves_the_repository_whole(project, state_of, delay_ms):
    for i in range(50):
        project.write(f"new/module_{i}.py", f"x = {i}\n")
    before = state_of(project.root)
    arguments = [sys.executable, "-c", KILLED, str(project.root), "killed"]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(delay_ms / 1000)
        process.kill()

    assert state_of(project.root) == before
    ref = project.git("for-each-ref", "--format=%(objectname)", "refs/mlops")
    assert ref == "" or "new/module_49.py" in project.git("ls-tree", "-r", "--name-only", ref)
    code, _ = Repository.find(project.root).snapshot("next", project.root, {})
    assert "new/module_49.py" in project.git("ls-tree", "-r", "--name-only", code.sha)
    assert list((project.root / ".git").glob("mlops-index-*")) == []
    project.git("fsck", "--strict", "--no-dangling")


@pytest.mark.parametrize(
    "name", ["--upload-pack=touch {}", "--exec=touch {}", "-x", "ext::touch {}"]
)
def test_a_name_is_no_option_of_git(project, tmp_path, name):
    """Hashes and branches also come from records that others have written."""
    canary = tmp_path / "canary"
    subprocess.run(["git", "clone", "-q", "--bare", ".", tmp_path / "origin.git"], check=True)
    project.git("remote", "add", "origin", str(tmp_path / "origin.git"))
    said = name.format(canary)
    repository = Repository.find(project.root)
    asked = [
        lambda: repository.keep(said, "one"),
        lambda: repository.head_of(said),
        lambda: repository.head_of(f"origin/{said}"),
        lambda: git.commit_of(said, "main"),
        lambda: git.commit_of(str(project.root), said),
        lambda: git.fetch(str(tmp_path / "origin.git"), said, tmp_path / "one"),
        lambda: git.fetch(said, "0" * 40, tmp_path / "two"),
        lambda: git.fetch(f"file://{tmp_path}/origin.git", said, tmp_path / "three"),
    ]
    for ask in asked:
        with pytest.raises(ProjectError) as refused:
            ask()
        assert refused.value.hint
    assert not canary.exists()
    assert project.git("for-each-ref", "refs/mlops") == ""
