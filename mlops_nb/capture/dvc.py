"""Datasets by content: what DVC's pointer files say, and what is on the disk.

Pointer files and cache objects are read here as the plain files that they are; DVC itself is
imported only to hash, through its own state cache, to add to the cache and to fetch.
"""

from __future__ import annotations

import configparser
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_nb import locks, paths
from mlops_nb.capture.pointers import LOCK, Pointer, outs_of_lock
from mlops_nb.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_TIMEOUT_S = 600
_DIGEST = re.compile(r"[0-9a-f]{32}(?:\.dir)?")


@dataclass(frozen=True)
class CacheFile:
    """One file of a dataset: its path below the out ("" for a file out) and its cache object."""

    path: str
    md5: str


def root_of(folder: Path) -> Path | None:
    """Return the DVC root that holds a folder, None where its git repository has none."""
    for candidate in (folder, *folder.parents):
        if (candidate / ".dvc").is_dir():
            return candidate
        if (candidate / ".git").exists():
            break
    return None


def required_root(folder: Path) -> Path:
    """Return the DVC root that holds a folder.

    Raises:
        DataError: There is none.
    """
    root = root_of(folder)
    if root is None:
        raise DataError(
            f"{folder} is no DVC project", hint=f"make it one: jupyter mlops init {folder}"
        )
    return root


def tracked(folder: Path) -> tuple[str, ...]:
    """List the paths, relative to a folder, of all data below it that are under DVC."""
    files = [path for path in folder.rglob("?*.dvc") if path.is_file()]
    found = [path.relative_to(folder).as_posix().removesuffix(".dvc") for path in files]
    for lock in folder.rglob(LOCK):
        inside = lock.parent.relative_to(folder).as_posix()
        found += (out for out, _ in outs_of_lock(lock.read_bytes(), inside))
    return tuple(sorted(found))


def content_of(root: Path, pointer: Pointer, top: Path, *, keep: bool) -> Pointer:
    """Return the pointer for what is on the disk; the user's pointer file is not written.

    Nothing is hashed that DVC's state cache knows.

    Args:
        root: The DVC root.
        pointer: What the user's pointer file says.
        top: The top folder of the git repository.
        keep: Whether to put content that is new into DVC's cache.

    Raises:
        DataError: The content is absent both on the disk and in the cache, or cannot be hashed.
    """
    if not (top / pointer.out).exists():
        _must_be_cached(root, pointer)
        return pointer
    with _repository(root) as repository:
        stages = repository.stage.load_all(str(top / pointer.definition))
        place = str(top / pointer.out)
        out = next(out for stage in stages for out in stage.outs if out.fs_path == place)
        # Reaches into DVC for lack of a public call: a dry build hashes with the state cache and
        # stores nothing. tests/capture/test_dvc.py holds it to DVC's own verdict.
        _, meta, obj = out._build(
            out.cache, out.fs_path, out.fs, out.hash_name, ignore=out.dvcignore,
            no_progress_bar=True, dry_run=True,
        )  # fmt: skip
        digest: str = obj.hash_info.value
        if keep and missing_objects(cache_folder(root), digest):
            out.hash_info, out.meta, out.obj = obj.hash_info, meta, obj
            out.commit(relink=False)
        if digest == pointer.hash:
            return pointer
        return pointer.with_content(digest, meta.size or 0, meta.nfiles or 1)


def cache_folder(root: Path) -> Path:
    """Return the folder of DVC's local cache, by the project's own configuration."""
    for name in ("config.local", "config"):
        configured = _read_config(root / ".dvc" / name).get("cache", "dir", fallback="")
        if configured:
            return cache_below((root / ".dvc" / configured).resolve())
    return cache_below(root / ".dvc" / "cache")


def cache_below(folder: Path) -> Path:
    """Return where a cache folder has its objects."""
    return folder / "files" / "md5"


