"""The working tree as a commit, with nothing of the user's touched.

A temporary index takes the tree as it is on disk; the commit goes to a private ref. HEAD, the
user's index, branches, stash and files are only read. Hooks do not run, and the commit's author
and date do not depend on who calls or when: the same tree on the same parent is the same commit.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb import processes
from mlops_nb.capture import worktree
from mlops_nb.capture.worktree import DEFAULT_RULES, Entry, Rules
from mlops_nb.exceptions import CodeError, DataError
from mlops_nb.types import Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops_nb.types import Finding

_SCRATCH = "mlops-index-"
_BUNDLED = "refs/heads/run"
_MODULES = "mlops-submodules"
DATA_SUFFIX = "-data"
REF_PREFIX = "refs/mlops/snapshots/"

_SETTINGS = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.safecrlf=false",
    "-c", "core.fsync=committed",
    "-c", "core.fsyncMethod=batch",
    "-c", "core.untrackedCache=false",
    "-c", "core.fsmonitor=false",
    "-c", "gc.auto=0",
)  # fmt: skip
_IDENTITY = {"NAME": "mlops_nb", "EMAIL": "mlops_nb@localhost"}
_SHA = re.compile(r"[0-9a-f]{40}")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


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
        found = _run(["rev-parse", "--show-toplevel"], cwd=folder, check=False)
        if found.returncode:
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
        if head is None and tree == self._empty_tree():
            raise CodeError(
                f"{self.root} is an empty repository: there is nothing to run",
                hint="put the notebook into the repository first",
            )
        clean = head is not None and tree == self.resolve("HEAD^{tree}")
        sha = head if head is not None and clean else self._commit(tree, head)
        ref = self._point(name, sha)
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

    @cached_property
    def _without_filters(self) -> tuple[str, ...]:
        return _without_filters(self.root)

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
        return without_credentials(found.stdout.decode().strip()) or None

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
        if not has_commit(self.root, sha) and self.remote() is not None:
            # `train --push` left it there under a ref that no clone takes by itself.
            options = ("--quiet", "--no-tags", "--no-write-fetch-head")
            self.git("fetch", *options, "origin", sha, check=False)
        if not has_commit(self.root, sha):
            raise CodeError(
                f"neither {self.root} nor its origin has commit {sha}",
                hint="export the run where it was made, and import the file here",
            )
        self._point(name, sha)

    def forget(self, name: str) -> None:
        """Let go of a snapshot; git collects the commit when nothing else has it."""
        for ref in (REF_PREFIX + name, REF_PREFIX + name + DATA_SUFFIX):
            if self.resolve(ref) is not None:
                self.git("update-ref", "--no-deref", "-d", ref)

    def push(self, name: str) -> str:
        """Push a snapshot's ref to `origin`, where it is seen by who asks for it alone.

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
        ref = REF_PREFIX + name
        pushed = self.git("push", "--quiet", "--no-verify", "origin", f"{ref}:{ref}", check=False)
        if pushed.returncode:
            raise CodeError(
                f"{remote} does not take the snapshot: {_message(pushed)}",
                hint=f"see what it says: git -C {self.root} push --dry-run origin HEAD",
            )
        return remote

    def unbundle(self, path: Path, name: str) -> None:
        """Take the commit out of a bundle, under a snapshot ref of its own."""
        refs = f"{_BUNDLED}:{REF_PREFIX}{name}"
        self.git("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", str(path), refs)

    def tracked_blob(self, path: str) -> str | None:
        """Return the hash that git has or would have for a file, None where it is ignored."""
        options = ("--cached", "--others", "--exclude-standard", "-z")
        if not self.git("ls-files", *options, "--", path).stdout:
            return None
        return self.git("hash-object", "--", path).stdout.decode().strip()

    def _point(self, name: str, sha: str) -> str:
        """Make a snapshot ref; one that exists is never moved."""
        ref = REF_PREFIX + name
        self.git("update-ref", "--no-deref", ref, sha, "0" * 40)
        return ref

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
        with tempfile.TemporaryDirectory(prefix=prefix, dir=git_folder) as scratch:
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
        return _run(arguments, cwd=self.root, check=check, data=data, environment=environment)


