"""Projects to start from, each with real data that ships in a dependency."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.exceptions import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas

def must_exist(name: str) -> None:
    """Raise `UsageError` where there is no example of that name."""
    if name not in _DATA:
        raise UsageError(f"there is no example {name!r}", hint=f"there are: {', '.join(_DATA)}")


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
    target = folder / "data"
    target.mkdir()
    paths = _write_parts(target, *_DATA[name]())
    return (*written, *(path.relative_to(folder).as_posix() for path in paths))


def _breast_cancer() -> tuple[pandas.DataFrame, str]:
    """Return the Wisconsin diagnostic breast cancer data (569 rows, 30 measurements)."""
    from sklearn.datasets import load_breast_cancer

    frame = load_breast_cancer(as_frame=True).frame
    frame.columns = [str(name).replace(" ", "_") for name in frame.columns]
    return frame.rename(columns={"target": "benign"}), "benign"


def _digits() -> tuple[pandas.DataFrame, str]:
    """Return the optical recognition data of handwritten digits (1,797 rows, 64 pixels)."""
    from sklearn.datasets import load_digits

    frame = load_digits(as_frame=True).frame
    return frame.rename(columns={"target": "digit"}), "digit"


def _write_parts(folder: Path, frame: pandas.DataFrame, target: str) -> Iterator[Path]:
    """Write rows to train on and rows to test on as CSV, and yield the files."""
    from sklearn.model_selection import train_test_split

    parts = train_test_split(frame, test_size=0.25, random_state=0, stratify=frame[target])
    for name, rows in zip(("train", "test"), parts, strict=True):
        path = folder / f"{name}.csv"
        rows.to_csv(path, index=False)
        yield path


_DATA = {"quickstart": _breast_cancer, "tuning": _digits}
