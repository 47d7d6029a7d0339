"""The working tree as a commit, with nothing of the user's touched.

A temporary index takes the tree as it is on disk; the commit goes to a private ref. HEAD, the
user's index, branches, stash and files are only read. Hooks do not run, and the commit's author
and date do not depend on who calls or when: the same tree on the same parent is the same commit.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import crash, processes
from mlops_nb.capture import git, worktree
from mlops_nb.capture.worktree import DEFAULT_RULES, Entry, Rules
from mlops_nb.exceptions import CodeError
from mlops_nb.types import Code

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_nb.types import Finding

REF_PREFIX = "refs/mlops/snapshots/"
DATA_SUFFIX = "-data"
EARLIER_SUFFIX = "-earlier"
# A snapshot's own ref, and those of what it needs beside.
_OF_SNAPSHOT = ("", DATA_SUFFIX, EARLIER_SUFFIX)
_SCRATCH = "mlops-index-"
# Git has a ref's lock for some milliseconds.
_LOCK_S = 1.0
_IDENTITY = {"NAME": "mlops_nb", "EMAIL": "mlops_nb@localhost"}


@dataclass(frozen=True)
class Repository:
    """A git repository with a working tree, at its top folder."""

    root: Path

    @classmethod
    def find(cls, folder: Path) -> Repository:
        """Return the repository that holds a folder.

        Raises:
            CodeError: There is none, or git is not installed.
        """
        if shutil.which("git") is None:
            raise CodeError("git is not installed", hint="install git, then try again")
        found = git.run(["rev-parse", "--show-toplevel"], cwd=folder, check=False)
        if found.returncode:
            bare = git.run(["rev-parse", "--is-bare-repository"], cwd=folder, check=False)
            if bare.stdout.strip() == b"true":
                raise CodeError(
                    f"{folder} is a bare repository, which has no files to run",
                    hint=f"work in a clone of it: git clone {folder}",
                )
            raise CodeError(
                f"{folder} is in no git repository",
                hint=f"make it one: git init {folder}",
            )
        return cls(Path(os.fsdecode(found.stdout.rstrip(b"\n"))))

    def snapshot(
        self, name: str, folder: Path, replaced: Mapping[str, bytes], rules: Rules = DEFAULT_RULES
    ) -> tuple[Code, tuple[Finding, ...]]:
        """Commit the working tree as it is to the private ref `refs/mlops/snapshots/<name>`.

        Args:
            name: Last part of the ref.
            folder: The project's folder, recorded relative to the repository.
            replaced: Contents to store instead of the files on disk, by path in the repository.
            rules: What may go into a snapshot.

        Returns:
            The code, and what is to be said about it.

        Raises:
            CodeError: Git refuses, there is nothing to commit, or the tree holds what must not be
                recorded.
        """
        head = self.resolve("HEAD")
        with self._index(head) as environment:
            changes = worktree.read(self, environment, rules)
            instead = [Entry(os.fsencode(p), b"100644", content=c) for p, c in replaced.items()]
            self._store([*changes.entries, *instead], environment)
            tree = self.git("write-tree", environment=environment).stdout.decode().strip()
            crash.point("snapshot indexed")
        if head is None and tree == self._empty_tree():
            raise CodeError(
                f"{self.root} is an empty repository: there is nothing to run",
                hint="put the notebook into the repository first",
            )
        clean = head is not None and tree == self.resolve("HEAD^{tree}")
        sha = head if head is not None and clean else self._commit(tree, head)
        crash.point("snapshot committed")
        ref = self._point(name, sha)
        crash.point("snapshot kept")
        return self._code(folder, sha=sha, dirty=not clean, ref=ref), changes.findings

    def preview(
        self, folder: Path, rules: Rules = DEFAULT_RULES
    ) -> tuple[Code, tuple[Finding, ...]]:
        """Return what `snapshot` would record, with HEAD's commit, and write nothing."""
        head = self.resolve("HEAD")
        with self._index(head) as environment:
            changes = worktree.read(self, environment, rules)
            against_head = self.git(
                "diff-index", "--cached", "--quiet", head or self._empty_tree(), "--",
                environment=environment, check=False,
            )  # fmt: skip
        dirty = head is None or bool(changes.entries) or bool(against_head.returncode)
        return self._code(folder, sha=head or "", dirty=dirty, ref=""), changes.findings

    def pinned(self, sha: str, folder: Path, *, name: str, branch: str | None) -> Code:
        """Return a commit as the code of a run, kept under a snapshot ref where it gets a name.

        Args:
            sha: The commit.
            folder: The project's folder.
            name: Last part of the ref, "" to keep nothing.
            branch: What it was the head of.

        Raises:
            CodeError: The repository does not have it.
        """
        if name:
            self.keep(sha, name)
        code = self._code(folder, sha=sha, dirty=False, ref=REF_PREFIX + name if name else "")
        return structs.replace(code, branch=branch)

    def head_of(self, branch: str) -> str:
        """Return the commit that a branch is at now; of `REMOTE/BRANCH`, as the remote has it.

        Nothing of the user's is moved, neither the branch nor what is known of the remote's.

        Raises:
            CodeError: There is no such branch, or the remote gives no answer.
        """
        sha = self.resolve(f"refs/heads/{branch}^{{commit}}")
        if sha is not None:
            return sha
        remote, _, name = branch.partition("/")
        known = self.git("remote").stdout.decode().split()
        if not name or remote not in known:
            raise CodeError(
                f"{self.root} has no branch {branch!r}",
                hint="name one that it has, or one of a remote, such as origin/main: git branch -a",
            )
        return self._fetched(remote, name)

    def _fetched(self, remote: str, name: str) -> str:
        sha = git.head_of(remote, name, cwd=self.root)
        if not git.has_commit(self.root, sha):
            # Without a refmap git would move refs/remotes, which is the user's to do.
            options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=")
            self.git("fetch", *options, "--", remote, f"refs/heads/{name}")
        return sha

    @cached_property
    def _without_filters(self) -> tuple[str, ...]:
        return git.without_filters(self.root)

    def resolve(self, revision: str) -> str | None:
        """Return the object a revision names, or None where it names nothing (an unborn HEAD)."""
        found = self.git("rev-parse", "--verify", "--quiet", revision, check=False)
        return found.stdout.decode().strip() or None

    def branch(self) -> str | None:
        """Return the branch that is checked out, None when HEAD is detached."""
        found = self.git("symbolic-ref", "--quiet", "--short", "HEAD", check=False)
        return os.fsdecode(found.stdout.rstrip(b"\n")) or None

    def remote(self) -> str | None:
        """Return the URL of `origin` without credentials, or None."""
        found = self.git("config", "--get", "remote.origin.url", check=False)
        return git.without_credentials(found.stdout.decode().strip()) or None

    def ignored(self, paths: Sequence[Path]) -> set[Path]:
        """Return those of some files of the working tree that git ignores."""
        if not paths:
            return set()
        options = ("--others", "--ignored", "--exclude-standard", "-z")
        listed = self.git("ls-files", *options, "--", *map(str, paths)).stdout.split(b"\0")
        return {self.root / os.fsdecode(path) for path in listed if path}

    def keep(self, sha: str, name: str) -> None:
        """Keep a commit under a snapshot ref of its own.

        Raises:
            CodeError: The repository does not have it.
        """
        if not git.has_commit(self.root, sha) and self.remote() is not None:
            # `train --push` left it there under a ref that no clone takes by itself.
            options = ("--quiet", "--no-tags", "--no-write-fetch-head")
            self.git("fetch", *options, "--", "origin", sha, check=False)
        if not git.has_commit(self.root, sha):
            raise CodeError(
                f"neither {self.root} nor its origin has commit {sha}",
                hint="export the run where it was made, and import the file here",
            )
        self._point(name, sha)

    def forget(self, name: str) -> None:
        """Let go of a snapshot; git collects the commit when nothing else has it."""
        for ref in self._refs(name):
            self._break_lock(ref)
            self.git("update-ref", "--no-deref", "-d", ref)

    def is_pushed(self, sha: str) -> bool:
        """Whether `origin` has a commit, as far as its branches, tags and snapshots say."""
        listed = self.git("ls-remote", "--quiet", "origin", check=False)
        tips = {line.split(b"\t")[0].decode() for line in listed.stdout.splitlines()}
        return sha in tips or any(
            git.has_commit(self.root, tip)
            and not self.git("merge-base", "--is-ancestor", sha, tip, check=False).returncode
            for tip in tips
        )

    def push(self, name: str) -> str:
        """Push a snapshot's refs to `origin`, where they are seen by who asks for them alone.

        Returns:
            The remote's URL, without credentials.

        Raises:
            CodeError: There is no `origin`, or it refuses.
        """
        remote = self.remote()
        if remote is None:
            raise CodeError(
                f"{self.root} has no remote `origin` to push the snapshot to",
                hint=f"name one: git -C {self.root} remote add origin URL",
            )
        refs = [f"{ref}:{ref}" for ref in self._refs(name)]
        pushed = self.git("push", "--quiet", "--no-verify", "origin", *refs, check=False)
        if pushed.returncode:
            raise CodeError(
                f"{remote} does not take the snapshot: {git.message(pushed)}",
                hint=f"see what it says: git -C {self.root} push --dry-run origin HEAD",
            )
        return remote

    def unbundle(self, path: Path, name: str) -> None:
        """Take the commit out of a bundle, under a snapshot ref of its own."""
        refs = f"{git.BUNDLED}:{REF_PREFIX}{name}"
        self.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(path), refs)

    def tracked_blob(self, path: str) -> str | None:
        """Return the hash that git has or would have for a file, None where it is ignored."""
        options = ("--cached", "--others", "--exclude-standard", "-z")
        if not self.git("ls-files", *options, "--", path).stdout:
            return None
        return self.git("hash-object", "--", path).stdout.decode().strip()

    def _refs(self, name: str) -> list[str]:
        refs = (f"{REF_PREFIX}{name}{suffix}" for suffix in _OF_SNAPSHOT)
        return [ref for ref in refs if self.resolve(ref) is not None]

    def _point(self, name: str, sha: str) -> str:
        """Make a snapshot ref; one that exists is never moved."""
        ref = REF_PREFIX + name
        self._break_lock(ref)
        self.git("update-ref", "--no-deref", ref, sha, "0" * 40)
        return ref

    def _break_lock(self, ref: str) -> None:
        """Remove the lock of a snapshot ref that a killed process has left: nobody else has it."""
        place = os.fsdecode(self.git("rev-parse", "--git-path", f"{ref}.lock").stdout.rstrip(b"\n"))
        lock, deadline = self.root / place, time.monotonic() + _LOCK_S
        while lock.exists():
            if time.monotonic() > deadline:
                lock.unlink(missing_ok=True)
                return
            time.sleep(0.05)

    def _code(self, folder: Path, *, sha: str, dirty: bool, ref: str) -> Code:
        return Code(
            repo=str(self.root),
            sha=sha,
            branch=self.branch(),
            dirty=dirty,
            ref=ref,
            folder=_relative(folder, self.root),
            remote=self.remote(),
        )

    @contextmanager
    def _index(self, head: str | None) -> Iterator[dict[str, str]]:
        """Make a temporary index of the user's own, and yield the environment that names it."""
        git_folder = os.fsdecode(self.git("rev-parse", "--absolute-git-dir").stdout.rstrip(b"\n"))
        _sweep(Path(git_folder))
        prefix = f"{_SCRATCH}{os.getpid()}-"
        with (
            _told_of_disk(self.root),
            tempfile.TemporaryDirectory(prefix=prefix, dir=git_folder) as scratch,
        ):
            index = Path(scratch, "index")
            environment = {"GIT_INDEX_FILE": str(index)}
            user_index = Path(git_folder, "index")
            if user_index.is_file():
                # With its time: git looks into files that are as new as the index, and a copy
                # that is newer would hide an edit made in the same instant as a `git add`.
                shutil.copy2(user_index, index)
                self._clear_bits(environment)
            elif head is not None:
                self.git("read-tree", head, environment=environment)
            yield environment

    def _clear_bits(self, environment: Mapping[str, str]) -> None:
        """Forget assume-unchanged and skip-worktree, which would hide what is on the disk.

        In a sparse checkout skip-worktree stands for absent files and has to stay.
        """
        listed = self.git("ls-files", "-v", "-z", environment=environment).stdout.split(b"\0")
        sparse = self.git("config", "--bool", "core.sparseCheckout", check=False).stdout
        for flag, option in ((b"h", "--no-assume-unchanged"), (b"S", "--no-skip-worktree")):
            paths = [line[2:] for line in listed if line[:1] == flag]
            if paths and not (flag == b"S" and sparse.strip() == b"true"):
                self.git(
                    "update-index", option, "-z", "--stdin",
                    environment=environment, data=b"\0".join(paths) + b"\0",
                )  # fmt: skip

    def _store(self, entries: Sequence[Entry], environment: Mapping[str, str]) -> None:
        """Put changed paths into the index, byte for byte: no filter and no conversion runs."""
        by_path = [e for e in entries if e.is_file and b"\n" not in e.path]
        listed = b"".join(e.path + b"\n" for e in by_path)
        arguments = ("hash-object", "-w", "--no-filters", "--stdin-paths")
        blobs = self.git(*arguments, data=listed).stdout.split() if by_path else []
        lines = [
            b"%s %s\t%s" % (e.mode, blob, e.path)
            for e, blob in zip(by_path, blobs, strict=True)
        ]  # fmt: skip
        for entry in entries:
            if not entry.mode:
                lines.append(b"0 " + b"0" * 40 + b"\t" + entry.path)
            elif entry.object is not None:
                lines.append(b"%s %s\t%s" % (entry.mode, entry.object, entry.path))
            elif entry.content is not None or b"\n" in entry.path:
                content = entry.content
                if content is None:
                    content = (self.root / os.fsdecode(entry.path)).read_bytes()
                lines.append(b"%s %s\t%s" % (entry.mode, self._write(content), entry.path))
        self._update_index(lines, environment)

    def _write(self, content: bytes) -> bytes:
        return self.git("hash-object", "-w", "--stdin", "--no-filters", data=content).stdout.strip()

    def _update_index(self, lines: Sequence[bytes], environment: Mapping[str, str]) -> None:
        if lines:
            self.git(
                "update-index", "--add", "-z", "--index-info",
                environment=environment, data=b"\0".join(lines) + b"\0",
            )  # fmt: skip

    def _commit(self, tree: str, head: str | None) -> str:
        when = "@0 +0000"
        if head is not None:
            when = self.git("log", "-1", "--format=@%ct +0000", head).stdout.decode().strip()
        environment = {
            f"GIT_{role}_{key}": value
            for role in ("AUTHOR", "COMMITTER")
            for key, value in {**_IDENTITY, "DATE": when}.items()
        }
        parent = ["-p", head] if head is not None else []
        return (
            self.git(
                "commit-tree", "--no-gpg-sign", "-m", "mlops_nb snapshot", *parent, tree,
                environment=environment,
            )
            .stdout.decode()
            .strip()
        )  # fmt: skip

    def _empty_tree(self) -> str:
        return self.git("hash-object", "-t", "tree", "--stdin", data=b"").stdout.decode().strip()

    def git(
        self,
        *arguments: str,
        check: bool = True,
        data: bytes | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.CompletedProcess[bytes]:
        """Run git at the repository's top, without the filters that are configured for it."""
        arguments = (*self._without_filters, *arguments)
        return git.run(arguments, cwd=self.root, check=check, data=data, environment=environment)


@contextmanager
def _told_of_disk(root: Path) -> Iterator[None]:
    """Say what could not be read or written.

    Raises:
        CodeError: The system refuses a file, or has no room.
    """
    try:
        yield
    except OSError as error:
        place = os.fsdecode(error.filename) if error.filename else str(root)
        raise CodeError(
            f"{place} cannot be read or written: {error.strerror}",
            hint=f"see whose it is, and whether there is room: ls -ld {place}; df -h {root}",
        ) from error


def _sweep(git_folder: Path) -> None:
    """Remove the temporary indexes of processes that were killed over them."""
    for scratch in git_folder.glob(f"{_SCRATCH}*"):
        pid = scratch.name.removeprefix(_SCRATCH).partition("-")[0]
        if pid.isdigit() and not processes.is_alive(int(pid)):
            shutil.rmtree(scratch, ignore_errors=True)


def _relative(folder: Path, root: Path) -> str:
    relative = folder.resolve().relative_to(root.resolve()).as_posix()
    return "" if relative == "." else relative
