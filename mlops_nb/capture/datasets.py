"""The datasets of a run, each with its hash: in the code's own repository, or in another one.

In the own repository they are pinned as they are on the disk; in another one, as a commit of it
says.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol

from mlops_nb import paths
from mlops_nb.capture import dvc, git, pointers
from mlops_nb.exceptions import DataError, ProjectError
from mlops_nb.types import Dataset

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_nb.capture.commit import Commit
    from mlops_nb.capture.repository import Repository
    from mlops_nb.settings import Config


class Source(Protocol):
    """Where datasets are pinned.

    `replaced` has the pointer files of the snapshot whose contents differ from the user's.
    """

    @property
    def replaced(self) -> Mapping[str, bytes]:
        """Contents by path in the code's repository."""

    def of_project(self, place: str) -> str:
        """Return the path in the data repository of what a setting or an argument names."""

    def dataset(self, role: str, place: str) -> Dataset:
        """Pin a dataset by its path in the data repository."""


@contextmanager
def opened(
    config: Config, repository: Repository, *, keep: bool, commit: Commit | None = None
) -> Iterator[Source]:
    """Open the repository that the project's datasets are in.

    Args:
        config: The project's settings.
        repository: The code's repository.
        keep: Whether to put changed contents into DVC's cache.
        commit: The commit of the code, None for the working tree.

    Raises:
        DataError: The data repository cannot be read, or has no such revision.
    """
    if not config.data_repo:
        if commit is None:
            yield OwnData(config, repository, keep=keep)
        else:
            yield CommittedData(str(repository.root.resolve()), commit.sha, commit.bare, config)
        return
    local = config.root / config.data_repo
    repo = str(local.resolve()) if local.is_dir() else config.data_repo
    sha = git.commit_of(repo, config.data_revision)
    with tempfile.TemporaryDirectory() as scratch:
        bare = Path(scratch, "data")
        git.fetch(repo, sha, bare)
        yield OtherData(repo, sha, bare)


@dataclass
class OwnData:
    """The code's repository, whose data are pinned as they are on the disk."""

    config: Config
    repository: Repository
    keep: bool
    replaced: dict[str, bytes] = field(default_factory=dict)

    @property
    def top(self) -> Path:
        """Top folder of the repository."""
        return self.repository.root.resolve()

    def of_project(self, place: str) -> str:
        """Return the path in the repository of what a setting or an argument names."""
        return inside(self.top, self.config.root / place)

    def dataset(self, role: str, place: str) -> Dataset:
        """Pin a dataset as it is on the disk.

        Raises:
            DataError: It is absent, or under neither DVC nor git.
        """
        pointer = pointers.find_pointer(place, self._read)
        if pointer is None:
            return self._in_git(role, place)
        root = dvc.root_of((self.top / pointer.file).parent)
        if root is None:
            raise DataError(
                f"{pointer.file} is a DVC pointer, but there is no .dvc folder above it",
                hint=f"make it a DVC project: cd {self.top} && dvc init",
            )
        content = dvc.content_of(root, pointer, self.top, keep=self.keep)
        changed = content.hash != pointer.hash
        if changed:
            self.replaced[pointer.file] = content.text
        return self._below(role, place, content, changed=changed)

    def _read(self, path: str) -> bytes | None:
        # One lock points at many outs, and another of them may have changed already.
        return self.replaced.get(path) or read(self.top, path)

    def _below(self, role: str, place: str, content: pointers.Pointer, *, changed: bool) -> Dataset:
        """Return the dataset that is an out, or a file inside of an out that is a folder."""
        digest, size, files = content.hash, content.size_bytes, content.files
        if place != content.out:
            below = PurePosixPath(place).relative_to(content.out).as_posix()
            on_disk = self.top / place
            if not on_disk.exists():
                raise DataError(
                    f"{content.out} is under DVC but holds no {below}",
                    hint=f"see what it holds: ls {self.top / content.out}",
                )
            if on_disk.is_file():
                digest, size, files = dvc.md5_of(on_disk), on_disk.stat().st_size, 1
        return Dataset(
            role=role, path=place, hash=digest, repo=str(self.top), sha="",
            size_bytes=size, files=files, changed=changed,
        )  # fmt: skip

    def _in_git(self, role: str, place: str) -> Dataset:
        path = self.top / place
        if not path.exists():
            raise DataError(f"there is no dataset {place}", hint=_nearby(self.config.root))
        blob = self.repository.tracked_blob(place) if path.is_file() else None
        if blob is None:
            raise DataError(
                f"{place} is under neither DVC nor git",
                hint=f"put it under DVC: jupyter mlops track {place}",
                untracked=place,
            )
        return Dataset(
            role=role, path=place, hash=f"git:{blob}", repo=str(self.top), sha="",
            size_bytes=path.stat().st_size,
        )  # fmt: skip


