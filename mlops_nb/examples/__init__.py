"""Projects to start from: real data that ship in a dependency, and a stream that is made."""

from __future__ import annotations

import shutil
from pathlib import Path

from mlops_nb.exceptions import UsageError

_DATA = {
    "quickstart": lambda folder: _write_breast_cancer(folder / "data", folder),
    "incremental": lambda folder: _write_stream(folder),
}
NAMES = tuple(_DATA)


def must_exist(name: str) -> None:
    """Raise `UsageError` where there is no example of that name."""
    if name not in NAMES:
        raise UsageError(f"there is no example {name!r}", hint=f"there is: {', '.join(NAMES)}")


def write(name: str, folder: Path) -> tuple[str, ...]:
    """Write an example's files and data into a folder, and return their paths in it."""
    source = Path(__file__).parent / name
    written = []
    for path in sorted(source.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            target = folder / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            written.append(target.relative_to(folder).as_posix())
    return (*written, *_DATA[name](folder))


def _write_breast_cancer(target: Path, folder: Path) -> tuple[str, ...]:
    """Write the Wisconsin diagnostic breast cancer data (569 rows, 30 measurements) as CSV."""
    from sklearn.datasets import load_breast_cancer
    from sklearn.model_selection import train_test_split

    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [str(name).replace(" ", "_") for name in frame.columns]
    frame = frame.rename(columns={"target": "benign"})
    train, test = train_test_split(
        frame, test_size=0.25, random_state=0, stratify=frame["benign"]
    )
    target.mkdir()
    written = []
    for part, rows in (("train", train), ("test", test)):
        path = target / f"{part}.csv"
        rows.to_csv(path, index=False)
        written.append(path.relative_to(folder).as_posix())
    return tuple(written)


def _write_stream(folder: Path) -> tuple[str, ...]:
    """Write the first months of the stream, and return the folders to be put under DVC."""
    from mlops_nb.examples.incremental import stream

    for number in range(1, stream.MONTHS + 1):
        stream.write(folder, number)
    return ("data/train", "data/test")
