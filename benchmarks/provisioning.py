"""Data to the pods that read them: through an artifact store, beside the volume that we use."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ROUNDS = 5
READERS = ("train", "evaluate")
SHAPES = {"500 MB in 2,000 files": (2_000, 250_000), "500 MB in 1 file": (1, 500_000_000)}


@dataclass(frozen=True)
class Way:
    """What a way of providing data took, all readers together."""

    seconds: float
    written_bytes: int


def table(folder: Path) -> str:
    """Measure both ways in turn, on the same objects of a cache."""
    lines = [
        "Data for the train and evaluate pods of a run, from objects that are in a cache on the",
        f"same disk; medians of {ROUNDS}, in turn. The artifact store is a folder, and a copy into",
        "or out of it a plain copy of files, not waiting for the disk: a lower bound of what an",
        "object store takes.",
        "",
        "| data | store, s | store, MB written | volume, s | volume, MB written | store / volume |",
        "|---|---|---|---|---|---|",
    ]
    for name, (count, size_bytes) in SHAPES.items():
        cache = _cache(folder / f"cache-{count}", count, size_bytes)
        pairs = [_pair(cache, folder / f"{count}-{turn}") for turn in range(ROUNDS)]
        lines.append(_line(name, pairs))
    return "\n".join(lines)


def _line(name: str, pairs: list[tuple[Way, Way]]) -> str:
    store_s, volume_s = (statistics.median(pair[i].seconds for pair in pairs) for i in (0, 1))
    ratio = statistics.median(store.seconds / volume.seconds for store, volume in pairs)
    (store, volume), *_ = pairs
    return (
        f"| {name} | {store_s:.2f} | {store.written_bytes / 1e6:,.0f} "
        f"| {volume_s:.3f} | {volume.written_bytes / 1e6:,.1f} | {ratio:,.1f} |"
    )


def _cache(folder: Path, count: int, size_bytes: int) -> list[Path]:
    """Write the objects of a dataset."""
    folder.mkdir()
    objects = [folder / f"{i}.bin" for i in range(count)]
    for path in objects:
        path.write_bytes(os.urandom(size_bytes))
    return objects


def _pair(cache: list[Path], folder: Path) -> tuple[Way, Way]:
    found = []
    for way in (_through_store, _through_volume):
        place = folder / way.__name__.strip("_")
        found.append(_measured(way, cache, place))
        shutil.rmtree(place)
    store, volume = found
    return store, volume


def _measured(way: Callable[[list[Path], Path], None], cache: list[Path], place: Path) -> Way:
    place.mkdir(parents=True)
    # The disk is not to be busy yet with what the way before has left.
    os.sync()
    start = time.monotonic()
    way(cache, place)
    return Way(time.monotonic() - start, _size(place))


def _through_store(cache: list[Path], place: Path) -> None:
    """Provide the data as an artifact: one copy up, and one down for each reader."""
    provided, store = place / "provided", place / "store"
    _link(cache, provided)
    shutil.copytree(provided, store)
    for reader in READERS:
        shutil.copytree(store, place / reader)


def _through_volume(cache: list[Path], place: Path) -> None:
    """Provide the data on a volume: links to the objects, and links to those for each reader."""
    provided = place / "provided"
    _link(cache, provided)
    for reader in READERS:
        # As a stage lays them into its checkout: to the objects themselves.
        _link([path.resolve() for path in provided.iterdir()], place / reader)


def _link(objects: list[Path], folder: Path) -> None:
    folder.mkdir()
    for path in objects:
        (folder / path.name).symlink_to(path)


def _size(folder: Path) -> int:
    """Return the bytes of all files, of a link those of its target's name."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_dir())
