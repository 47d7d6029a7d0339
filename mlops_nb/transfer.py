"""Carry a run as one file: its record, its commit as a git bundle, its data, its lock.

The file is a gzipped tar that needs nothing of this package to be read:

    README.txt              how to read it
    SHA256SUMS              of all the rest, for `sha256sum --check`
    run.json                the run: pins, parameters, metrics, model
    environment.lock        one name==version a line
    notebook.ipynb          as it was executed, secrets in outputs masked
    code.bundle             the commit of run.json, for `git clone`
    data.bundle             that of the data repository, where it is another one
    data/<path>             the datasets
    record/                 what `import` puts back, with the trials of a tuning
"""

from __future__ import annotations

import hashlib
import platform
import re
import shutil
import tarfile
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.capture import dvc, git, secrets
from mlops_nb.capture.repository import DATA_SUFFIX, Repository
from mlops_nb.exceptions import DataError, RunError
from mlops_nb.journal import RunFolder
from mlops_nb.runners.records import must_be_whole

if TYPE_CHECKING:
    from mlops_nb.settings import Config
    from mlops_nb.types import Dataset, Run, RunRequest, Snapshot

_SUMS, _CODE, _DATA = "SHA256SUMS", "code.bundle", "data.bundle"
# That of a firing is longer than one of now.
_RUN_ID = re.compile(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{6,10}")
# Within a hundredth of the size at the default level, in half of its time.
_LEVEL = 6
_ESCAPES = {"n": "\n", "r": "\r"}
_README = """\
A training run, as it was recorded.

    sha256sum --check SHA256SUMS      nothing has changed since it was written
    cat run.json                      pins, parameters, metrics, model
    git clone code.bundle code        the code, with the edits that were in no commit: {sha}
    ls data                           the datasets, by their paths in the repository
    pip install -r environment.lock   the packages

To run it again and compare, in a project of mlops_nb:

    jupyter mlops import FILE
    jupyter mlops reproduce {id}
"""


def write(config: Config, run: Run, path: Path) -> None:
    """Write a run to a file.

    Raises:
        RunError: The run goes on, or the file exists.
        CodeError: The repository has lost the commit.
        DataError: DVC's cache has lost data, or they are corrupt.
    """
    must_be_whole(run.id)
    if not run.state.terminal:
        raise RunError(
            f"run {run.id} goes on", hint=f"wait for its end: jupyter mlops watch {run.id}"
        )
    if path.exists():
        raise RunError(f"{path} exists", hint="name a file that does not")
    if not path.parent.is_dir():
        raise RunError(f"there is no folder {path.parent}", hint=f"make it: mkdir -p {path.parent}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write_record(RunFolder(config.state_folder / "runs" / run.id), run, folder)
        _write_commits(str(Repository.find(config.root).root), run.snapshot, folder)
        for dataset in run.snapshot.datasets:
            _write_data(config, dataset, folder)
        _write_sums(folder)
        unfinished = path.with_name(f".{path.name}.unfinished")
        try:
            with tarfile.open(unfinished, "w:gz", compresslevel=_LEVEL) as archive:
                for entry in sorted(folder.iterdir()):
                    archive.add(entry, entry.name)
            unfinished.replace(path)
        except BaseException:
            unfinished.unlink(missing_ok=True)
            raise


def read(config: Config, path: Path) -> str:
    """Put the run of a file into a project, and return its id.

    Raises:
        RunError: The file is no such file, is damaged, or the project has the run.
        CodeError: The bundle does not give the commit.
        DataError: A dataset is not what its hash says, or the project has no DVC.
    """
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _extract(path, folder)
        record = RunFolder(folder / "record")
        request = _request(record, path)
        target = RunFolder(config.state_folder / "runs" / request.id)
        if target.path.exists():
            raise RunError(
                f"the project has run {request.id} already",
                hint=f"see it: jupyter mlops show {request.id}",
            )
        for dataset in request.snapshot.datasets:
            _read_data(config, dataset, folder)
        repository = Repository.find(config.root)
        repository.unbundle(folder / _CODE, request.id)
        if (folder / _DATA).is_file():
            repository.unbundle(folder / _DATA, f"{request.id}{DATA_SUFFIX}")
        _put(record.path, target.path)
        return request.id


def _put(record: Path, target: Path) -> None:
    """Put a record in its place as a whole, and for the user alone."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Under this name it is no run yet, however far the copy comes.
    unfinished = target.with_name(f".imported-{target.name}")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(record, unfinished)
    for place in (unfinished, *unfinished.rglob("*")):
        place.chmod(0o700 if place.is_dir() else 0o600)
    unfinished.rename(target)


def _request(record: RunFolder, path: Path) -> RunRequest:
    """Return what the run of a file was asked for, where all that it names stays in its place."""
    try:
        request = record.load_request()
        places = [dataset.path for dataset in request.snapshot.datasets]
    except OSError as error:
        raise RunError(
            f"{path} holds no run: {error.strerror}", hint="name a file that `export` wrote"
        ) from None
    out = [p for p in places if PurePosixPath(p).is_absolute() or ".." in PurePosixPath(p).parts]
    if not _RUN_ID.fullmatch(request.id) or out:
        raise RunError(
            f"{path} holds no run of ours: its {'data are' if out else 'id is'} "
            f"{(out or [request.id])[0][:80]!r}",
            hint="name a file that `export` wrote",
        )
    return request


def _write_commits(repo: str, snapshot: Snapshot, folder: Path) -> None:
    git.bundle(repo, snapshot.code.sha, folder / _CODE)
    for dataset in snapshot.datasets[:1]:
        if dataset.sha != snapshot.code.sha:
            git.bundle(dataset.repo, dataset.sha, folder / _DATA)


def _write_record(source: RunFolder, run: Run, folder: Path) -> None:
    record = RunFolder(folder / "record")
    _copy_record(source, record)
    for number in source.trials():
        _copy_record(source.trial(number), record.trial(number))
    if record.notebook.is_file():
        shutil.copyfile(record.notebook, folder / record.notebook.name)
    (folder / "run.json").write_text(encoding.record(run, indent=2) + "\n", encoding="utf-8")
    lock = "\n".join(run.snapshot.environment.lock)
    (folder / "environment.lock").write_text(lock + "\n", encoding="utf-8")
    readme = _README.format(sha=run.snapshot.code.sha, id=run.id)
    (folder / "README.txt").write_text(readme, encoding="utf-8")


def _copy_record(source: RunFolder, target: RunFolder) -> None:
    target.path.mkdir(parents=True)
    report = (source.report, source.report.with_suffix(".json"))
    for file in (source.request, source.events, source.points, *report):
        if file.is_file():
            shutil.copyfile(file, target.path / file.name)
    if source.notebook.is_file():
        target.notebook.write_bytes(secrets.mask_outputs(source.notebook.read_bytes()))


def _write_data(config: Config, dataset: Dataset, folder: Path) -> None:
    if dataset.hash.startswith("git:"):
        return
    cache = _cache_with(config, dataset)
    for file in dvc.list_files(cache, dataset.hash):
        target = folder / "data" / PurePosixPath(dataset.path, file.path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(dvc.object_path(cache, file.md5), target)
        _must_have_hash(target, file.md5, dataset)
    if dataset.hash.endswith(".dir"):
        listing = folder / "record" / "listings" / dataset.hash
        listing.parent.mkdir(exist_ok=True)
        shutil.copyfile(dvc.object_path(cache, dataset.hash), listing)


def _cache_with(config: Config, dataset: Dataset) -> Path:
    """Return the cache that has a dataset whole: the data repository's, the project's, ours."""
    roots = [dvc.root_of(folder) for folder in (Path(dataset.repo), config.root)]
    caches = [dvc.cache_folder(root) for root in roots if root is not None]
    caches.append(dvc.cache_below(config.state_folder / "dvc"))
    missing = {cache: dvc.missing_objects(cache, dataset.hash) for cache in caches}
    found = min(caches, key=lambda cache: len(missing[cache]))
    if missing[found]:
        raise DataError(
            f"DVC's cache has lost {len(missing[found])} objects of {dataset.path}",
            hint=f"get them from the remote: cd {dataset.repo} && dvc fetch",
        )
    return found


def _read_data(config: Config, dataset: Dataset, folder: Path) -> None:
    if dataset.hash.startswith("git:"):
        return
    cache = dvc.cache_folder(dvc.required_root(config.root))
    listing = folder / "record" / "listings" / dataset.hash
    if listing.is_file():
        _must_have_hash(listing, dataset.hash.removesuffix(".dir"), dataset)
        dvc.files_of(listing.read_bytes(), dataset.hash)
        _keep(cache, listing, dataset.hash)
    for file in dvc.list_files(cache, dataset.hash):
        source = folder / "data" / PurePosixPath(dataset.path, file.path)
        _must_have_hash(source, file.md5, dataset)
        _keep(cache, source, file.md5)


def _keep(cache: Path, source: Path, digest: str) -> None:
    target = dvc.object_path(cache, digest)
    if target.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_name(f"{target.name}.unfinished")
    shutil.copyfile(source, unfinished)
    unfinished.chmod(0o444)
    unfinished.replace(target)


def _must_have_hash(path: Path, md5: str, dataset: Dataset) -> None:
    if not path.is_file() or dvc.md5_of(path) != md5:
        raise DataError(
            f"{dataset.path}: {path.name} is not what its hash {md5} says",
            hint="export the run again from where its data are whole",
        )


def _write_sums(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [_sum(_sha256(path), path.relative_to(folder).as_posix()) for path in files]
    (folder / _SUMS).write_text("".join(lines), encoding="utf-8")


def _sum(digest: str, name: str) -> str:
    """Return a line of sums as coreutils write it: with a backslash before one that is escaped."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    return f"{'' if escaped == name else chr(92)}{digest}  {escaped}\n"


def _named(line: str) -> tuple[str, str]:
    """Return name and digest of a line of sums."""
    digest, _, name = line.partition("  ")
    if not digest.startswith("\\"):
        return name, digest
    plain = re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), name)
    return plain, digest[1:]


