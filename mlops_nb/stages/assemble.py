"""Stage: put model, wrapper, modules, lock and service together as a package."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import encoding, environments
from mlops_nb.capture import git
from mlops_nb.deployment import assembling
from mlops_nb.deployment.assembling import Parts
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.exceptions import StageError
from mlops_nb.journal import ModelLogged, Preparing, emit
from mlops_nb.serving.model import LEAVE, must_be_harmless
from mlops_nb.serving.package import Example
from mlops_nb.stages import volume as volumes
from mlops_nb.tracking import digest, tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import Environment, Origin, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

# What the service needs of libraries, beside what the model does.
_SERVICE = ("msgspec>=0.19", "uvicorn>=0.30,<1", "httptools>=0.6")
_SCRIPT = """
import json, os, sys
import mlflow.pyfunc, numpy
from mlflow.models import Model
folder, leave = sys.argv[1:]
known = Model.load(folder)
own = known.flavors.get("sklearn", {})
if leave == "false" and own.get("serialization_format") == "skops":
    import skops.io
    model = skops.io.load(os.path.join(folder, own["pickled_model"]))
else:
    model = mlflow.pyfunc.load_model(folder, suppress_warnings=True)
inputs = known.load_input_example(folder)
print(json.dumps(numpy.asarray(model.predict(inputs)).tolist()))
"""


def run(
    *, volume: str, code: str, descriptor: str, origin: str, snapshot: str, tracking_uri: str,
    mlflow_run_id: str, project: str,
) -> dict[str, str]:  # fmt: skip
    """Assemble the package of a deployment.

    Args:
        volume: What the stages of the run share.
        code: Place of the repository in it, made by provision-code.
        descriptor: The descriptor as JSON.
        origin: What the model was made of, as JSON.
        snapshot: What was pinned, as JSON: of the run that trained the model, but for the code
            where the descriptor came from a file.
        tracking_uri: Where MLflow keeps the model.
        mlflow_run_id: The run that logged the model, "" for one from elsewhere.
        project: The project's folder, "" in a pod.

    Returns:
        `package`, its place in the volume, and `environment`, interpreter and lock as JSON.

    Raises:
        TrackingError: The model cannot be read.
        LockError: The packages cannot be had.
        StageError: The model is not the one on record, or a module is not in the commit.
    """
    wanted = msgspec.json.decode(descriptor, type=Descriptor)
    made_of = msgspec.json.decode(origin, type=Origin)
    pins = msgspec.convert(encoding.loads(snapshot), Snapshot)
    store = Store(tracking_uri)
    emit(ModelLogged(model=made_of.model))
    with tempfile.TemporaryDirectory(prefix="assemble-") as scratch:
        checkout, package = Path(scratch, "code"), Path(scratch, "package")
        model = store.models.fetch(made_of.model.uri, Path(scratch, "model"))
        git.checkout(volumes.existing(volume, code), checkout)
        package.mkdir()
        trusted = _is_on_record(model, made_of, mlflow_run_id)
        must_be_harmless(assembling.flavors(model), trusted=trusted)
        environment = _environment(wanted, model, pins.environment, of_run=bool(mlflow_run_id))
        parts = Parts(
            descriptor=wanted,
            model=model,
            code=checkout,
            import_folders=_import_folders(pins),
            environment=environment,
            trusted=trusted,
            origin=made_of,
            example=_example(wanted, store, mlflow_run_id, model)
            or _predicted(model, environment, _folder(project, volume), trusted=trusted),
            profile=_profile(store, mlflow_run_id),
        )
        digest_ = assembling.assemble(parts, package)
        kept = assembling.kept(package, volumes.folder(volume) / "packages")
    print(f"package {digest_}")
    return {
        "package": f"packages/{kept.name}",
        "environment": encoding.dumps(msgspec.to_builtins(environment), name="the lock"),
    }


def _folder(project: str, volume: str) -> Path:
    """Return where environments are kept."""
    shared = Path(project, ".mlops") if project else volumes.folder(volume)
    return shared / environments.FOLDER


def _import_folders(pins: Snapshot) -> tuple[str, ...]:
    """Return the folders that the notebook imported from, as the run had them."""
    notebook = Path(pins.notebook).parent.as_posix() if pins.notebook else pins.code.folder
    return tuple(dict.fromkeys((notebook or ".", pins.code.folder or ".", *pins.code.python_path)))


def _is_on_record(model: Path, origin: Origin, mlflow_run_id: str) -> bool:
    """Whether the model is the very one that its run has on record.

    Raises:
        StageError: The run has another one.
    """
    recorded = origin.model.digest
    if recorded is None:
        return False
    found = digest.of_model(model, run_id=mlflow_run_id)
    if found != recorded:
        raise StageError(
            f"the model at {origin.model.uri} is not the one that run {origin.run_id} logged: "
            f"its digest is {found[:12]} and the record has {recorded[:12]}",
            hint="somebody has changed its files: train again, and deploy that run",
        )
    return True


def _environment(
    wanted: Descriptor, model: Path, known: Environment, *, of_run: bool
) -> Environment:
    """Return the environment of the service: the run's own, unless something else is asked for."""
    if wanted.packages:
        emit(Preparing(what="resolving the packages of the descriptor"))
        mlflow = () if wanted.wrapper else (_mlflow(model),)
        return environments.resolved((*wanted.packages, *mlflow, *_SERVICE), known, within=False)
    if not of_run:
        emit(Preparing(what="resolving the packages that the model names"))
        named = (model / "requirements.txt").read_text(encoding="utf-8").splitlines()
        return environments.resolved((*named, *_SERVICE), known, within=False)
    if {"msgspec", "uvicorn", "httptools"} <= known.packages.keys():
        return known
    return environments.resolved((*known.lock, *_SERVICE), known, within=True)


