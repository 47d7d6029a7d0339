"""The model of a package: loaded once, asked with rows that fit its signature."""

from __future__ import annotations

import hashlib
import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import MlopsError
from mlops_nb.serving import package
from mlops_nb.serving.signature import Signature

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from mlops_nb.serving.package import Manifest

# What MLflow asks whether it may unpickle.
LEAVE = "MLFLOW_ALLOW_PICKLE_DESERIALIZATION"
_PICKLED = ("pickle", "cloudpickle", "joblib")
_READ_BYTES = 1 << 20


class PackageError(MlopsError):
    """A package that cannot be served."""


class Model:
    """The model of a package, or the wrapper around it.

    It has its process to itself: the folders of its code stay on `sys.path`, and MLflow's leave
    to unpickle stays in the environment, for models that load more of themselves later.

    Args:
        folder: The package.

    Raises:
        PackageError: It is not what its manifest says, or may not be loaded.
        Exception: Whatever the model's own code raises.
    """

    def __init__(self, folder: Path) -> None:
        self.manifest = package.read(folder)
        self.digest = package.digest(folder)
        self.example = package.example(folder)
        _must_be_whole(folder, self.manifest)
        os.environ[LEAVE] = str(self.manifest.trusted).lower()
        must_be_harmless(self.manifest.flavors, trusted=self.manifest.trusted)
        places = [folder / package.CODE / place for place in self.manifest.import_folders]
        sys.path[:0] = [str(place) for place in (*places, folder / package.CODE)]
        self.signature = Signature(self.manifest.signature.get("inputs", ()))
        self.outputs = self.manifest.signature.get("outputs", [])
        if self.manifest.wrapper:
            self.predict = _wrapped(self.manifest.wrapper, folder / package.MODEL)
        else:
            self.predict = _plain(folder / package.MODEL, self.manifest, self.signature)


def _must_be_whole(folder: Path, manifest: Manifest) -> None:
    found = {
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    for name in {*found, *manifest.files} - {package.MANIFEST}:
        recorded = manifest.files.get(name)
        if name not in found or recorded != _digest(folder / name):
            what = "is missing" if name not in found else "is not what the manifest says"
            raise PackageError(f"{name} of the package {what}", hint="deploy the model again")


def _digest(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_READ_BYTES):
            digest.update(chunk)
    return digest.hexdigest()


def must_be_harmless(flavors: Mapping[str, Mapping[str, Any]], *, trusted: bool) -> None:
    """Refuse to load what executes code of its own, where no run of ours has it on record.

    Args:
        flavors: The model's, as MLflow has them.
        trusted: Whether its digest is the one that a run of ours has on record.

    Raises:
        PackageError: It would execute what it holds.
    """
    if trusted:
        return
    function = flavors.get("python_function", {})
    loader = str(function.get("loader_module") or "mlflow.")
    if not loader.startswith("mlflow.") or function.get("code") or function.get("model_code_path"):
        raise PackageError(
            f"the model brings code of its own, which {loader} would execute, and no run of this "
            "project has its digest on record",
            hint="log it with a flavour of MLflow's, or train it here and deploy that run",
        )
    for name, flavor in flavors.items():
        format_ = str(flavor.get("serialization_format") or flavor.get("model_format") or "")
        if format_ in _PICKLED or "python_model" in flavor:
            raise PackageError(
                f"the model's flavour {name} is a {format_ or 'pickle'}, which executes what it "
                "holds, and no run of this project has its digest on record",
                hint="log it in a safe format such as skops, or train it here and deploy that run",
            )


def _plain(folder: Path, manifest: Manifest, signature: Signature) -> Callable[[Any], Any]:
    flavor = manifest.flavors.get("sklearn", {})
    if not manifest.trusted and flavor.get("serialization_format") == "skops":
        return _safe(folder / flavor["pickled_model"], manifest)
    import mlflow.pyfunc

    loaded = mlflow.pyfunc.load_model(str(folder), suppress_warnings=True)
    if "sklearn" in manifest.flavors and (signature.columns or signature.tensors):
        # MLflow checks each request against the signature once more, in milliseconds.
        return _method(loaded.get_raw_model(), manifest)
    whole: Callable[[Any], Any] = loaded.predict
    return whole


def _safe(path: Path, manifest: Manifest) -> Callable[[Any], Any]:
    """Load a model of the types that skops itself trusts; MLflow would trust those it names."""
    from skops.io import load
    from skops.io.exceptions import UntrustedTypesFoundException

    try:
        return _method(load(path), manifest)
    except UntrustedTypesFoundException as error:
        raise PackageError(
            f"no run of this project has the model on record, and it holds {error}",
            hint="train it here, and deploy that run",
        ) from error


def _method(model: Any, manifest: Manifest) -> Callable[[Any], Any]:
    named = manifest.flavors.get("python_function", {}).get("predict_fn", "predict")
    found: Callable[[Any], Any] = getattr(model, named)
    return found


def _wrapped(name: str, folder: Path) -> Callable[[Any], Any]:
    module, _, attribute = name.partition(":")
    kind = getattr(import_module(module), attribute, None)
    if kind is None:
        raise PackageError(f"the module {module} has no {attribute}", hint="mend wrapper")
    wrapper = kind()
    for method in ("load", "predict"):
        if not callable(getattr(wrapper, method, None)):
            raise PackageError(
                f"the wrapper {name} has no method {method}",
                hint="give it load(folder) and predict(inputs)",
            )
    wrapper.load(str(folder))
    before = getattr(wrapper, "preprocess", None)
    after = getattr(wrapper, "postprocess", None)

    def predict(inputs: Any) -> Any:
        found = wrapper.predict(before(inputs) if before else inputs)
        return after(found) if after else found

    return predict