@dataclass(frozen=True)
class OtherData:
    """Another repository at one commit; its working tree, if it has one, plays no part.

    Attributes:
        repo: A folder or a URL.
        sha: The commit.
        bare: A bare repository that holds it.
    """

    repo: str
    sha: str
    bare: Path
    replaced: Mapping[str, bytes] = field(default_factory=dict)

    def of_project(self, place: str) -> str:
        """Return the path as it is: it is one of the data repository."""
        path = PurePosixPath(os.path.normpath(place))
        if path.is_absolute() or ".." in path.parts:
            raise DataError(
                f"{place} is no path inside of the data repository {self.repo}",
                hint="give it relative to the top of that repository",
            )
        return str(path)

    def dataset(self, role: str, place: str) -> Dataset:
        """Pin a dataset as the commit says.

        Raises:
            DataError: The commit has none of that name.
        """
        pointer = pointers.find_pointer(
            place, lambda path: git.read_file(self.bare, self.sha, path)
        )
        if pointer is None:
            return self._in_git(role, place)
        if place != pointer.out:
            raise DataError(
                f"{place} is a part of {pointer.out}, whose listing the data repository keeps "
                "in DVC's cache",
                hint=f"name the whole: {pointer.out}",
            )
        return Dataset(
            role=role, path=place, hash=pointer.hash, repo=self.repo, sha=self.sha,
            size_bytes=pointer.size_bytes, files=pointer.files,
        )  # fmt: skip

    def _in_git(self, role: str, place: str) -> Dataset:
        content = git.read_file(self.bare, self.sha, place)
        blob = git.blob_at(self.bare, self.sha, place)
        if content is None or blob is None:
            raise DataError(
                f"{self.repo} has no {place} at {self.sha[:12]}, under neither DVC nor git",
                hint="name another path, or a commit that has it",
            )
        return Dataset(
            role=role, path=place, hash=f"git:{blob}", repo=self.repo, sha=self.sha,
            size_bytes=len(content),
        )  # fmt: skip


@dataclass(frozen=True)
class CommittedData:
    """The code's repository at the commit that is pinned; what is on the disk plays no part.

    Attributes:
        repo: The repository's top folder.
        sha: The commit.
        bare: A bare repository that holds it.
        config: The project's settings, for where its folder is.
    """

    repo: str
    sha: str
    bare: Path
    config: Config
    replaced: Mapping[str, bytes] = field(default_factory=dict)

    def of_project(self, place: str) -> str:
        """Return the path in the repository of what a setting or an argument names."""
        return inside(Path(self.repo), self.config.root / place)

    def dataset(self, role: str, place: str) -> Dataset:
        """Pin a dataset as the commit says.

        Raises:
            DataError: The commit has none of that name.
        """
        return OtherData(self.repo, self.sha, self.bare).dataset(role, place)


def inside(top: Path, path: Path, error: type[ProjectError] = DataError) -> str:
    """Return a path relative to a repository's top, refusing what lies outside.

    Raises:
        ProjectError: It lies outside; of the given kind.
        UsageError: No file can be of that name.
    """
    path = paths.given(path)
    lexical = Path(os.path.normpath(path.parent.resolve() / path.name))
    if not lexical.is_relative_to(top):
        raise error(
            f"{path} lies outside of the repository {top}",
            hint=f"put a copy into the repository: cp -r {lexical} {top}",
        )
    return lexical.relative_to(top).as_posix()


def read(top: Path, path: str) -> bytes | None:
    """Return a file of a working tree, None where there is none."""
    file = top / path
    return file.read_bytes() if file.is_file() else None


def _nearby(root: Path) -> str:
    tracked = dvc.tracked(root)
    if tracked:
        return f"the project tracks: {', '.join(tracked[:5])}"
    return "name a file of the project, then put it under DVC: jupyter mlops track PATH"