def configuration(root: Path) -> str:
    """Return a hash of the project's own configuration, in which its remotes are."""
    files = (root / ".dvc" / name for name in ("config", "config.local"))
    texts = (path.read_bytes() if path.is_file() else b"" for path in files)
    return hashlib.sha256(b"\0".join(texts)).hexdigest()


def has_remote(root: Path) -> bool:
    """Whether there is a default remote."""
    configs = (_read_config(root / ".dvc" / name) for name in ("config", "config.local"))
    return any(config.get("core", "remote", fallback="") for config in configs)


def relative_remotes(root: Path) -> list[tuple[str, Path]]:
    """List the remotes that are folders given relative to the configuration: name and folder."""
    found = []
    for name in ("config", "config.local"):
        config = _read_config(root / ".dvc" / name)
        for section in config.sections():
            url = config.get(section, "url", fallback="")
            remote = section.strip("'\"").removeprefix("remote").strip(' "')
            if url and "://" not in url and not Path(url).is_absolute():
                found.append((remote, (root / ".dvc" / url).resolve()))
    return found


def object_path(cache: Path, digest: str) -> Path:
    """Return where the cache keeps an object.

    Raises:
        DataError: It is no hash of DVC's; whoever wrote it may have meant another place.
    """
    if not _DIGEST.fullmatch(digest):
        raise DataError(
            f"{digest[:80]!r} is no hash of DVC's", hint="restore the pointer file from its commit"
        )
    return cache / digest[:2] / digest[2:]


def list_files(cache: Path, digest: str) -> list[CacheFile]:
    """List the files of a dataset by the cache's own object.

    Raises:
        DataError: The object is no listing, or names a file outside of the dataset.
    """
    if not digest.endswith(".dir"):
        return [CacheFile("", digest)]
    return files_of(object_path(cache, digest).read_bytes(), digest)


def files_of(listing: bytes, digest: str) -> list[CacheFile]:
    """List the files of a dataset that is a folder.

    Args:
        listing: The content of its object.
        digest: The object's name.

    Raises:
        DataError: It is no listing, or names a file outside of the dataset.
    """
    try:
        entries = json.loads(listing)
        found = [CacheFile(str(entry["relpath"]), str(entry["md5"])) for entry in entries]
    except (ValueError, TypeError, KeyError) as error:
        raise _no_listing(digest, error) from None
    for file in found:
        place = PurePosixPath(file.path)
        if place.is_absolute() or ".." in place.parts or not paths.can_be(file.path):
            raise _no_listing(digest, f"it names {file.path[:80]!r}")
        object_path(Path(), file.md5)
    return found


def _no_listing(digest: str, why: object) -> DataError:
    return DataError(
        f"the object {digest} of DVC's cache is no listing of a folder: {why}",
        hint="remove it from the cache, and get it again: dvc fetch",
    )


def missing_objects(cache: Path, digest: str) -> list[str]:
    """List the cache objects of a dataset that are not in the cache."""
    if not object_path(cache, digest).is_file():
        return [digest]
    return [f.md5 for f in list_files(cache, digest) if not object_path(cache, f.md5).is_file()]


def md5_of(path: Path) -> str:
    """Return the MD5 of a file's bytes, as DVC 3 computes it."""
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def run_dvc(root: Path, *arguments: str) -> str:
    """Run a DVC command in a DVC root, waiting for other DVC commands of ours to end.

    Raises:
        DataError: DVC fails; its own last line is the message.
    """
    with _lock(root):
        process = subprocess.run(
            [sys.executable, "-m", "dvc", *arguments],
            cwd=root,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**os.environ, "DVC_NO_ANALYTICS": "1", "CI": "true"},
            check=False,
        )
    if process.returncode:
        lines = process.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        said = next((line for line in lines if line.startswith("ERROR")), lines[-1])
        raise DataError(
            f"dvc {arguments[0]} failed: {said.removeprefix('ERROR:').strip()}",
            hint=f"see what DVC says: cd {root} && dvc {' '.join(arguments)} -v",
        )
    return process.stdout.decode(errors="replace")


