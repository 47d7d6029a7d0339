from __future__ import annotations

import dataclasses
import shutil

import pytest

from mlops_nb.deployment import assembling
from mlops_nb.deployment.assembling import Parts
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.exceptions import StageError
from mlops_nb.monitoring import reference
from mlops_nb.serving import package
from mlops_nb.types import Environment, Model, Origin

MLMODEL = """
flavors: {sklearn: {pickled_model: model.skops, serialization_format: skops}}
signature: {inputs: '[{"type": "double", "name": "a", "required": true}]', outputs: null}
"""


@pytest.fixture
def parts(tmp_path):
    def make(where="one", *, modules=(), deployed_by="run-1"):
        folder = tmp_path / where
        (folder / "model").mkdir(parents=True)
        (folder / "model" / "MLmodel").write_text(MLMODEL)
        (folder / "code" / "lib").mkdir(parents=True)
        (folder / "code" / "features.py").write_text("x = 1")
        (folder / "code" / "lib" / "more.py").write_text("y = 1")
        (folder / "code" / "data.csv").write_text("1")
        return Parts(
            descriptor=Descriptor(name="tumours", model="latest", modules=modules),
            model=folder / "model",
            code=folder / "code",
            import_folders=(".",),
            environment=Environment.of(
                python="3.11.7", implementation="CPython", platform="Linux-x86_64", lock=["a==1"]
            ),
            trusted=False,
            origin=Origin(model=Model(uri="models:/m-1"), deployed_by=deployed_by),
            example=None,
        )

    return make


def made(parts, target):
    target.mkdir()
    return assembling.assemble(parts, target)


def test_the_same_parts_are_the_same_package_wherever_they_are(parts, tmp_path):
    first = made(parts("one", deployed_by="run-1"), tmp_path / "first")
    again = made(parts("two", deployed_by="run-2"), tmp_path / "again")
    assert first == again == package.digest(tmp_path / "again")


def test_any_other_byte_is_another_package(parts, tmp_path):
    first = made(parts("one"), tmp_path / "first")
    other = parts("two")
    (other.code / "features.py").write_text("x = 2")
    assert made(other, tmp_path / "other") != first


def test_a_package_holds_the_modules_and_the_service(parts, tmp_path):
    made(parts(), tmp_path / "made")
    files = package.read(tmp_path / "made").files
    assert {name for name in files if name.startswith("code/")} == {
        "code/features.py",
        "code/lib/more.py",
    }
    assert "runtime/mlops_nb/serving/__main__.py" in files
    assert "model/MLmodel" in files
    assert (tmp_path / "made" / "environment.lock").read_text() == "a==1\n"


def test_named_modules_are_all_that_is_taken(parts, tmp_path):
    made(parts(modules=("lib", "data.csv")), tmp_path / "made")
    files = package.read(tmp_path / "made").files
    assert {name for name in files if name.startswith("code/")} == {
        "code/lib/more.py",
        "code/data.csv",
    }


@pytest.mark.parametrize("module", ["nowhere.py", "../one/model/MLmodel", "/etc/passwd"])
def test_a_module_from_elsewhere_is_refused(parts, tmp_path, module):
    with pytest.raises(StageError, match="no such file"):
        made(parts(modules=(module,)), tmp_path / "made")


def test_a_package_is_kept_once(parts, tmp_path):
    digest = made(parts(), tmp_path / "made")
    place = assembling.kept(tmp_path / "made", tmp_path / "packages")
    assert place.name == digest
    shutil.rmtree(tmp_path / "made" / "model")
    assert assembling.kept(tmp_path / "made", tmp_path / "packages") == place
    assert (place / "model" / "MLmodel").is_file()


def test_what_the_training_data_looked_like_is_a_part_of_the_package(parts, tmp_path):
    bare = made(parts("one"), tmp_path / "bare")
    described = dataclasses.replace(parts("two"), profile='{"dataset":"d","rows":1}')
    assert made(described, tmp_path / "described") != bare
    assert package.PROFILE in package.read(tmp_path / "described").files
    assert reference.of_package(tmp_path / "described").dataset == "d"
    assert reference.of_package(tmp_path / "bare") is None
