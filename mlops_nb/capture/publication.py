"""Push what was pinned to where others get it: the snapshot to `origin`, data to DVC's remote."""

from __future__ import annotations

import math
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.capture import dvc, git, pointers
from mlops_nb.capture.repository import EARLIER_SUFFIX, Repository
from mlops_nb.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_nb.settings import Config
    from mlops_nb.types import Earlier, Snapshot


def push(config: Config, snapshot: Snapshot, *, name: str, earlier: Earlier | None = None) -> None:
    """Push a snapshot and its data; when that fails, the snapshot is let go of again.

    Args:
        config: The project's settings.
        snapshot: What was pinned.
        name: Name of the snapshot's ref, the run's id.
        earlier: Datasets as they were once that the run needs as well.

    Raises:
        CodeError: There is no `origin`, or it refuses.
        DataError: There is no DVC remote, or it refuses.
    """
    repository = Repository.find(config.root)
    try:
        own = _by_commit(snapshot, earlier)
        _push_data(repository, own)
        if earlier is not None and earlier.sha in own:
            repository.keep(earlier.sha, name + EARLIER_SUFFIX)
        repository.push(name)
    except BaseException:
        repository.forget(name)
        raise


def unpushed(
    config: Config, snapshot: Snapshot, earlier: Earlier | None = None
) -> list[tuple[str, str]]:
    """List the datasets of the code's own repository that DVC's remote does not have whole.

    Returns:
        Of each the path, and the commit that points at it.

    Raises:
        DataError: There is no DVC remote, or it cannot be asked.
    """
    repository = Repository.find(config.root)
    found = []
    for sha, paths in _by_commit(snapshot, earlier).items():
        with _outs(repository, sha, _pointers(repository, sha, paths)) as outs:
            found += [(o.pointer.out, sha) for o in outs if not dvc.remote_has(o.root, o.path)]
    return found


def commits(snapshot: Snapshot, earlier: Earlier | None = None) -> list[str]:
    """Return the commits of the code's own repository that a run fetches."""
    return list(dict.fromkeys([snapshot.code.sha, *_by_commit(snapshot, earlier)]))


@dataclass(frozen=True)
class _Out:
    """One out of the snapshot, in a checkout of it that DVC works in like in the user's folder.

    `own` is the user's DVC root, and `root` that of the checkout.
    """

    pointer: pointers.Pointer
    own: Path
    root: Path
    path: Path


def _by_commit(snapshot: Snapshot, earlier: Earlier | None) -> dict[str, list[str]]:
    """Return the datasets of the code's own repository, by the commit that points at them."""
    found: dict[str, list[str]] = {}
    for dataset in snapshot.datasets:
        if dataset.repo == snapshot.code.repo:
            found.setdefault(dataset.sha, []).append(dataset.path)
    if found and earlier is not None and earlier.needed:
        found.setdefault(earlier.sha, []).extend(earlier.paths)
    return found


def _push_data(repository: Repository, own: Mapping[str, list[str]]) -> None:
    """Let DVC push by the commits' own pointers, which may not be the user's.

    What this process has pushed in the last minutes is not pushed again: DVC takes seconds to see
    that there is nothing to do, and one process may submit many runs of the same data.
    """
    top = repository.root
    for sha, paths in own.items():
        wanted = {_content(top, p): p for p in _pointers(repository, sha, paths)}
        oldest = time.monotonic() - _PUSHED_S
        left = {c: p for c, p in wanted.items() if _PUSHED.get(c, -math.inf) < oldest}
        if not left:
            continue
        with _outs(repository, sha, list(left.values())) as outs:
            for root in dict.fromkeys(out.root for out in outs):
                places = [str(out.path) for out in outs if out.root == root]
                dvc.run_dvc(root, "push", *places)
        _PUSHED.update(dict.fromkeys(left, time.monotonic()))


# When some content was pushed, with DVC configured as it is now.
_PUSHED: dict[tuple[str, str, str], float] = {}
_PUSHED_S = 600.0


def _content(top: Path, pointer: pointers.Pointer) -> tuple[str, str, str]:
    own = dvc.root_of((top / pointer.file).parent)
    return (str(own), dvc.configuration(own) if own else "", pointer.hash)


def _pointers(repository: Repository, sha: str, paths: list[str]) -> list[pointers.Pointer]:
    """Return a commit's pointers of the outs that hold some paths, each once."""
    found = (
        pointers.find_pointer(path, lambda file: git.read_file(repository.root, sha, file))
        for path in paths
    )
    return list({pointer.out: pointer for pointer in found if pointer is not None}.values())


@contextmanager
def _outs(repository: Repository, sha: str, wanted: list[pointers.Pointer]) -> Iterator[list[_Out]]:
    """Check a commit out, and give some of its outs."""
    if not wanted:
        yield []
        return
    with tempfile.TemporaryDirectory() as scratch:
        bare, tree = Path(scratch, "code"), Path(scratch, "tree")
        git.fetch(str(repository.root), sha, bare)
        git.checkout(bare, tree)
        outs = [_out(repository.root, tree, pointer) for pointer in wanted]
        for own, root in dict.fromkeys((out.own, out.root) for out in outs):
            dvc.configure_like(root, own, dvc.cache_folder(own))
        yield outs


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
    return _Out(pointer, own, root, tree / pointer.out)
