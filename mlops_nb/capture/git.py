"""Git itself: run with settings of our own, whatever the user configured; and bare repositories.

No hook and no filter runs, and nothing asks for a password.
"""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.exceptions import CodeError, DataError

if TYPE_CHECKING:
    from collections.abc import Mapping

BUNDLED = "refs/heads/run"
_MODULES = "mlops-submodules"
_SETTINGS = (
    "-c", "core.hooksPath=/dev/null",
    "-c", "core.safecrlf=false",
    "-c", "core.fsync=committed",
    # Not batch: where the disk is full, git then leaves objects out and says nothing of it.
    "-c", "core.fsyncMethod=fsync",
    "-c", "core.untrackedCache=false",
    "-c", "core.fsmonitor=false",
    "-c", "gc.auto=0",
    # Git asks again, with more and more time between, while another process has the lock.
    "-c", "core.packedRefsTimeout=10000",
    "-c", "core.filesRefLockTimeout=1000",
)  # fmt: skip
# Credentials that a pod gets from a Kubernetes secret, without a file or a URL that holds them.
_PASSWORD = "MLOPS_GIT_PASSWORD"  # noqa: S105
_HELPER = (
    'credential.helper=!f() { test "$1" = get && echo "username=${MLOPS_GIT_USERNAME:-git}" '
    '&& echo "password=$MLOPS_GIT_PASSWORD"; }; f'
)
_SHA = re.compile(r"[0-9a-f]{40}")
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")


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
        found = run(arguments, cwd=Path(repo), check=False).stdout.decode().strip()
    elif _SHA.fullmatch(revision):
        return revision
    else:
        listed = run(["ls-remote", "--", repo], cwd=Path.cwd(), check=False)
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


def head_of(repo: str, branch: str, *, cwd: Path | None = None) -> str:
    """Return the commit that a branch of a repository is at now.

    Args:
        repo: A folder, a URL, or the name of a remote.
        branch: Its name there.
        cwd: The repository that has the remote.

    Raises:
        CodeError: The repository gives no answer, or has no such branch.
    """
    place = without_credentials(repo)
    arguments = ["ls-remote", "--", repo, f"refs/heads/{branch}"]
    listed = run(arguments, cwd=cwd or Path.cwd(), check=False)
    if listed.returncode:
        raise CodeError(
            f"{place} gives no answer: {message(listed)}",
            hint=f"see what it says: git ls-remote {place}",
        )
    sha = listed.stdout.decode().partition("\t")[0]
    if not sha:
        raise CodeError(
            f"{place} has no branch {branch!r}",
            hint=f"see what it has: git ls-remote --heads {place}",
        )
    return sha