def commit_of(repo: str, revision: str) -> str:
    """Return the commit that a revision of a repository names now.

    Args:
        repo: A folder or a URL.
        revision: A branch, a tag or a commit; of a folder, whatever git understands.

    Raises:
        DataError: The repository cannot be read, or has no such revision.
    """
    if Path(repo).is_dir():
        arguments = ["rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}"]
        found = _run(arguments, cwd=Path(repo), check=False).stdout.decode().strip()
    elif _SHA.fullmatch(revision):
        return revision
    else:
        listed = _run(["ls-remote", "--", repo], cwd=Path.cwd(), check=False)
        pairs = (line.split("\t") for line in os.fsdecode(listed.stdout).splitlines())
        refs = {name: sha for sha, name in pairs}
        # Of an annotated tag, the commit behind it.
        names = (f"refs/heads/{revision}", f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}")
        found = next((refs[name] for name in (*names, revision) if name in refs), "")
    if not found:
        raise DataError(
            f"{without_credentials(repo)} has no revision {revision!r}, or cannot be read",
            hint="check data.repo and data.revision in mlops.toml: "
            f"git ls-remote {without_credentials(repo)}",
        )
    return found


def fetch(repo: str, sha: str, target: Path) -> None:
    """Make a bare repository that holds one commit.

    From a folder on this machine nothing is copied: the new repository borrows its objects.

    Args:
        repo: A folder or a URL.
        sha: The commit.
        target: A folder that does not exist.

    Raises:
        CodeError: The repository cannot be read, or does not have the commit.
    """
    _run(["init", "--quiet", "--bare", str(target)], cwd=target.parent)
    source = Path(repo)
    if source.is_dir():
        objects = _run(["rev-parse", "--git-path", "objects"], cwd=source).stdout.rstrip(b"\n")
        absolute = os.path.abspath(os.path.join(os.fsencode(repo), objects))  # noqa: PTH100, PTH118
        (target / "objects" / "info" / "alternates").write_bytes(absolute + b"\n")
    else:
        arguments = ["fetch", "--quiet", "--no-tags", "--depth=1", "--", repo, sha]
        fetched = _run(arguments, cwd=target, check=False)
        if fetched.returncode:
            raise CodeError(
                f"{without_credentials(repo)} does not give commit {sha}: {_message(fetched)}",
                hint="push the snapshot, or check the credentials of the repository",
            )
    if not has_commit(target, sha):
        raise CodeError(
            f"{without_credentials(repo)} has no commit {sha}",
            hint="submit the run again: its snapshot was deleted",
        )
    (target / "HEAD").write_text(f"{sha}\n")
    for path, commit in _submodules(target, sha):
        module = target / _MODULES / path
        module.parent.mkdir(parents=True, exist_ok=True)
        fetch(_submodule_source(repo, target, sha, path), commit, module)


def bundle(repo: str, sha: str, path: Path) -> None:
    """Write a commit and its history as a file that `git clone` can read.

    Args:
        repo: A folder or a URL.
        sha: The commit.
        path: The file.

    Raises:
        CodeError: The repository does not have the commit.
    """
    with tempfile.TemporaryDirectory() as scratch:
        bare = Path(scratch, "repository")
        fetch(repo, sha, bare)
        # A clone takes branches, and nothing of refs/mlops.
        _run(["update-ref", _BUNDLED, sha], cwd=bare)
        _run(["bundle", "create", "--quiet", str(path), _BUNDLED, "HEAD"], cwd=bare)


