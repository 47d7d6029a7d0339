"""A pickle in the place of each file that is read again: it is refused, or passed over as text."""

from __future__ import annotations

import contextlib
import json
import pickle

import msgspec
import pytest

from mlops_nb.deployment.local.records import Place
from mlops_nb.exceptions import MlopsError
from mlops_nb.journal import RunFolder
from mlops_nb.monitoring import reference, windows
from mlops_nb.runners.records import Records
from mlops_nb.serving import inference_log, package
from mlops_nb.stages import reuse
from mlops_nb.tuning.search import Search
from mlops_nb.types import Profile, Span
from tests.corpora.payloads import Payload
from tests.tuning.test_search import plan
from tests.vocabulary import request


class Stage:
    """A stage whose result may be used again."""

    def identity(self, **inputs):
        return [inputs["x"]]

    def restore(self, source, outputs, **inputs):
        return True


def of_a_run(folder, payload):
    run = RunFolder(folder / "one")
    run.create(request())
    for place in (run.events, run.points):
        place.write_bytes(payload)
    run.load()
    run.read_points()
    run.request.write_bytes(payload)
    Records(folder).backend("one")


def of_the_cache(folder, payload, monkeypatch):
    run = RunFolder(folder / "runs" / "one")
    run.create(request())
    monkeypatch.setenv("MLOPS_RUN_FOLDER", str(run.path))
    monkeypatch.setenv(reuse.FOLDER, str(folder / "cache"))
    reuse.keep("work", Stage(), {"x": "1"}, {})
    (entry,) = (path for path in (folder / "cache").rglob("*") if path.is_file())
    entry.write_bytes(payload)
    assert reuse.find("work", Stage(), {"x": "1"}) is None


def of_the_inference_log(folder, payload):
    (folder / "1-7-0.jsonl").write_bytes(payload)
    (folder / inference_log.LABELS).write_bytes(payload)
    assert list(inference_log.read(folder)) == []
    empty = Profile(dataset="x", rows=0)
    window, _ = windows.collect(folder, empty, Span(), deployment="d", revision=1)
    assert window.rows == 0


def of_a_study(folder, payload):
    path = folder / "study.jsonl"
    path.write_bytes(payload)
    Search(path, plan(), {})


def of_a_package(folder, payload):
    for name in (package.MANIFEST, package.EXAMPLE, package.PROFILE):
        (folder / name).write_bytes(payload)
    for read in (package.read, package.example, reference.of_package):
        with pytest.raises(msgspec.DecodeError):
            read(folder)


def of_a_deployment(folder, payload):
    place = Place(folder, "tumours")
    place.folder.mkdir(parents=True)
    for name in ("wanted.json", "seen.json", "secrets-1.json"):
        (place.folder / name).write_bytes(payload)
    place.wanted()


def of_a_notebook(folder, payload):
    from mlops_nb.capture import notebook, secrets

    (folder / "x.ipynb").write_bytes(payload)
    assert secrets.mask_outputs(payload) == payload
    notebook.load(folder / "x.ipynb")


READERS = [of_a_run, of_the_cache, of_the_inference_log, of_a_study, of_a_package, of_a_deployment,
           of_a_notebook]  # fmt: skip
REFUSALS = (MlopsError, msgspec.DecodeError, json.JSONDecodeError, UnicodeDecodeError)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
@pytest.mark.parametrize("protocol", [0, 2, pickle.HIGHEST_PROTOCOL])
def test_a_pickle_in_the_place_of_a_record_is_not_loaded(tmp_path, monkeypatch, reader, protocol):
    canary, folder = tmp_path / "canary", tmp_path / "folder"
    folder.mkdir()
    payload = pickle.dumps(Payload(canary), protocol)
    more = [monkeypatch] if reader is of_the_cache else []
    with contextlib.suppress(*REFUSALS):
        reader(folder, payload, *more)
    assert not canary.exists()
    pickle.loads(payload)
    assert canary.exists(), "the payload does what it is said to"
