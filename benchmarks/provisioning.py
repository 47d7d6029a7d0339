"""Data on their way to the pods that read them: by the volume, beside the artifact store."""

from __future__ import annotations

import io
import os
import shutil
import statistics
import subprocess
import sys
import time
from contextlib import contextmanager, redirect_stdout
from typing import TYPE_CHECKING

from benchmarks.record import Table, say
from mlops_nb import project as projects
from mlops_nb.stages import provision_data, volume, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("mlops_nb", "dvc")
TABLES = ("provisioning",)
ROUNDS = 3
READERS = ("train", "evaluate")
MEGABYTES = 500


QUICK = {"ROUNDS": 1, "MEGABYTES": 50}


def measure(folder: Path) -> Iterator[Table]:
    """Provision data from a DVC remote, and open them in the two stages that read them."""
    rows, ratios = [], {}
    for files in (2000, 1):
        root = _project(folder / f"files-{files}", files)
        ways = {"artifact store": [], "volume": []}
        for turn in range(ROUNDS):
            say(f"{files:,} files, round {turn + 1} of {ROUNDS}")
            scratch = folder / f"turn-{files}-{turn}"
            ways["volume"].append(_by_volume(root, scratch / "volume"))
            ways["artifact store"].append(_by_store(root, scratch))
            shutil.rmtree(scratch)
        base = statistics.median(wall for wall, _ in ways["artifact store"])
        for way, taken in ways.items():
            wall = statistics.median(wall for wall, _ in taken)
            written = taken[-1][1] / 1e6
            ratios[files, way] = wall / base
            figures = (f"{wall:.2f}", f"{written:,.0f}", f"{wall / base:.2f}")
            rows.append((f"{files:,}", way, *figures))
    yield Table(
        name="provisioning",
        title=f"{MEGABYTES} MB from the DVC cache to {' and '.join(READERS)}, as in a pod",
        columns=("files", "way", "wall, s", "bytes written, MB", "ratio"),
        rows=tuple(rows),
        note=f"Medians of {ROUNDS}; the way by the volume also checks each file against its hash. "
        "The artifact store is a folder on the same disk: a copy up, and a copy down for each "
        "reader. A store behind a network is slower than that.",
        says=f"By the volume data take {ratios[2000, 'volume']:.2f} (2,000 files) and "
        f"{ratios[1, 'volume']:.2f} (one file) of the time by an artifact store on the same disk.",
    )


def _project(root: Path, files: int) -> Path:
    projects.init(root, example=None)
    data = root / "data"
    data.mkdir()
    size = MEGABYTES * 1_000_000 // files
    for number in range(files):
        (data / f"{number}.bin").write_bytes(os.urandom(size))
    subprocess.run([sys.executable, "-m", "dvc", "add", "-q", "data"], cwd=root, check=True)
    subprocess.run(["git", "add", "-A"], cwd=root, check=True)
    author = ["-c", "user.name=b", "-c", "user.email=b"]
    subprocess.run(["git", *author, "commit", "-qm", "data"], cwd=root, check=True)
    return root


def _by_volume(root: Path, place: Path) -> tuple[float, int]:
    """Provision into a volume, and link into the checkout of each reader."""
    start = time.monotonic()
    data = volume.existing(str(place), _provision(root, place))
    for reader in READERS:
        top = place / reader
        top.mkdir()
        workspace.link(data, top)
    return time.monotonic() - start, _written(place)


def _by_store(root: Path, scratch: Path) -> tuple[float, int]:
    """Provision into the first pod, carry that up, and down into the pod of each reader."""
    start = time.monotonic()
    pod = volume.existing(str(scratch / "pod"), _provision(root, scratch / "pod"))
    artifact = scratch / "artifact"
    artifact.mkdir()
    workspace.link(pod, artifact)
    # A copy follows the links, as the upload of an artifact does.
    shutil.copytree(artifact, scratch / "store")
    for reader in READERS:
        shutil.copytree(scratch / "store", scratch / reader)
    return time.monotonic() - start, _written(scratch) - _written(scratch / "volume")


def _provision(root: Path, place: Path) -> str:
    sha = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()
    with _quiet():
        outputs = provision_data.run(
            repo=str(root), sha=sha, train="data", test="", other="[]", volume=str(place)
        )
    return outputs["data"]


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a stage says to its pod's log out of the table."""
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _written(folder: Path) -> int:
    found = folder.rglob("*") if folder.exists() else ()
    return sum(path.stat().st_size for path in found if path.is_file() and not path.is_symlink())
