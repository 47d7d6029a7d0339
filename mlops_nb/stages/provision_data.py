"""Stage: fetch and verify the datasets, as one commit of the data repository points at them."""

from __future__ import annotations

import hashlib
import json
import math
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from mlops_nb import encoding, journal
from mlops_nb.capture import dvc, git, pointers
from mlops_nb.exceptions import CodeError, DataError
from mlops_nb.journal import DataProvided, emit
from mlops_nb.stages import volume as volumes
from mlops_nb.stages import workspace
from mlops_nb.types import Earlier

_EARLIER = "earlier"
# File systems stamp with a clock that may be a tick behind.
_CLOCK_S = 0.1


def run(
    *, repo: str, sha: str, train: str, test: str, other: str, volume: str, earlier: str = ""
) -> dict[str, str]:
    """Make a list of the datasets' files and where each is, every one checked against its hash.

    They are in DVC's cache, whose objects are read-only: that of the repository where it is on this
    machine, otherwise one in the volume. The stages that read them put links into their checkouts.

    Args:
        repo: The data repository, a folder or a URL; "" where the run has no dataset.
        sha: Its commit.
        train: Path of the training dataset, "" for none.
        test: Path of the test dataset, "" for none.
        other: JSON list of paths.
        volume: What the stages of the run share.
        earlier: Datasets as they were once, as JSON, "" for none; they get a list of their own.

    Returns:
        `data`, the place of the list in the volume.

    Raises:
        DataError: An object is neither in the cache nor on a remote, or is not what its hash says.
    """
    wanted = list(dict.fromkeys(path for path in (train, test, *encoding.loads(other)) if path))
    shared = volumes.folder(volume)
    place = f"data/{_name(repo, sha, wanted, earlier)}"
    # Again also where it is there: what the list leads to is checked before every run.
    with volumes.filled(shared / place) as folder, tempfile.TemporaryDirectory() as scratch:
        hashes, files = {}, {}
        if wanted:
            source = _Source(repo, sha, Path(scratch), shared)
            hashes = {path: source.provide(path, folder) for path in wanted}
            files = source.files
        (folder / workspace.FILES).write_text(json.dumps(files), encoding="utf-8")
        if earlier:
            _provide_earlier(earlier, repo, folder, shared)
    if hashes:
        emit(DataProvided(hashes=hashes))
    else:
        print("no datasets")
    return {"data": place}


def _provide_earlier(earlier: str, repo: str, folder: Path, shared: Path) -> None:
    """List the files of datasets as they were once.

    Raises:
        DataError: They are needed, and lost.
    """
    wanted = msgspec.convert(encoding.loads(earlier), Earlier)
    place = folder / _EARLIER
    with tempfile.TemporaryDirectory() as scratch:
        try:
            source = _Source(repo, wanted.sha, Path(scratch), shared)
            for path in wanted.paths:
                source.provide(path, place)
        except (DataError, CodeError) as error:
            if wanted.needed:
                raise
            print(f"the earlier data cannot be had: {error}")
            return
    files = {name: str(PurePosixPath(_EARLIER, file)) for name, file in source.files.items()}
    (folder / workspace.EARLIER).write_text(json.dumps(files), encoding="utf-8")


