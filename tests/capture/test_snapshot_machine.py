"""Whatever a user does to a repository: a snapshot is what is on the disk, and touches nothing."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from mlops_nb.capture import snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import CodeError
from mlops_nb.settings import Config
from tests import programs

PATHS = (
    "helper.py",
    "new.py",
    "sub/a.py",
    "sub/deep/b.bin",
    "with space.txt",
    "-dash",
    "ne\nw",
    "ü",
)
CONTENTS = (b"", b"x = 1\n", b"x = 2\r\n", bytes(range(256)), b"text without an end")
IGNORED, SECRET, DATA = "ignored.log", "prod.env", "data/train.csv"
path, content = st.sampled_from(PATHS), st.sampled_from(CONTENTS)


class Repositories(RuleBasedStateMachine):
    """A user at a git repository with data under DVC and a submodule."""

    template: Path
    state_of = None

    @initialize()
    def begin(self):
        self.folder = Path(tempfile.mkdtemp(dir=self.template.parent))
        self.root = self.folder / "project"
        shutil.copytree(self.template, self.root, symlinks=True)
        self.names = (f"snapshot-{number}" for number in itertools.count())
        self.taken = 0

    def teardown(self):
        if hasattr(self, "root"):
            self.take_a_snapshot()
            self.all_of_it_is_pinned()
            shutil.rmtree(self.folder, ignore_errors=True)

    def git(self, *words, cwd="."):
        """Do something with git; what it refuses is not done."""
        return subprocess.run(
            ["git", "-c", "commit.gpgSign=false", *words], cwd=self.root / cwd,
            capture_output=True, check=False,
        ).stdout  # fmt: skip

    @rule(path=path, content=content)
    def write(self, path, content):
        place = self.root / path
        with contextlib.suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            place.unlink(missing_ok=True)
            place.write_bytes(content)

    @rule(path=st.sampled_from((IGNORED, SECRET)), content=content)
    def write_what_stays_out(self, path, content):
        (self.root / path).write_bytes(content)

    @rule(number=st.integers(0, 9))
    def change_data(self, number):
        (self.root / DATA).chmod(0o644)
        data = (self.root / DATA).read_text()
        (self.root / DATA).unlink()
        (self.root / DATA).write_text(f"{data}{number},{number},1\n")

    @rule(path=path)
    def remove(self, path):
        with contextlib.suppress(OSError):
            (self.root / path).unlink()

    @rule(path=path, new=path)
    def rename(self, path, new):
        with contextlib.suppress(OSError):
            (self.root / path).rename(self.root / new)

    @rule(path=path)
    def turn_executable(self, path):
        with contextlib.suppress(OSError):
            (self.root / path).chmod((self.root / path).stat().st_mode ^ 0o111)

    @rule(path=path, to=st.sampled_from(PATHS[:2]))
    def link(self, path, to):
        place = self.root / path
        with contextlib.suppress(OSError):
            place.unlink(missing_ok=True)
            place.symlink_to(os.path.relpath(self.root / to, place.parent))

    @rule(path=path)
    def turn_into_a_folder(self, path):
        with contextlib.suppress(OSError):
            (self.root / path).unlink(missing_ok=True)
            (self.root / path).mkdir()
            (self.root / path / "inside.py").write_text("y = 1\n")

    @rule(path=path, options=st.sampled_from(((), ("--intent-to-add",), ("--update",))))
    def stage(self, path, options):
        self.git("add", *options, "--", path)

    @rule(path=path)
    def unstage(self, path):
        self.git("reset", "--quiet", "--", path)

    @rule(path=path, bit=st.sampled_from(("assume-unchanged", "skip-worktree")), content=content)
    def edit_what_is_hidden(self, path, bit, content):
        self.git("add", "--", path)
        self.git("update-index", f"--{bit}", "--", path)
        self.write(path, content)

    @rule(words=st.sampled_from(("commit -qam more", "add -A", "stash", "stash -u", "stash pop")))
    def keep(self, words):
        self.git(*words.split())

    @rule(
        words=st.sampled_from(
            ("checkout -qb other", "checkout -q other", "checkout -q main", "checkout -q --detach",
             "branch -q gone", "merge -q other", "merge --abort", "rm -q --cached helper.py")
        )
    )  # fmt: skip
    def move(self, words):
        self.git(*words.split())

    @rule(locked=st.booleans())
    def lock_the_index(self, locked):
        place = self.root / ".git" / "index.lock"
        place.touch() if locked else place.unlink(missing_ok=True)

    @rule(number=st.integers(0, 9))
    def go_on_in_the_submodule(self, number):
        if (self.root / "library" / ".git").exists():
            (self.root / "library" / "lib.py").write_text(f"LIB = {number}\n")
            self.git("commit", "-qam", "more", cwd="library")

    @rule()
    def take_a_snapshot(self):
        before, tree = self.state_of(self.root), self.on_disk()
        name = next(self.names)
        try:
            code, _ = Repository.find(self.root).snapshot(name, self.root, {})
        except CodeError as refused:
            assert "the link" in refused.message or "submodule" in refused.message
            assert self.state_of(self.root) == before
            return
        self.taken += 1
        assert self.state_of(self.root) == before
        assert self.recorded(code.sha) == tree
        assert self.git("rev-parse", f"refs/mlops/snapshots/{name}").decode().strip() == code.sha
        again, _ = Repository.find(self.root).snapshot(next(self.names), self.root, {})
        assert again.sha == code.sha

    @precondition(lambda self: self.taken)
    @rule()
    def clean_up(self):
        """What is kept stays when git cleans up."""
        refs = self.git("for-each-ref", "refs/mlops")
        self.git("gc", "--quiet", "--prune=now")
        assert self.git("for-each-ref", "refs/mlops") == refs
        assert self.git("fsck", "--connectivity-only") == b""

    def all_of_it_is_pinned(self):
        """Data and code together, as `train` pins them."""
        (self.root / "train.ipynb").touch()
        before = self.state_of(self.root)
        try:
            found = snapshot.take(
                Config.load(self.root), Wanted(notebook=self.root / "train.ipynb"), name="run"
            ).snapshot
        except CodeError:
            assert self.state_of(self.root) == before
            return
        assert self.state_of(self.root) == before
        pinned = found.dataset("train").hash
        assert pinned == hashlib.md5((self.root / DATA).read_bytes()).hexdigest()  # noqa: S324
        recorded = self.recorded(found.code.sha)[f"{DATA}.dvc".encode()]
        assert pinned.encode() in recorded[1]

    def on_disk(self):
        """Return mode and content of all that git does not ignore, but for what stays out."""
        options = ("--cached", "--others", "--exclude-standard", "-z")
        found = {}
        for name in self.git("ls-files", *options).split(b"\0"):
            place = Path(os.fsdecode(os.fsencode(self.root) + b"/" + name))
            if not name or (name == SECRET.encode() and not self.git("ls-files", "--", SECRET)):
                continue
            if not os.path.lexists(place):
                continue
            mode = place.lstat().st_mode
            if stat.S_ISDIR(mode):
                if name == b"library":
                    head = self.git("rev-parse", "HEAD", cwd="library").strip()
                    found[name] = b"160000", head
            elif stat.S_ISLNK(mode):
                found[name] = b"120000", os.fsencode(place.readlink())
            else:
                found[name] = (b"100755" if mode & 0o100 else b"100644"), place.read_bytes()
        return found

    def recorded(self, sha):
        """Return mode and content of all that a commit has."""
        lines = [line for line in self.git("ls-tree", "-r", "-z", sha).split(b"\0") if line]
        found = {}
        for line in lines:
            (mode, kind, blob), name = line.partition(b"\t")[0].split(), line.partition(b"\t")[2]
            is_blob = kind == b"blob"
            found[name] = mode, self.git("cat-file", "blob", blob.decode()) if is_blob else blob
        return found


@pytest.fixture(scope="module")
def template(_template, tmp_path_factory):
    """The project of the tests, with a submodule and rules of what git ignores."""
    folder = tmp_path_factory.mktemp("machine")
    root = folder / "project"
    shutil.copytree(_template, root, symlinks=True)
    shutil.copytree(_template.parent / "remote", folder / "remote")
    shutil.copy(root / "helper.py", root / "library.py")
    commands = (
        ["git", "init", "-q", "../library"],
        ["cp", "library.py", "../library/lib.py"],
        ["git", "-C", "../library", "add", "-A"],
        ["git", "-C", "../library", "commit", "-qm", "lib"],
        ["git", "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", "../library"],
        ["sh", "-c", f"echo {IGNORED} >> .gitignore"],
        ["git", "add", "-A"],
        ["git", "commit", "-qm", "library"],
    )
    for command in commands:
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    return root


@pytest.fixture
def machine(template, state_of):
    Repositories.template, Repositories.state_of = template, staticmethod(state_of)
    return Repositories


def test_a_snapshot_is_what_is_on_the_disk_whatever_was_done(machine):
    programs.run(machine, programs=8, steps=10, same=True)


@pytest.mark.faults
def test_a_snapshot_is_what_is_on_the_disk_after_many_programs(machine):
    programs.run(machine, programs=60, steps=40, same=False)
