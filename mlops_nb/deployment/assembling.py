"""Assemble a package: model, modules, lock, example and the service itself, named by their content.

The same parts give the same digest on every machine, so a package that is there already is not
written again, and who has a digest can check every byte.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.exceptions import StageError
from mlops_nb.serving import package
from mlops_nb.serving.package import Example, Manifest

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.types import Environment, Origin

_OWN = Path(package.__file__).parent.parent
# What the service imports of this project, and all that it does.
_RUNTIME = ("__init__.py", "version.py", "exceptions.py", "py.typed", "serving")
_IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc", ".git", ".ipynb_checkpoints")


@dataclass(frozen=True)
class Parts:
    """What a package is made of.

    Attributes:
        descriptor: What the user wants.
        model: Folder of the model in MLflow's format.
        code: Top of a checkout of the code.
        import_folders: Folders of it that modules are imported from.
        environment: Interpreter and lock.
        trusted: Whether the model's digest is the one that its run has on record.
        origin: What the model was made of.
        example: A request with the predictions that it has to give.
        profile: What the training data looked like, as JSON; "" where nobody has kept it.
    """

    descriptor: Descriptor
    model: Path
    code: Path
    import_folders: tuple[str, ...]
    environment: Environment
    trusted: bool
    origin: Origin
    example: Example | None
    profile: str = ""


def assemble(parts: Parts, target: Path) -> str:
    """Write a package into an empty folder and return its digest.

    Raises:
        StageError: A module that the descriptor names is not in the repository.
    """
    shutil.copytree(parts.model, target / package.MODEL, ignore=_IGNORED)
    _copy_code(parts, target / package.CODE)
    _copy_runtime(target / package.RUNTIME)
    _write(target / package.LOCK, "\n".join(parts.environment.lock) + "\n")
    if parts.example is not None:
        _write(target / package.EXAMPLE, msgspec.json.encode(parts.example, order="sorted"))
    if parts.profile:
        _write(target / package.PROFILE, parts.profile)
    manifest = Manifest(
        name=parts.descriptor.name,
        python=parts.environment.python,
        files=_digests(target),
        wrapper=parts.descriptor.wrapper,
        import_folders=parts.import_folders,
        trusted=parts.trusted,
        **_of_model(parts.model),
        origin=msgspec.to_builtins(
            msgspec.structs.replace(parts.origin, deployed_by=None, despite=None)
        ),
    )
    _write(target / package.MANIFEST, msgspec.json.encode(manifest, order="sorted"))
    return package.digest(target)


def kept(source: Path, packages: Path) -> Path:
    """Keep a package in a folder of packages, each under its digest, and return its place there."""
    place = packages / package.digest(source)
    if place.is_dir():
        return place
    packages.mkdir(mode=0o700, parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".package-", dir=packages))
    try:
        shutil.copytree(source, scratch, dirs_exist_ok=True)
        scratch.rename(place)
    except OSError:
        shutil.rmtree(scratch, ignore_errors=True)
        if not place.is_dir():
            raise
    return place


def _of_model(folder: Path) -> dict[str, Any]:
    """Return signature and flavours of a model, so that the service need not read YAML."""
    import yaml

    known = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    signature = known.get("signature") or {}
    sides = {side: json.loads(signature.get(side) or "[]") for side in ("inputs", "outputs")}
    return {"signature": sides, "flavors": _plain(known.get("flavors", {}))}


def flavors(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the flavours of a model in MLflow's format."""
    found: dict[str, dict[str, Any]] = _of_model(folder)["flavors"]
    return found


def _plain(data: Any) -> Any:
    return json.loads(json.dumps(data, default=str))


def _copy_code(parts: Parts, target: Path) -> None:
    target.mkdir()
    for place in parts.descriptor.modules or _modules(parts.code):
        source = parts.code / place
        if not source.resolve().is_relative_to(parts.code.resolve()) or not source.exists():
            raise StageError(
                f"the descriptor names the module {place}, and the commit has no such file",
                hint="name files and folders by their paths in the repository; new ones are taken "
                "where git does not ignore them",
            )
        copy = target / place
        copy.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, copy, ignore=_IGNORED, dirs_exist_ok=True)
        else:
            shutil.copyfile(source, copy)


def _modules(code: Path) -> Iterable[str]:
    """Return all modules of a checkout: a model may have been made with any of them."""
    found = (path.relative_to(code) for path in code.rglob("*.py") if path.is_file())
    return sorted(path.as_posix() for path in found if not path.parts[0].startswith("."))


def _copy_runtime(target: Path) -> None:
    folder = target / _OWN.name
    folder.mkdir(parents=True)
    for name in _RUNTIME:
        source = _OWN / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=_IGNORED)
        else:
            shutil.copyfile(source, folder / name)


def _digests(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }


def _write(path: Path, content: str | bytes) -> None:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