def fetch(repo: str, sha: str, target: Path, *, ref: str = "") -> None:
    """Make a bare repository that holds one commit.

    From a folder on this machine nothing is copied: the new repository borrows its objects.

    Args:
        repo: A folder or a URL.
        sha: The commit.
        target: A folder that does not exist, or is empty.
        ref: A ref that names the commit, for a server that gives none by its hash.

    Raises:
        CodeError: The repository cannot be read, or does not have the commit.
    """
    run(["init", "--quiet", "--bare", str(target)], cwd=target.parent)
    source = Path(repo)
    if source.is_dir():
        objects = run(["rev-parse", "--git-path", "objects"], cwd=source).stdout.rstrip(b"\n")
        absolute = os.path.abspath(os.path.join(os.fsencode(repo), objects))  # noqa: PTH100, PTH118
        (target / "objects" / "info" / "alternates").write_bytes(absolute + b"\n")
    else:
        arguments = ["fetch", "--quiet", "--no-tags", "--depth=1", "--", repo]
        fetched = run([*arguments, sha], cwd=target, check=False)
        if fetched.returncode and ref:
            fetched = run([*arguments, ref], cwd=target, check=False)
        if fetched.returncode:
            raise CodeError(
                f"{without_credentials(repo)} does not give commit {sha}: {message(fetched)}",
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
        run(["update-ref", BUNDLED, sha], cwd=bare)
        run(["bundle", "create", "--quiet", str(path), BUNDLED, "HEAD"], cwd=bare)


def checkout(repository: Path, folder: Path) -> None:
    """Check out a repository made by `fetch`, with its submodules, into a new folder.

    No filter runs: the commit has the bytes that were on the disk.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    run(
        ["clone", "--quiet", "--shared", "--no-checkout", "--", str(repository), str(folder)],
        cwd=folder.parent,
    )
    run([*without_filters(folder), "checkout", "--quiet", "--detach", "--force"], cwd=folder)
    for path, _ in _submodules(repository, "HEAD"):
        (folder / path).rmdir()
        checkout(repository / _MODULES / path, folder / path)


def read_file(repository: Path, sha: str, path: str) -> bytes | None:
    """Return a file of a commit, or None where the commit has none of that name."""
    found = run(["cat-file", "blob", f"{sha}:{path}"], cwd=repository, check=False)
    return None if found.returncode else found.stdout


def _submodules(repository: Path, sha: str) -> list[tuple[str, str]]:
    """List path and commit of each submodule that a commit names."""
    lines = run(["ls-tree", "-r", "-z", sha], cwd=repository).stdout.split(b"\0")
    found = (line.partition(b"\t") for line in lines if line.startswith(b"160000 "))
    return [(os.fsdecode(path), entry.split()[2].decode()) for entry, _, path in found]


def _submodule_source(repo: str, repository: Path, sha: str, path: str) -> str:
    """Return where a submodule comes from: the user's own checkout, else its URL."""
    if (Path(repo) / path / ".git").exists():
        return str(Path(repo) / path)
    blob = f"{sha}:.gitmodules"
    listed = run(
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


def without_filters(folder: Path) -> tuple[str, ...]:
    """Return the settings that switch off the filters that somebody configured."""
    names = run(
        ["config", "--name-only", "-z", "--get-regexp", r"^filter\."], cwd=folder, check=False
    )
    drivers = {os.fsdecode(n).rpartition(".")[0] for n in names.stdout.split(b"\0") if n}
    off = ("clean=", "smudge=", "process=", "required=false")
    return tuple(word for d in sorted(drivers) for o in off for word in ("-c", f"{d}.{o}"))


def has_commit(repository: Path, sha: str) -> bool:
    """Whether a repository has a commit."""
    arguments = ["cat-file", "-e", f"{sha}^{{commit}}"]
    return not run(arguments, cwd=repository, check=False).returncode


def blob_at(repository: Path, sha: str, path: str) -> str | None:
    """Return the hash of a file of a commit, None where the commit has none of that name."""
    found = run(["rev-parse", "--verify", "--quiet", f"{sha}:{path}"], cwd=repository, check=False)
    return found.stdout.decode().strip() or None


def without_credentials(url: str) -> str:
    """Return a URL without user and password; `git@host:path` stays, it holds no secret."""
    return _CREDENTIALS.sub("", url.partition("?")[0])


def message(process: subprocess.CompletedProcess[bytes]) -> str:
    """Return the line in which a git process said what is wrong, without credentials."""
    lines = process.stderr.decode(errors="replace").strip().splitlines()
    wrong = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines
    return without_credentials(wrong[-1]) if wrong else f"exit code {process.returncode}"


def run(
    arguments: list[str] | tuple[str, ...],
    *,
    cwd: Path,
    check: bool = True,
    data: bytes | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[bytes]:
    """Run git in a folder.

    Raises:
        CodeError: It fails, and `check` is set; somebody has killed it; or something it is given is
            no argument.
    """
    if any("\0" in argument for argument in arguments):
        raise CodeError(
            f"git {arguments[0]} takes no name with a NUL in it",
            hint="name what the repository has",
        )
    # Variables of a surrounding git process (a hook, say) would point git at another repository.
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}
    helper = ("-c", _HELPER) if _PASSWORD in os.environ else ()
    process = subprocess.run(
        ["git", *_SETTINGS, *helper, "--literal-pathspecs", *arguments],
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
    if process.returncode < 0 or (check and process.returncode):
        raise CodeError(
            f"git {arguments[0]} failed in {cwd}: {message(process)}",
            hint=f"see what git says there: git -C {cwd} status",
        )
    return process
