"""What DVC's files in git say of an out: a `.dvc` file, or a stage's entry in `dvc.lock`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOCK = "dvc.lock"


@dataclass(frozen=True)
class Pointer:
    """What DVC's file says of one out.

    Attributes:
        file: The file's path in the repository.
        out: The out's path in the repository.
        hash: `<md5>`, or `<md5>.dir` for a folder.
        size_bytes: Size of the content.
        files: Number of files.
        text: The file as it is.
    """

    file: str
    out: str
    hash: str
    size_bytes: int
    files: int
    text: bytes

    @property
    def definition(self) -> str:
        """Path of the file in which DVC looks for the stage that has the out."""
        return str(PurePosixPath(self.file).with_name("dvc.yaml")) if self._in_lock else self.file

    @property
    def _in_lock(self) -> bool:
        return PurePosixPath(self.file).name == LOCK

    def with_content(self, digest: str, size_bytes: int, files: int) -> Pointer:
        """Return the pointer for another content of the same out."""
        import yaml

        document = yaml.safe_load(self.text)
        folder = str(PurePosixPath(self.file).parent)
        entry = next(e for out, e in _entries(document, folder) if out == self.out)
        entry["md5"], entry["size"] = digest, size_bytes
        if digest.endswith(".dir"):
            entry["nfiles"] = files
        text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode()
        return replace(self, hash=digest, size_bytes=size_bytes, files=files, text=text)


def find_pointer(path: str, read: Callable[[str], bytes | None]) -> Pointer | None:
    """Return the pointer of the out that is or contains a path, None where no out does.

    Args:
        path: Path in the repository, with forward slashes.
        read: Gives a file of the repository by its path, None where it is absent.

    Raises:
        DataError: A file of DVC cannot be understood.
    """
    place = PurePosixPath(path)
    for out in (place, *place.parents[:-1]):
        file = f"{out}.dvc"
        text = read(file)
        if text is not None:
            return _pointer(file, _only_entry(file, text), text)
    for folder in place.parents:
        file = str(folder / LOCK)
        text = read(file)
        for out_, entry in outs_of_lock(text, str(folder)) if text is not None else ():
            if place.is_relative_to(out_):
                return _pointer(file, (out_, entry), text or b"")
    return None


def outs_of_lock(text: bytes, folder: str) -> list[tuple[str, dict[str, Any]]]:
    """List path and entry of each out that the stages of a `dvc.lock` in a folder have cached."""
    import yaml

    try:
        document = yaml.safe_load(text)
        return [(out, e) for out, e in _entries(document, folder) if "md5" in e]
    except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{PurePosixPath(folder, LOCK)} is not a lock of DVC ({type(error).__name__})",
            hint="make it again: dvc repro",
        ) from None


def _only_entry(file: str, text: bytes) -> tuple[str, dict[str, Any]]:
    import yaml

    try:
        ((out, entry),) = _entries(yaml.safe_load(text), str(PurePosixPath(file).parent))
        _ = entry["md5"], int(entry.get("size", 0)), int(entry.get("nfiles", 1))
    except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DataError(
            f"{file} is not a DVC pointer to one md5-hashed out ({type(error).__name__})",
            hint=f"make it again: dvc add {file.removesuffix('.dvc')}",
        ) from None
    return out, entry


def _entries(document: Any, folder: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield path in the repository and entry of each out of a DVC file."""
    stages = document["stages"].values() if "stages" in document else [document]
    for stage in stages:
        for entry in stage.get("outs", ()):
            yield str(PurePosixPath(folder, entry["path"])), entry


def _pointer(file: str, found: tuple[str, dict[str, Any]], text: bytes) -> Pointer:
    out, entry = found
    if entry.get("hash") != "md5":
        raise DataError(
            f"{file} was written by DVC 2, whose hashes ignore line ends",
            hint="migrate once: dvc cache migrate --dvc-files",
        )
    size, files = int(entry.get("size", 0)), int(entry.get("nfiles", 1))
    return Pointer(file, out, entry["md5"], size, files, text)
