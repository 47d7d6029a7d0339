"""Pinning a project, beside what git and DVC take to look at the same files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measure import Cost, cost, median
from benchmarks.record import Table, say, version_of
from mlops_nb import project as projects
from tests.vocabulary import notebook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PACKAGES = ("mlops_nb", "dvc")
TABLES = ("capture",)
ROUNDS = 3
TAKE = [sys.executable, "-m", "benchmarks.take", "train.ipynb"]


CASES = {
    "10,000 files of code, one changed": ("_many_files", "git", ["git", "status", "--porcelain"]),
    "500 MB of data in 2,000 files": (
        "_much_data",
        "dvc",
        [sys.executable, "-m", "dvc", "status", "-q"],
    ),
}


QUICK = {"ROUNDS": 1}


def measure(folder: Path) -> Iterator[Table]:
    """Measure capture on 10,000 files of code, and on 500 MB of data in 2,000 files."""
    rows, said = [], []
    for case, (make, peer, command) in CASES.items():
        say(case)
        root = folder / peer
        cold = _prepared(root, globals()[make])
        taken, others = [], []
        for turn in range(ROUNDS):
            (root / "module_0.py").write_text(f"VALUE = {turn}\n")
            taken.append(_take(root))
            others.append(cost(command, root))
        own, other = median(taken), median(others)
        ratio = f"{own.wall_s / other.wall_s:.2f}"
        asked = f"{peer} status"
        rows += [
            (case, "again", f"{own.cpu_s:.2f}", f"{own.wall_s:.2f}", asked,
             f"{other.wall_s:.2f}", ratio),
            (case, "first", f"{cold.cpu_s:.2f}", f"{cold.wall_s:.2f}", "", "", ""),
        ]  # fmt: skip
        what = case.removesuffix(", one changed")
        said.append(f"{what} in {own.wall_s:.2f} s (`{asked}`: {other.wall_s:.2f} s)")
    git = subprocess.run(["git", "--version"], capture_output=True, text=True, check=True).stdout
    yield Table(
        name="capture",
        title="Pinning a project",
        columns=("project", "time", "CPU, s", "wall, s", "peer", "peer's wall, s", "ratio"),
        rows=tuple(rows),
        note=f"Medians of {ROUNDS}, with one file changed before each. Ours inside of the process; "
        "the peer is a command, which only looks, and keeps nothing.",
        says=f"Pinned are {', and '.join(said)}.",
        peers={"git": git.split()[-1], "dvc": version_of("dvc")},
    )


def _prepared(root: Path, make: Callable[[Path], None]) -> Cost:
    projects.init(root, example=None)
    notebook(root / "train.ipynb", "1", parameters="rate = 0.5")
    (root / "module_0.py").write_text("VALUE = -1\n")
    make(root)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    subprocess.run(
        ["git", "-c", "user.name=b", "-c", "user.email=b", "commit", "-qm", "start"],
        cwd=root, check=True,
    )  # fmt: skip
    return _take(root)


def _take(root: Path) -> Cost:
    from pathlib import Path

    checkout = str(Path(__file__).resolve().parent.parent)
    done = subprocess.run(
        TAKE, cwd=root, capture_output=True, check=True, env={**os.environ, "PYTHONPATH": checkout}
    )
    return Cost(**json.loads(done.stdout))


def _many_files(root: Path) -> None:
    for i in range(10_000):
        path = root / "package" / f"part_{i // 100}" / f"module_{i}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"VALUE = {i}\n" * 20)


def _much_data(root: Path) -> None:
    (root / "data" / "train").mkdir(parents=True)
    for i in range(2_000):
        (root / "data" / "train" / f"{i}.bin").write_bytes(os.urandom(250_000))
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data/train"], cwd=root, check=True)
    with (root / "mlops.toml").open("a", encoding="utf-8") as settings:
        settings.write('train = "data/train"\n')
