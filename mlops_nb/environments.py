"""Environments rebuilt from a lock with uv, once for each lock, and kept by its hash.

A whole run works in such an environment, the engine as well as the notebook: what loads and
evaluates the model is then what trained it. This package is copied into it as it is here, for that
is the program that runs, whatever an index has by its name.
"""

from __future__ import annotations

import json
import platform
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.exceptions import LockError
from mlops_nb.types import Environment

if TYPE_CHECKING:
    from collections.abc import Iterable

FOLDER = "environments"
OWN = "mlops-nb"
READY = "mlops-ready"
_LOCK_TIMEOUT_S = 3600
_READ = (
    "import json; from mlops_nb.capture import environment; e = environment.read();"
    "print(json.dumps([e.implementation, e.python, *e.lock]))"
)


def built(environment: Environment, folder: Path) -> Path | None:
    """Return the interpreter of an environment of a folder, None where it has none for the lock."""
    place = _place(environment, folder)
    return place / "bin" / "python" if (place / READY).is_file() else None


def ready(environment: Environment, folder: Path, *, exact: bool = True) -> Path:
    """Return the interpreter of an environment that has what a lock says, built where it is not.

    Args:
        environment: The interpreter's version and the lock.
        folder: Where environments are kept.
        exact: Whether the interpreter must be the recorded one to the last digit. Where not, the
            one at hand serves if it is of the same minor version.

    Raises:
        LockError: A package cannot be had, or what was built is not what the lock says.
    """
    from filelock import FileLock

    place = _place(environment, folder)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with FileLock(f"{place}.lock", timeout=_LOCK_TIMEOUT_S, mode=0o600):
        if not (place / READY).is_file():
            _build(environment, place, exact=exact)
            (place / READY).touch()
    return place / "bin" / "python"


def _place(environment: Environment, folder: Path) -> Path:
    return folder / environment.hash[:16]


def _build(environment: Environment, place: Path, *, exact: bool) -> None:
    wanted = must_have_an_index(environment)
    shutil.rmtree(place, ignore_errors=True)
    same = _is_here(environment, exact=exact)
    _uv("venv", "--quiet", "--python", sys.executable if same else environment.python, str(place))
    python, lock = place / "bin" / "python", place / "environment.lock"
    lock.write_text("\n".join(wanted) + "\n", encoding="utf-8")
    _uv("pip", "install", "--quiet", "--no-deps", "--python", str(python), "-r", str(lock))
    _copy_own(python)
    version = platform.python_version() if same else environment.python
    _must_be([environment.implementation, version, *wanted], python)


def _is_here(environment: Environment, *, exact: bool) -> bool:
    """Whether this process's interpreter is the recorded one, or near enough."""
    if platform.python_implementation() != environment.implementation:
        return False
    here, recorded = platform.python_version(), environment.python
    return here == recorded or (not exact and here.split(".")[:2] == recorded.split(".")[:2])


def resolved(requirements: Iterable[str], like: Environment, *, within: bool) -> Environment:
    """Return an environment with what these requirements come to, all that they need included.

    Args:
        requirements: As pip takes them.
        like: Has the interpreter.
        within: Whether a package that `like` has gets the version that it has there.

    Raises:
        LockError: They contradict each other, or no index has them.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted, bounds = Path(folder, "requirements.in"), Path(folder, "bounds.txt")
        wanted.write_text("\n".join(requirements) + "\n", encoding="utf-8")
        bounds.write_text("\n".join(must_have_an_index(like) if within else ()), encoding="utf-8")
        options = ("--no-header", "--no-annotate", "--no-emit-index-url", "--quiet")
        told = _uv(
            "pip", "compile", *options, "--python-version", like.python,
            "--constraint", str(bounds), str(wanted), failing="uv cannot resolve the packages",
        )  # fmt: skip
    lines = [line.strip() for line in told.splitlines() if line.strip() and line[0] not in "#-"]
    return Environment.of(
        python=like.python, implementation=like.implementation, platform=like.platform, lock=lines
    )


def must_have_an_index(environment: Environment) -> list[str]:
    """Return the lines that can be installed; packages of the repository come with the code.

    Raises:
        LockError: A package was installed from a folder, and no index has it.
    """
    for line in environment.lock:
        name, at, url = line.partition(" @ ")
        if at and url.startswith("file:"):
            raise LockError(
                f"the package {name} was installed from a folder ({url}); no index has its code",
                hint=f"install a version of it, then train again: pip install {name}==VERSION",
            )
    left_out = {OWN, *environment.local}
    return [line for line in environment.lock if _name(line) not in left_out]


def _copy_own(python: Path) -> None:
    """Put this package beside the others, with what says which version it is."""
    from importlib.metadata import distribution

    (site,) = (python.parent.parent / "lib").glob("python*/site-packages")
    package = Path(__file__).parent
    shutil.copytree(package, site / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    name, version = package.name, distribution(package.name).version
    record = site / f"{name}-{version}.dist-info"
    record.mkdir()
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    (record / "METADATA").write_text(metadata, encoding="utf-8")


def _must_be(recorded: list[str], python: Path) -> None:
    """Ask the new interpreter what it has, instead of trusting that it was installed."""
    told = subprocess.run(
        [str(python), "-I", "-c", _READ], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if told.returncode:
        raise LockError(
            f"the rebuilt environment does not start: {_last_line(told.stderr)}",
            hint=f"see what it says: {python} -c 'import mlops_nb.capture.environment'",
        )
    found = [line for line in json.loads(told.stdout) if _name(line) != OWN]
    for line in (*recorded, *found):
        if line not in found or line not in recorded:
            where = "lacks" if line in recorded else "has"
            raise LockError(
                f"the rebuilt environment {where} {line}, unlike the lock",
                hint="train once without rebuilding, so that the lock is recorded anew",
            )


def _uv(*arguments: str, failing: str = "uv cannot rebuild the environment") -> str:
    from uv import find_uv_bin

    process = subprocess.run(
        [find_uv_bin(), *arguments], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if process.returncode:
        said = process.stderr.decode(errors="replace").strip()
        print(said)
        raise LockError(
            f"{failing}: {_last_line(process.stderr)}",
            hint="make the index that has those packages known: export UV_DEFAULT_INDEX=URL",
        )
    return process.stdout.decode(errors="replace")


def _name(line: str) -> str:
    return re.split(r"==| @ ", line, maxsplit=1)[0]


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines()
    return lines[-1].strip() if lines else "it says nothing"