def checkout(repository: Path, folder: Path) -> None:
    """Check out a repository made by `fetch`, with its submodules, into a new folder.

    No filter runs: the commit has the bytes that were on the disk.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _run(
        ["clone", "--quiet", "--shared", "--no-checkout", "--", str(repository), str(folder)],
        cwd=folder.parent,
    )
    _run([*_without_filters(folder), "checkout", "--quiet", "--detach", "--force"], cwd=folder)
    for path, _ in _submodules(repository, "HEAD"):
        (folder / path).rmdir()
        checkout(repository / _MODULES / path, folder / path)


def read_file(repository: Path, sha: str, path: str) -> bytes | None:
    """Return a file of a commit, or None where the commit has none of that name."""
    found = _run(["cat-file", "blob", f"{sha}:{path}"], cwd=repository, check=False)
    return None if found.returncode else found.stdout


def _submodules(repository: Path, sha: str) -> list[tuple[str, str]]:
    """List path and commit of each submodule that a commit names."""
    lines = _run(["ls-tree", "-r", "-z", sha], cwd=repository).stdout.split(b"\0")
    found = (line.partition(b"\t") for line in lines if line.startswith(b"160000 "))
    return [(os.fsdecode(path), entry.split()[2].decode()) for entry, _, path in found]


def _submodule_source(repo: str, repository: Path, sha: str, path: str) -> str:
    """Return where a submodule comes from: the user's own checkout, else its URL."""
    if (Path(repo) / path / ".git").exists():
        return str(Path(repo) / path)
    blob = f"{sha}:.gitmodules"
    listed = _run(
        ["config", "--blob", blob, "-z", "--get-regexp", r"^submodule\..*\.(path|url)$"],
        cwd=repository, check=False,
    ).stdout.split(b"\0")  # fmt: skip
    pairs = dict(os.fsdecode(line).split("\n", 1) for line in listed if line)
    for key, value in pairs.items():
        url = pairs.get(key.removesuffix(".path") + ".url")
        if key.endswith(".path") and value == path and url and "://" in url:
            return url
    raise CodeError(
        f"the submodule {path} is not checked out here, and .gitmodules has no URL for it",
        hint=f"check it out: git submodule update --init {path}",
    )


def _without_filters(folder: Path) -> tuple[str, ...]:
    """Return the settings that switch off the filters that somebody configured."""
    names = _run(
        ["config", "--name-only", "-z", "--get-regexp", r"^filter\."], cwd=folder, check=False
    )
    drivers = {os.fsdecode(n).rpartition(".")[0] for n in names.stdout.split(b"\0") if n}
    off = ("clean=", "smudge=", "process=", "required=false")
    return tuple(word for d in sorted(drivers) for o in off for word in ("-c", f"{d}.{o}"))


def has_commit(repository: Path, sha: str) -> bool:
    """Whether a repository has a commit."""
    arguments = ["cat-file", "-e", f"{sha}^{{commit}}"]
    return not _run(arguments, cwd=repository, check=False).returncode


def blob_at(repository: Path, sha: str, path: str) -> str | None:
    """Return the hash of a file of a commit, None where the commit has none of that name."""
    found = _run(["rev-parse", "--verify", "--quiet", f"{sha}:{path}"], cwd=repository, check=False)
    return found.stdout.decode().strip() or None


def without_credentials(url: str) -> str:
    """Return a URL without user and password; `git@host:path` stays, it holds no secret."""
    return _CREDENTIALS.sub("", url.partition("?")[0])


def _sweep(git_folder: Path) -> None:
    """Remove the temporary indexes of processes that were killed over them."""
    for scratch in git_folder.glob(f"{_SCRATCH}*"):
        pid = scratch.name.removeprefix(_SCRATCH).partition("-")[0]
        if pid.isdigit() and not processes.is_alive(int(pid)):
            shutil.rmtree(scratch, ignore_errors=True)


def _relative(folder: Path, root: Path) -> str:
    relative = folder.resolve().relative_to(root.resolve()).as_posix()
    return "" if relative == "." else relative


def _message(process: subprocess.CompletedProcess[bytes]) -> str:
    text = process.stderr.decode(errors="replace").strip()
    return without_credentials(text.splitlines()[-1]) if text else f"exit code {process.returncode}"


def _run(
    arguments: list[str] | tuple[str, ...],
    *,
    cwd: Path,
    check: bool = True,
    data: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    # Variables of a surrounding git process (a hook, say) would point git at another repository.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    process = subprocess.run(
        ["git", *_SETTINGS, "--literal-pathspecs", *arguments],
        cwd=cwd,
        input=data,
        stdin=None if data is not None else subprocess.DEVNULL,
        capture_output=True,
        env={
            **inherited,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
            **(environment or {}),
        },
        check=False,
    )
    if check and process.returncode:
        raise CodeError(
            f"git {arguments[0]} failed in {cwd}: {_message(process)}",
            hint=f"see what git says there: git -C {cwd} status",
        )
    return process
