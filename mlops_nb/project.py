"""Make a folder a project, and its data tracked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb import examples
from mlops_nb.capture import dvc
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import CodeError, DataError, ProjectError
from mlops_nb.journal import RUN_ID
from mlops_nb.settings import FILE_NAME

if TYPE_CHECKING:
    from mlops_nb.settings import Config

# An executed notebook, logs, and an MLflow store that grows.
_FREE_BYTES = 20_000_000
_TEMPLATE = """\
# Settings of the project; all of them, with their sources: jupyter mlops config
format = 1

[project]
name = {name}

[data]
# train = "data/train.csv"
# test = "data/test.csv"
# target = "label"
"""


def init(folder: Path, *, example: str | None) -> tuple[str, ...]:
    """Make a folder a project and return what was done, a line each.

    Raises:
        ProjectError: An example is to go into a folder that is not empty, or has no such name.
        CodeError: Git cannot make the repository.
        DataError: DVC cannot be set up.
    """
    if example is not None:
        examples.must_exist(example)
        if folder.is_dir() and any(folder.iterdir()):
            raise ProjectError(f"{folder} is not empty", hint="name a new folder for the example")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ProjectError(
            f"{folder} cannot be made a folder: {error.strerror}", hint="name a new folder"
        ) from None
    folder = folder.resolve()
    done = [*_git(folder, own=example is not None), *_dvc(folder)]
    if example is not None:
        done += _example(folder, example)
    if not (folder / FILE_NAME).exists():
        (folder / FILE_NAME).write_text(_TEMPLATE.format(name=_quoted(folder.name)), "utf-8")
        done.append(f"wrote {FILE_NAME}")
    if example is not None:
        _commit(folder, f"The {example} example")
        done.append("committed all of it")
    return tuple(done or [f"{folder} is a project already; nothing was changed"])


def _quoted(name: str) -> str:
    """Return the name of a folder, which may be any bytes, as a string of TOML."""
    import tomlkit

    return tomlkit.item(os.fsencode(name).decode(errors="replace")).as_string()


def track(config: Config, path: Path) -> str:
    """Put a file or a folder under DVC and return its pointer file, relative to the project.

    Raises:
        DataError: It does not exist, lies outside of the project, or DVC refuses.
    """
    # What we say of data names them as the repository does, whose top may be above the project.
    tops = (Path.cwd(), config.root, Repository.find(config.root).root)
    place = next((top / path for top in tops if (top / path).exists()), None)
    if place is None:
        raise DataError(f"there is no file or folder {path}", hint="name data of the project")
    if not place.resolve().is_relative_to(config.root.resolve()):
        raise DataError(
            f"{path} lies outside of the project {config.root}",
            hint="copy it into the project first",
        )
    dvc.run_dvc(dvc.required_root(config.root), "add", "--", str(place))
    return str(place.resolve().relative_to(config.root.resolve())) + ".dvc"


def prepare_state(config: Config) -> None:
    """Make the project's state folder, private and invisible to git.

    Raises:
        ProjectError: It cannot be written, or the disk is full.
    """
    folder = config.state_folder
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        if folder.stat().st_mode & 0o077:
            # All below is private by this folder alone, whatever the modes are there.
            folder.chmod(0o700)
        ignore = folder / ".gitignore"
        if not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise _unwritable(folder, str(error.strerror)) from error
    if not os.access(folder, os.W_OK):
        raise _unwritable(folder, "it is read-only")
    if free < _FREE_BYTES:
        raise ProjectError(
            f"{free / 1e6:.0f} MB are free where {folder} is; a run needs {_FREE_BYTES / 1e6:.0f}",
            hint="make room: jupyter mlops delete ID removes a run that nobody needs",
        )


def _unwritable(folder: Path, why: str) -> ProjectError:
    return ProjectError(
        f"{folder} cannot be written: {why}",
        hint=f"runs are kept there: give yourself the right to write in {folder.parent}",
    )


def inside_run() -> bool:
    """Whether this process was started by a run."""
    return RUN_ID in os.environ


def _git(folder: Path, *, own: bool) -> list[str]:
    """Make a repository where there is none, or where an example needs one of its own."""
    try:
        found = Repository.find(folder)
    except CodeError:
        if shutil.which("git") is None:
            raise
    else:
        if not own or found.root.resolve() == folder:
            return []
    _run(folder, "init", "--quiet")
    return ["made a git repository"]


def _dvc(folder: Path) -> list[str]:
    if dvc.root_of(folder) is not None:
        return []
    nested = Repository.find(folder).root.resolve() != folder
    dvc.run_dvc(folder, "init", *(["--subdir"] if nested else []))
    return ["made a DVC project"]


def _example(folder: Path, name: str) -> list[str]:
    written = examples.write(name, folder)
    remote = folder / "dvc-remote"
    remote.mkdir()
    with (folder / ".gitignore").open("a", encoding="utf-8") as ignore:
        ignore.write("/dvc-remote/\n/mlflow.db\n/mlruns/\n")
    dvc.run_dvc(folder, "remote", "add", "--default", "storage", remote.name)
    data = [path for path in written if path.startswith("data/")]
    dvc.run_dvc(folder, "add", *data)
    dvc.run_dvc(folder, "push")
    return [
        *(f"wrote {path}" for path in written),
        f"put {', '.join(data)} under DVC, with a remote in dvc-remote/",
    ]


def _commit(folder: Path, message: str) -> None:
    identity = subprocess.run(
        ["git", "config", "user.email"], cwd=folder, capture_output=True, check=False
    )
    own = (
        ["-c", "user.name=mlops_nb", "-c", "user.email=mlops_nb@localhost"]
        if identity.returncode
        else []
    )
    _run(folder, "add", "--all", ".")
    _run(folder, *own, "commit", "--quiet", "--message", message)


def _run(folder: Path, *arguments: str) -> None:
    process = subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    if process.returncode:
        raise CodeError(
            f"git failed in {folder}: {process.stderr.decode(errors='replace').strip()}",
            hint="see what git says there",
        )