def _name(repo: str, sha: str, wanted: list[str], earlier: str) -> str:
    parts = [git.without_credentials(repo), sha, sorted(wanted)]
    text = encoding.plain([*parts, earlier] if earlier else parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass
class _Source:
    """The data repository at one commit, and a cache that holds its objects."""

    repo: str
    sha: str
    scratch: Path
    shared: Path

    def __post_init__(self) -> None:
        self.bare = self.scratch / "repository"
        git.fetch(self.repo, self.sha, self.bare)
        self._tree: Path | None = None
        self._fetched_at = math.inf
        self.files: dict[str, str] = {}

    def provide(self, path: str, target: Path) -> str:
        """List the files of a dataset and return its hash."""
        pointer = pointers.find_pointer(path, lambda file: git.read_file(self.bare, self.sha, file))
        if pointer is None:
            return self._provide_from_git(path, target)
        cache = self._cache_with(pointer)
        prefix = PurePosixPath(path).relative_to(pointer.out).as_posix()
        provided = []
        for file in dvc.list_files(cache, pointer.hash):
            inside = PurePosixPath(file.path or ".")
            if prefix == "." or inside.is_relative_to(prefix):
                name = PurePosixPath(pointer.out, inside).as_posix()
                self.files[name] = self._checked(dvc.object_path(cache, file.md5), file.md5, name)
                provided.append(file)
        if not provided:
            raise DataError(
                f"{pointer.out} at {self.sha[:12]} holds no {path}",
                hint="name a path that the commit has",
            )
        single = [file.md5 for file in provided if file.path == prefix]
        digest = single[0] if single else pointer.hash
        print(f"{path}: {len(provided)} files, {digest}")
        return digest

    def _provide_from_git(self, path: str, target: Path) -> str:
        content = git.read_file(self.bare, self.sha, path)
        if content is None:
            raise DataError(
                f"{git.without_credentials(self.repo)} at {self.sha[:12]} has no {path}",
                hint="name a path that the commit has",
            )
        place = target / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content)
        self.files[path] = path
        digest = f"git:{git.blob_at(self.bare, self.sha, path)}"
        print(f"{path}: from git, {digest}")
        return digest

    def _cache_with(self, pointer: pointers.Pointer) -> Path:
        """Return a cache that has all objects of an out, fetching those that are missing."""
        local = dvc.root_of(Path(self.repo) / pointer.file) if Path(self.repo).is_dir() else None
        root = local or dvc.root_of((self._checkout() / pointer.file).parent)
        if root is None:
            raise DataError(
                f"{git.without_credentials(self.repo)} has DVC pointers but no .dvc folder",
                hint="make it a DVC project: dvc init",
            )
        cache = dvc.cache_folder(root) if local else self._own_cache()
        missing = dvc.missing_objects(cache, pointer.hash)
        if missing:
            print(f"{pointer.out}: {len(missing)} objects are not in the cache, fetching")
            self._fetch(pointer, cache)
        return cache

    def _own_cache(self) -> Path:
        """Return the cache for a repository that is not on this machine."""
        folder = os.environ.get(journal.RUN_FOLDER)
        kept = Path(folder).parent.parent if folder else self.shared
        return dvc.cache_below(kept / "dvc")

    def _fetch(self, pointer: pointers.Pointer, cache: Path) -> None:
        """Let DVC fetch by the commit's own pointer, into the given cache."""
        tree = self._checkout()
        root = dvc.root_of((tree / pointer.file).parent)
        if root is None:
            raise DataError(
                f"{pointer.file} has no .dvc folder above it at {self.sha[:12]}",
                hint="commit the .dvc folder of the data repository",
            )
        own = dvc.root_of(Path(self.repo)) if Path(self.repo).is_dir() else None
        dvc.configure_like(root, own, cache)
        self._fetched_at, said = time.time(), ""
        try:
            dvc.run_dvc(root, "fetch", str(tree / pointer.out))
        except DataError as error:
            said = f" ({error.message})"
        # Of a remote that is gone DVC says nothing.
        missing = dvc.missing_objects(cache, pointer.hash)
        if missing or said:
            raise DataError(
                f"{pointer.out}: {len(missing)} objects are neither in DVC's cache nor on its "
                f"remote, the first is {missing[0] if missing else '?'}{said}",
                hint=f"where the data are: dvc push {pointer.out}",
            )

    def _checkout(self) -> Path:
        if self._tree is None:
            self._tree = self.scratch / "tree"
            git.checkout(self.bare, self._tree)
        return self._tree

    def _checked(self, source: Path, md5: str, name: str) -> str:
        """Return where an object is, once it has shown to be what it is named by."""
        # DVC trusts a cache object that is read-only, and what a remote gives; a run does not.
        if dvc.md5_of(source) == md5:
            return str(source.absolute())
        if source.stat().st_ctime >= self._fetched_at - _CLOCK_S:
            # Nothing of the user's: it came a moment ago, and DVC would take it for good.
            source.unlink()
            raise DataError(
                f"{name}: the DVC remote has a corrupt object {md5}",
                hint=f"delete it there, and where the data are whole: dvc push {name}",
            )
        raise DataError(
            f"{name}: object {md5} in DVC's cache is corrupt",
            hint=f"delete it and get it again: rm {source} && dvc pull",
        )