def remote_has(root: Path, path: Path) -> bool:
    """Whether the default remote has all objects of an out.

    Raises:
        DataError: It cannot be asked.
    """
    found = json.loads(run_dvc(root, "status", "--cloud", "--json", str(path)) or "{}")
    # Deleted is what the remote has and the cache of this machine has not.
    return set(found.values()) <= {"deleted"}


def configure_like(root: Path, own: Path | None, cache: Path) -> None:
    """Let a checkout's DVC use another root's cache, remotes and credentials.

    Args:
        root: The DVC root of the checkout.
        own: The root that it is to be like, None for the remotes that the commit names.
        cache: The folder with the cache's objects.
    """
    from dvc.config import Config

    if own is not None and (own / ".dvc" / "config.local").is_file():
        # Credentials of remotes are kept there and are in no commit.
        shutil.copy(own / ".dvc" / "config.local", root / ".dvc" / "config.local")
    remotes = relative_remotes(own) if own is not None else []
    # As `dvc remote modify --local` and `dvc cache dir --local` do, each of which takes a second.
    with Config(str(root / ".dvc"), validate=False).edit("local") as local:
        for name, folder in remotes:
            local.setdefault("remote", {}).setdefault(name, {})["url"] = str(folder)
        local.setdefault("cache", {})["dir"] = str(cache.parent.parent)


def _must_be_cached(root: Path, pointer: Pointer) -> None:
    missing = missing_objects(cache_folder(root), pointer.hash)
    if missing:
        raise DataError(
            f"{pointer.out} is neither on the disk nor in DVC's cache "
            f"({len(missing)} objects missing, the first is {missing[0]})",
            hint=f"get it from the DVC remote: dvc pull {pointer.out}",
        )


def _read_config(path: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    if path.is_file():
        # DVC indents the keys of a section, which ConfigParser takes for continued lines.
        parser.read_string("\n".join(line.strip() for line in path.read_text().splitlines()))
    return parser


@contextmanager
def _repository(root: Path) -> Iterator[Any]:
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    logging.getLogger("dvc").setLevel(logging.ERROR)
    with _lock(root):
        try:
            with Repo(str(root)) as repository:
                yield repository
        except DvcException as error:
            raise DataError(
                f"DVC cannot read {root}: {error}", hint=f"see: cd {root} && dvc status -v"
            ) from error


@contextmanager
def _lock(root: Path) -> Iterator[None]:
    """DVC's own lock fails soon when it is held; ours waits, and for that of others too."""
    from filelock import FileLock, Timeout

    if not (root / ".dvc").is_dir():  # `dvc init` itself
        yield
        return
    path = root / ".dvc" / "tmp" / "mlops.lock"
    path.parent.mkdir(exist_ok=True)
    try:
        with FileLock(path, timeout=LOCK_TIMEOUT_S):
            _wait_for_others(root)
            yield
    except Timeout:
        raise DataError(
            f"another process has held {path} for {LOCK_TIMEOUT_S} s",
            hint="wait for it to end, then try again",
        ) from None


def _wait_for_others(root: Path) -> None:
    """Wait while a DVC command that is none of ours is at work, and say so.

    Raises:
        DataError: It does not end.
    """
    path, deadline, told = root / ".dvc" / "tmp" / "lock", time.monotonic() + LOCK_TIMEOUT_S, False
    while locks.is_held(path):
        if not told:
            print(f"waiting for another DVC command in {root}", file=sys.stderr)
            told = True
        if time.monotonic() > deadline:
            raise DataError(
                f"another DVC command has held {path} for {LOCK_TIMEOUT_S} s",
                hint=f"see whose it is, and end it: lsof {path}",
            )
        time.sleep(0.2)
