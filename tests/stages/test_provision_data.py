"""Data are what their hashes say, or the run ends before the training begins."""

from __future__ import annotations

import json
import shutil

import pytest

from mlops_nb import journal
from mlops_nb.capture import dvc
from mlops_nb.exceptions import DataError
from mlops_nb.stages import provision_data


@pytest.fixture
def provide(project, tmp_path, monkeypatch):
    """Provide the training data of the project's commit, as the stage does."""
    folder = tmp_path / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "events.jsonl").touch()
    monkeypatch.setenv(journal.RUN_FOLDER, str(folder))

    def run():
        return provision_data.run(
            repo=str(project.root), sha=project.git("rev-parse", "HEAD"), train="data/train.csv",
            test="", other=json.dumps([]), volume="",
        )  # fmt: skip

    return run


def objects(cache):
    return [path for path in cache.rglob("*") if path.is_file()]


def spoil(paths, mode):
    for path in paths:
        path.chmod(0o644)
        path.write_bytes(b"?" + path.read_bytes()[1:])
        path.chmod(mode)


@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_a_corrupt_object_of_the_cache_is_named(project, provide, mode):
    provide()
    spoil(objects(dvc.cache_folder(project.root)), mode)
    with pytest.raises(DataError, match=r"data/train\.csv: object .* is corrupt") as refused:
        provide()
    assert refused.value.hint.startswith("delete it and get it again: rm ")


@pytest.mark.parametrize("lost", [True, False])
def test_a_remote_without_the_object_or_with_another_one_is_named(project, provide, lost):
    shutil.rmtree(dvc.cache_folder(project.root))
    remote = project.root.parent / "remote"
    deed = {True: shutil.rmtree, False: lambda place: spoil(objects(place), 0o444)}[lost]
    deed(remote)
    said = {True: "neither in DVC's cache nor on its remote", False: "remote has a corrupt object"}
    with pytest.raises(DataError, match=rf"data/train\.csv: .*{said[lost]}") as refused:
        provide()
    assert "dvc push" in refused.value.hint
    assert objects(dvc.cache_folder(project.root)) == []
