"""Models that no run of ours has on record: none of them gets to execute anything."""

from __future__ import annotations

import pickle
import subprocess
import sys

import pytest
import yaml
from msgspec import structs

from mlops_nb.deployment import assembling
from mlops_nb.serving.model import PackageError, must_be_harmless
from mlops_nb.stages import assemble
from tests.corpora.payloads import Payload

PICKLED = {
    "sklearn": {"pickled_model": "model.pkl", "serialization_format": "cloudpickle"},
    "python_function": {"loader_module": "mlflow.sklearn", "model_path": "model.pkl"},
}
MODELS = {
    "a pickle of scikit-learn": PICKLED,
    "a pickle without a format": {
        "python_function": {"loader_module": "mlflow.pyfunc.model", "python_model": "model.pkl"}
    },
    "a skops file that is a pickle": {
        **PICKLED,
        "sklearn": {"pickled_model": "model.pkl", "serialization_format": "skops"},
    },
    "a module of its own": {"python_function": {"loader_module": "owned", "code": "code"}},
    "modules beside a known loader": {
        "python_function": {"loader_module": "mlflow.sklearn", "code": "code"}
    },
    "a script as a model": {
        "python_function": {
            "loader_module": "mlflow.pyfunc.model", "model_code_path": "code/owned.py"
        }
    },
    "a pickle of statsmodels": {
        "statsmodels": {"data": "model.pkl"},
        "python_function": {"loader_module": "mlflow.statsmodels", "data": "model.pkl"},
    },
}  # fmt: skip


@pytest.fixture
def planted(tmp_path):
    """Return a function that makes a model which touches a file when it is loaded."""
    canary = tmp_path / "canary"

    def plant(flavors):
        folder = tmp_path / "model"
        (folder / "code").mkdir(parents=True)
        (folder / "model.pkl").write_bytes(pickle.dumps(Payload(canary)))
        touch = f"import pathlib\npathlib.Path({str(canary)!r}).touch()\n"
        (folder / "code" / "owned.py").write_text(f"{touch}def _load_pyfunc(path): return 1\n")
        (folder / "MLmodel").write_text(yaml.safe_dump({"flavors": flavors}))
        (folder / "requirements.txt").write_text("scikit-learn\n")
        return folder

    yield plant, canary
    assert not canary.exists()


@pytest.mark.parametrize("kind", MODELS)
def test_assemble_and_service_execute_nothing_of_it(planted, kind, monkeypatch):
    plant, canary = planted
    model = plant(MODELS[kind])
    refused = []
    try:
        must_be_harmless(assembling.flavors(model), trusted=False)
    except PackageError as error:
        refused.append(error)
    # What would load it all the same, in the process that assembles and in the service's.
    done = subprocess.run(
        [sys.executable, "-c", assemble._SCRIPT, str(model), "false"],
        env={"PATH": "/usr/bin:/bin", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"},
        capture_output=True, text=True, check=False,
    ) if not refused else None  # fmt: skip
    assert refused or done.returncode
    assert all(error.hint for error in refused)
    assert not canary.exists()


def test_the_payload_does_what_it_is_said_to(tmp_path):
    pickle.loads(pickle.dumps(Payload(tmp_path / "canary")))
    assert (tmp_path / "canary").exists()


def test_what_is_on_record_is_loaded(planted):
    plant, _ = planted
    must_be_harmless(assembling.flavors(plant(PICKLED)), trusted=True)


def test_a_manifest_that_calls_it_trusted_has_another_digest(assembled, in_process):
    """The digest of the package is what a deployment has asked for."""
    import msgspec

    from mlops_nb.serving import package

    folder = assembled(trusted=False)
    before = package.digest(folder)
    manifest = structs.replace(package.read(folder), trusted=True)
    (folder / package.MANIFEST).write_bytes(msgspec.json.encode(manifest, order="sorted"))
    assert package.digest(folder) != before