def _extract(path: Path, folder: Path) -> None:
    if not path.is_file():
        raise RunError(f"there is no file {path}", hint="name a file that `export` wrote")
    if not hasattr(tarfile, "data_filter"):
        raise RunError(
            f"Python {platform.python_version()} cannot unpack a file of others safely",
            hint="use the newest patch release of this Python",
        )
    damaged = RunError(
        f"{path} is damaged, or no file that `export` wrote", hint="export the run again"
    )
    try:
        with tarfile.open(path, "r:gz") as archive:
            archive.extractall(folder, filter=_plain)  # noqa: S202  (regular files alone)
        sums = (folder / _SUMS).read_bytes().decode()
        named = dict(_named(line) for line in sums.split("\n") if line)
    except (tarfile.TarError, OSError, EOFError, UnicodeDecodeError) as error:
        raise damaged from error
    found = {p.relative_to(folder).as_posix(): p for p in folder.rglob("*") if p.is_file()}
    found.pop(_SUMS)
    if found.keys() != named.keys() or any(_sha256(p) != named[n] for n, p in found.items()):
        raise damaged


def _plain(member: tarfile.TarInfo, folder: str) -> tarfile.TarInfo:
    """Let regular files and folders below the target through, and nothing else (PEP 706)."""
    if not (member.isreg() or member.isdir()):
        raise tarfile.SpecialFileError(member)
    return tarfile.data_filter(member, folder)


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()