def _mlflow(model: Path) -> str:
    import yaml

    version = yaml.safe_load((model / "MLmodel").read_text(encoding="utf-8")).get("mlflow_version")
    return f"mlflow-skinny=={version}" if version else "mlflow-skinny"


def _example(wanted: Descriptor, store: Store, mlflow_run_id: str, model: Path) -> Example | None:
    """Return the descriptor's example, or that of the run."""
    if wanted.example.request:
        given = wanted.example
        return Example(request=given.request, predictions=given.predictions, source="descriptor")
    recorded = store.read_text(mlflow_run_id, tags.EXAMPLE_ARTIFACT) if mlflow_run_id else None
    return msgspec.json.decode(recorded, type=Example) if recorded else None


def _profile(store: Store, mlflow_run_id: str) -> str:
    """Return what the run has kept of its training data, "" where it has not."""
    recorded = store.read_text(mlflow_run_id, tags.PROFILE_ARTIFACT) if mlflow_run_id else None
    return recorded or ""


def _predicted(
    model: Path, environment: Environment, folder: Path, *, trusted: bool
) -> Example | None:
    """Return the model's own input example with what MLflow itself predicts of it.

    In the service's environment, for what assembles has not the model's libraries. Of a model on
    no record skops loads the types that it trusts itself, and not those that the model names.
    """
    path = model / "serving_input_example.json"
    if not path.is_file():
        return None
    emit(Preparing(what="predicting the model's input example by MLflow"))
    python = environments.ready(environment, folder)
    leave = str(trusted).lower()
    told = subprocess.run(
        [str(python), "-c", _SCRIPT, str(model), leave],
        env={**os.environ, LEAVE: leave},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    if told.returncode:
        print(told.stderr.decode(errors="replace"))
        raise StageError(
            "MLflow cannot load the model in its environment, or predict its own input example",
            hint="see the log of the stage; name what it lacks under packages in deployment.yaml",
        )
    request: Mapping[str, Any] = json.loads(path.read_bytes())
    predictions = json.loads(told.stdout.splitlines()[-1])
    return Example(request=dict(request), predictions=predictions, source="assemble")
