from __future__ import annotations

import os
import re

import pytest

import mlops_nb
from mlops_nb import images
from mlops_nb.deployment import imaging
from mlops_nb.exceptions import ImageError, UsageError
from mlops_nb.images import context, engine, references

FOLDERS = sorted(path.parent for path in context.FOLDER.glob("*/Containerfile"))
PINS = sorted(context.FOLDER.glob("*/requirements.txt"))
_PIN = re.compile(r"[a-z0-9.-]+(\[[a-z0-9,-]+\])?==[^ ;]+( ; .+)?")


def test_there_is_a_folder_for_every_image():
    assert {folder.name for folder in FOLDERS} == {"tools", "base", imaging.STAGE, *images.STAGES}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_no_image_names_where_things_come_from(folder):
    text = "".join(path.read_text() for path in folder.iterdir())
    assert "://" not in text
    assert "index-url" not in text


@pytest.mark.parametrize("file", PINS, ids=lambda file: file.parent.name)
def test_every_package_is_pinned(file):
    assert all(_PIN.fullmatch(line) for line in file.read_text().splitlines())


def test_images_run_components_with_the_kfp_that_compiled_them():
    from importlib.metadata import version

    lines = (context.FOLDER / "base" / "requirements.txt").read_text().splitlines()
    assert f"kfp=={version('kfp')}" in lines


def test_a_context_is_the_same_whatever_the_umask(tmp_path):
    before = os.umask(0o077)
    try:
        folder = context.write("train", tmp_path / "train")
    finally:
        os.umask(before)
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o644}
    assert len({path.stat().st_mtime for path in folder.rglob("*")}) == 1
    assert not [path for path in files if path.suffix == ".pyc"]


def test_a_tag_has_no_plus_sign(monkeypatch):
    monkeypatch.setattr(images, "__version__", "1.0+local")
    assert images.image("code") == "mlops-nb-code-python:1.0-local"


@pytest.mark.parametrize("registry", ["https://host", "user:word@host", "host/Team", "host:tag"])
def test_what_is_no_registry_is_refused(registry):
    with pytest.raises(UsageError, match="is no registry"):
        references.must_be_registry(registry)


@pytest.mark.parametrize("registry", ["host", "host:5000", "host.org/team/sub"])
def test_a_registry_is_taken(registry):
    references.must_be_registry(registry)


def test_a_file_without_the_section_gets_it(tmp_path):
    file = tmp_path / "mlops.toml"
    file.write_text('[project]\nname = "a" # mine\n')
    references.write(file, "host/team", {"code": "host/team/image@sha256:0"})
    assert file.read_text() == (
        '[project]\nname = "a" # mine\n\n'
        '[images]\nregistry = "host/team"\ncode = "host/team/image@sha256:0"\n'
    )


def test_an_unknown_image_is_refused_before_anything_is_built():
    with pytest.raises(UsageError, match="no image 'trian'"):
        mlops_nb.build_images(stages=["trian"])


def test_an_unknown_engine_is_refused():
    with pytest.raises(UsageError, match="no engine 'kaniko'"):
        mlops_nb.build_images(engine="kaniko")


def test_a_machine_without_an_engine_is_told_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ImageError, match="podman or docker or buildah is not installed") as missing:
        mlops_nb.build_images()
    assert missing.value.hint == "install podman, then try again"


def test_an_engine_that_cannot_run_containers_is_refused_where_one_has_to(tmp_path):
    with pytest.raises(ImageError, match="builds images and does not run them") as refused:
        engine.find("buildah", tmp_path / "log", among=("podman", "docker"))
    assert refused.value.hint == "install podman or docker"
