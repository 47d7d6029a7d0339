"""Push what was pinned to where others get it: the snapshot to `origin`, data to DVC's remote."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.capture import dvc, git, pointers
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator

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


def unpushed(config: Config, snapshot: Snapshot) -> list[str]:
    """List the datasets of the code's own repository that DVC's remote does not have whole.

    Raises:
        DataError: There is no DVC remote, or it cannot be asked.
    """
    repository = Repository.find(config.root)
    with _outs(repository, snapshot) as outs:
        return [out.pointer.out for out in outs if not dvc.remote_has(out.root, out.path)]


@dataclass(frozen=True)
class _Out:
    """One out of the snapshot, in a checkout of it that DVC works in like in the user's folder."""

    pointer: pointers.Pointer
    root: Path
    path: Path


def _push_data(repository: Repository, snapshot: Snapshot) -> None:
    """Let DVC push by the snapshot's own pointers, which may not be the user's."""
    with _outs(repository, snapshot) as outs:
        for out in outs:
            dvc.run_dvc(out.root, "push", str(out.path))


@contextmanager
def _outs(repository: Repository, snapshot: Snapshot) -> Iterator[list[_Out]]:
    """Check the snapshot out, and give its outs that are in the code's own repository."""
    own = [d.path for d in snapshot.datasets if d.sha == snapshot.code.sha]
    with tempfile.TemporaryDirectory() as scratch:
        bare, tree = Path(scratch, "code"), Path(scratch, "tree")
        git.fetch(str(repository.root), snapshot.code.sha, bare)
        git.checkout(bare, tree)
        found = (
            pointers.find_pointer(path, lambda file: git.read_file(bare, "HEAD", file))
            for path in own
        )
        yield [_out(repository.root, tree, pointer) for pointer in found if pointer is not None]


def _out(top: Path, tree: Path, pointer: pointers.Pointer) -> _Out:
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
    return _Out(pointer, root, tree / pointer.out)
