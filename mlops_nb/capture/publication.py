"""Push what was pinned to where others get it: the snapshot to `origin`, data to DVC's remote."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.capture import dvc, git, pointers
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import DataError

if TYPE_CHECKING:
    from mlops_nb.settings import Config
    from mlops_nb.types import Snapshot


def push(config: Config, snapshot: Snapshot, *, name: str) -> None:
    """Push a snapshot and its data; when that fails, the snapshot is let go of again.

    Args:
        config: The project's settings.
        snapshot: What was pinned.
        name: Name of the snapshot's ref, the run's id.

    Raises:
        CodeError: There is no `origin`, or it refuses.
        DataError: There is no DVC remote, or it refuses.
    """
    repository = Repository.find(config.root)
    try:
        _push_data(repository, snapshot)
        repository.push(name)
    except BaseException:
        repository.forget(name)
        raise


def _push_data(repository: Repository, snapshot: Snapshot) -> None:
    """Let DVC push by the snapshot's own pointers, which may not be the user's."""
    own = [d.path for d in snapshot.datasets if d.sha == snapshot.code.sha]
    with tempfile.TemporaryDirectory() as scratch:
        bare, tree = Path(scratch, "code"), Path(scratch, "tree")
        git.fetch(str(repository.root), snapshot.code.sha, bare)
        git.checkout(bare, tree)
        for path in own:
            pointer = pointers.find_pointer(path, lambda file: git.read_file(bare, "HEAD", file))
            if pointer is not None:
                _push_out(repository.root, tree, pointer)


def _push_out(top: Path, tree: Path, pointer: pointers.Pointer) -> None:
    own = dvc.root_of((top / pointer.file).parent)
    root = dvc.root_of((tree / pointer.file).parent)
    if own is None or root is None:
        raise DataError(
            f"{pointer.file} has no .dvc folder above it in the snapshot",
            hint="commit the .dvc folder: git add .dvc",
        )
    if not dvc.has_remote(own):
        raise DataError(
            f"{own} has no default DVC remote to push {pointer.out} to",
            hint=f"name one: cd {own} && dvc remote add --default storage URL",
        )
    dvc.configure_like(root, own, dvc.cache_folder(own))
    dvc.run_dvc(root, "push", str(tree / pointer.out))
