from __future__ import annotations

import json
import zipfile

import pytest

from mlops_nb.tracking import digest


def saved(folder, *, address=139812465306960, value=1.0, at=2020, extra=None, run="a" * 32):
    """A model as skops saves it, with an address and a time that say nothing of it."""
    folder.mkdir()
    (folder / "MLmodel").write_text(f"model_id: m-{address}\n")
    (folder / "requirements.txt").write_text("scikit-learn\n")
    if extra:
        (folder / extra).write_text("x")
    with zipfile.ZipFile(folder / "model.skops", "w") as archive:
        for name, content in (
            (f"{address}.npy", str(value)),
            ("schema.json", json.dumps({"__id__": address, "file": f"{address}.npy", "run": run})),
        ):
            archive.writestr(zipfile.ZipInfo(name, (at, 1, 1, 0, 0, 0)), content)
    return digest.of_model(folder, run_id=run)


def test_times_addresses_and_the_run_are_no_part_of_a_model(tmp_path):
    assert saved(tmp_path / "a") == saved(
        tmp_path / "b", address=140940985103056, at=2021, run="b" * 32
    )


@pytest.mark.parametrize("change", [{"value": 1.1}, {"extra": "vocabulary.txt"}])
def test_what_it_predicts_with_is(tmp_path, change):
    assert saved(tmp_path / "a") != saved(tmp_path / "b", **change)


def test_of_a_file_that_is_no_archive_every_byte_counts(tmp_path):
    for name, text in (("a", "one"), ("b", "one"), ("c", "two")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.json").write_text(text)
    one, same, other = (digest.of_model(tmp_path / name, run_id="a" * 32) for name in "abc")
    assert one == same != other
