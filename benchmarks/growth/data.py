"""What is pinned and provided: files of code, files of a dataset, and one file of data."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
from typing import TYPE_CHECKING

from benchmarks import past
from benchmarks.growth.costs import Costs, once, table
from benchmarks.growth.submission import pin
from benchmarks.record import Table, say, version_of
from mlops_nb.stages import provision_data

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path


def files(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure files of code in a snapshot, and files of a dataset."""
    code, many = folder / "code", folder / "many"
    past.fill(code, 0)
    _dataset(many)
    for size in sizes:
        say(f"{size:,} files")
        _write_files(code / "package", size)
        past.commit(code)
        costs.of("pin code", lambda: pin(code))
        costs.of("`git status` (peer)", lambda: past.git(code, "status", "--porcelain"))
        _write_files(many / "data" / "train", size)
        costs.of("pin a dataset, changed", once(lambda: pin(many)))
        costs.of("pin a dataset, unchanged", once(lambda: pin(many)))
        costs.of("`dvc status` (peer)", once(lambda: past.dvc(many, "status")))
        provide = _provided(many, folder / "volume")
        costs.of("provide the dataset to a run", once(provide))
    return table(
        "growth-files", "files", "{:,}", sizes, costs.lines(),
        note="Files of 20 bytes; the project's data are in one folder. Pinning a changed dataset "
        "puts it into DVC's cache, which is a file for each.",
        peers={"git": past.git(code, "--version").split()[-1], "dvc": version_of("dvc")},
    )  # fmt: skip


def one_file(folder: Path, sizes: Sequence[int], costs: Costs) -> Table:
    """Measure one file of data."""
    for size in sizes:
        say(f"{size:,} MB")
        root = folder / "project"
        _dataset(root)
        place = root / "data" / "train" / "all.bin"
        _write_sparse(place, size)
        costs.of("pin it, new", once(lambda r=root: pin(r)))
        costs.of("pin it, unchanged", lambda r=root: pin(r))
        provide = _provided(root, folder / "volume")
        costs.of("provide it to a run (hashed again)", once(provide))
        costs.of("`md5sum` of Python's hashlib (peer)", once(lambda p=place: _md5(p)))
        shutil.rmtree(folder / "project")
        shutil.rmtree(folder / "volume", ignore_errors=True)
    lines = costs.lines()
    provided, alone = lines[2].costs[-1], lines[3].costs[-1]
    return table(
        "growth-data", "data in one file", "{:,} MB", sizes, lines,
        note="Sparse files, so that the disk plays little part: what is left is MD5, which DVC "
        "names content by and which one core computes at some 600 MB/s.",
        says=f"{sizes[-1]:,} MB are provided to a run in {provided / alone:.2f} times the CPU of "
        "their MD5 alone; pinned again, they cost nothing that grows with their size.",
        peers={"dvc": version_of("dvc")},
    )  # fmt: skip


def _dataset(root: Path) -> None:
    """Make a project whose training data are a folder."""
    past.fill(root, 0)
    folder = root / "data" / "train"
    folder.mkdir()
    (folder / "first.bin").write_bytes(b"first")
    past.dvc(root, "add", "-q", "data/train")
    (root / "mlops.toml").write_text('[project]\nname = "sample"\n[data]\ntrain = "data/train"\n')
    past.commit(root)


def _write_files(folder: Path, count: int) -> None:
    for number in range(count):
        path = folder / f"part_{number // 1000}" / f"module_{number}.py"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"VALUE = {number:11d}\n")


def _write_sparse(path: Path, size_mb: int) -> None:
    with path.open("wb") as file:
        file.write(secrets.token_bytes(64))
        file.truncate(size_mb * 1_000_000)


def _md5(path: Path) -> None:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)


def _provided(root: Path, volume: Path) -> Callable[[], None]:
    """Return the providing of a project's data, as they are pinned now."""
    sha = pin(root)

    def provide() -> None:
        nowhere, kept = os.open(os.devnull, os.O_WRONLY), os.dup(1)
        os.dup2(nowhere, 1)
        try:
            provision_data.run(
                repo=str(root), sha=sha, train="data/train", test="", other="[]",
                volume=str(volume),
            )  # fmt: skip
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)

    return provide
