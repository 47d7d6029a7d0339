"""A commit in a folder of its own, to be pinned in place of the user's working tree."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.capture import git

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.capture.repository import Repository


@dataclass(frozen=True)
class Commit:
    """A commit, checked out.

    Attributes:
        sha: Its hash.
        branch: The branch that it was the head of, None where it was frozen.
        bare: A bare repository that holds it.
        tree: Its files.
    """

    sha: str
    branch: str | None
    bare: Path
    tree: Path


@contextmanager
def opened(repository: Repository, sha: str, branch: str | None) -> Iterator[Commit]:
    """Check a commit out; no file, index, branch or stash of the user's is touched.

    Raises:
        CodeError: The repository does not have it.
    """
    with tempfile.TemporaryDirectory(prefix="mlops-commit-") as scratch:
        bare, tree = Path(scratch, "code").resolve(), Path(scratch, "tree").resolve()
        git.fetch(str(repository.root), sha, bare)
        git.checkout(bare, tree)
        yield Commit(sha, branch, bare, tree)
