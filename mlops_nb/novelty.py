"""What is new in data since an earlier version of them: files of a folder, or rows of a table.

Files are told by name and content, as DVC lists them, and not read. Rows are told by a key column;
where there is none, by all that they hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.evaluation import tables

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas


@dataclass(frozen=True)
class Files:
    """The files of two versions of a folder, by path in it.

    Attributes:
        new: Those that the earlier version lacks.
        old: Those that both have, with the same content.
        changed: Those that both have, with another content.
        gone: Those that the later version lacks.
    """

    new: tuple[str, ...]
    old: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]


@dataclass(frozen=True)
class Rows:
    """The rows of two versions of a table.

    Attributes:
        new: Those that the earlier version lacks.
        old: Those that both have.
        changed: How many both have, with another content under the same key.
        gone: How many the later version lacks.
    """

    new: pandas.DataFrame
    old: pandas.DataFrame
    changed: int
    gone: int


def of_files(earlier: Mapping[str, str], later: Mapping[str, str]) -> Files:
    """Compare two folders.

    Args:
        earlier: Path of each file to what names its content.
        later: Likewise.
    """
    both = [path for path in later if path in earlier]
    return Files(
        new=tuple(sorted(path for path in later if path not in earlier)),
        old=tuple(sorted(path for path in both if later[path] == earlier[path])),
        changed=tuple(sorted(path for path in both if later[path] != earlier[path])),
        gone=tuple(sorted(path for path in earlier if path not in later)),
    )


def of_rows(earlier: pandas.DataFrame, later: pandas.DataFrame, key: str = "") -> Rows:
    """Compare two tables.

    Args:
        earlier: The earlier version.
        later: The later one.
        key: The column that names a row; "" for all that it holds, copies counted.

    Raises:
        KeyError: There is no such column.
    """
    before, after = _names(earlier, key), _names(later, key)
    new = ~after.isin(before)
    changed = 0
    if key:
        both = dict(zip(before, _contents(earlier), strict=True))
        contents = zip(after, _contents(later), strict=True)
        differs = [name in both and both[name] != content for name, content in contents]
        changed = sum(differs)
    return Rows(
        new=later[new.to_numpy()],
        old=later[~new.to_numpy()],
        changed=changed,
        gone=int((~before.isin(after)).sum()),
    )


def listed(place: Path) -> dict[str, str]:
    """Return the files of a folder, each with the object of DVC's cache that it is a link to."""
    files = (path for path in place.rglob("*") if path.is_file())
    return {path.relative_to(place).as_posix(): str(path.resolve()) for path in files}


def parted(earlier: Path, later: Path, key: str = "") -> tuple[pandas.DataFrame, pandas.DataFrame]:
    """Return the rows of a dataset that are new, and those that are not.

    Args:
        earlier: Its earlier version, a file or a folder.
        later: The later one.
        key: The column that names a row of a file; not looked at where it is not there.
    """
    if later.is_dir():
        files = of_files(listed(earlier), listed(later))
        return _table(later, files.new), _table(later, files.old)
    before, after = tables.read([earlier]), tables.read([later])
    known = key if key in before.columns and key in after.columns else ""
    rows = of_rows(before, after, known)
    return rows.new, rows.old


def _table(folder: Path, names: tuple[str, ...]) -> pandas.DataFrame:
    import pandas

    files = [folder / name for name in names if Path(name).suffix in tables.READERS]
    return tables.read(files) if files else pandas.DataFrame()


def replayed(old: pandas.DataFrame, share: float) -> pandas.DataFrame:
    """Return a share of rows, the same ones again for the same rows."""
    return old.sample(frac=share, random_state=0).sort_index()


def _names(frame: pandas.DataFrame, key: str) -> pandas.Series:
    if key:
        return frame[key]
    contents = _contents(frame)
    copies = contents.groupby(contents).cumcount()
    return contents.astype(str) + "/" + copies.astype(str)


def _contents(frame: pandas.DataFrame) -> Any:
    """Return a hash of each row, the same whatever the order of the columns."""
    import pandas

    columns = sorted(map(str, frame.columns))
    named = frame.set_axis([str(name) for name in frame.columns], axis=1)[columns]
    numbers = named.select_dtypes("number").columns
    named = named.astype(dict.fromkeys(numbers, float))
    return pandas.util.hash_pandas_object(named, index=False).reset_index(drop=True)
