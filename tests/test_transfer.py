"""Files of runs that others have made, and not to do anybody good."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import pickle
import stat
import subprocess
import tarfile
from pathlib import Path

import pytest
from msgspec import structs

from mlops_nb import encoding, transfer
from mlops_nb.exceptions import DataError, MlopsError, RunError
from mlops_nb.runners.records import Records
from mlops_nb.settings import Config
from mlops_nb.types import Dataset
from tests.corpora.payloads import Payload
from tests.vocabulary import request

RUN = "20260101-000000-abcdef"
OTHER = hashlib.md5(b"1\n", usedforsecurity=False).hexdigest()


def asked(path="data/x.csv", digest=OTHER, run_id=RUN):
    """A request with one dataset, as a file of it has it."""
    made = request()
    dataset = Dataset(role="train", path=path, hash=digest, repo="x", sha="0" * 40, size_bytes=2)
    pins = structs.replace(made.snapshot, datasets=(dataset,))
    return encoding.record(structs.replace(made, id=run_id, snapshot=pins)).encode()


def written(place, files, *members):
    """Write a file as `export` does: all sums are right, whatever it holds."""
    sums = "".join(f"{hashlib.sha256(v).hexdigest()}  {k}\n" for k, v in files.items())
    with tarfile.open(place, "w:gz") as archive:
        for name, content in {**files, "SHA256SUMS": sums.encode()}.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o666
            archive.addfile(member, io.BytesIO(content))
        for member in members:
            archive.addfile(member)
    return place


def link(name, target, kind=tarfile.SYMTYPE):
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member


def special(name, kind):
    member = tarfile.TarInfo(name)
    member.type = kind
    return member


@pytest.fixture
def refused(project, tmp_path):
    """Import a file, which has to be refused, and look that nothing is anywhere."""

    def everything():
        return sorted(p for p in tmp_path.rglob("*") if ".mlops" not in p.parts)

    def refuse(files, *members):
        place = written(tmp_path / "run.tar.gz", files, *members)
        before = everything()
        with pytest.raises(MlopsError) as error:
            transfer.read(Config.load(project.root), place)
        assert everything() == before
        assert not list(project.root.glob(".mlops/runs/*"))
        assert error.value.hint
        return error.value

    return refuse


@pytest.mark.parametrize(
    "name", ["../out", "record/../../out", "/tmp/root-secret-out", "record/../../../out"]
)
def test_a_file_beside_the_folder_is_refused(refused, name):
    error = refused({"record/request.json": asked(), name: b"x"})
    assert "is damaged" in error.message
    assert not Path("/tmp/root-secret-out").exists()


@pytest.mark.parametrize(
    "member",
    [
        link("record/points.jsonl", "/etc/passwd"),
        link("record/points.jsonl", "../../../../etc/passwd"),
        link("record/points.jsonl", "request.json"),
        link("record/points.jsonl", "record/request.json", tarfile.LNKTYPE),
        link("loop", "loop"),
        special("record/pipe", tarfile.FIFOTYPE),
        special("record/device", tarfile.CHRTYPE),
    ],
    ids=["absolute", "upwards", "inside", "hard", "loop", "pipe", "device"],
)
def test_what_is_no_regular_file_is_refused(refused, member):
    assert "is damaged" in refused({"record/request.json": asked()}, member).message


@pytest.mark.parametrize(
    "digest", ["aa/tmp/x.dir", "aa/../../../out.dir", "../../out", "a" * 31, "A" * 32, ""]
)
def test_a_hash_that_is_a_path_is_none(refused, tmp_path, digest):
    listing = json.dumps([{"relpath": "x", "md5": OTHER}]).encode()
    named = digest.replace("/tmp/", f"{tmp_path}/")
    inside = str(Path("record/listings", named.lstrip("/"))) if named else "record/listings/x"
    files = {"record/request.json": asked(digest=named), "data/data/x.csv/x": b"1\n"}
    if ".." not in inside:
        files[inside] = listing
    assert isinstance(refused(files), DataError)


@pytest.mark.parametrize("relpath", ["../../out", "/tmp/root-secret-out", "x/../../../out", "a\0b"])
def test_a_listing_stays_in_its_dataset(refused, relpath):
    listing = json.dumps([{"relpath": relpath, "md5": OTHER}]).encode()
    digest = f"{hashlib.md5(listing, usedforsecurity=False).hexdigest()}.dir"
    files = {"record/request.json": asked("data", digest), f"record/listings/{digest}": listing}
    error = refused({**files, "data/data/x": b"1\n"})
    assert "is no listing of a folder" in error.message


def test_a_listing_that_is_not_what_its_hash_says_is_not_kept(refused):
    digest = f"{'0' * 32}.dir"
    files = {"record/request.json": asked("data", digest), f"record/listings/{digest}": b"[]"}
    assert "is not what its hash" in refused(files).message


@pytest.mark.parametrize("path", ["../../out", "/etc/passwd", "data/../../../out"])
def test_a_dataset_stays_in_its_project(refused, path):
    assert "its data are" in refused({"record/request.json": asked(path)}).message


@pytest.mark.parametrize("run_id", ["../../out", "/tmp/out", "", "20260101-000000-abcdef/1", "x\0"])
def test_an_id_is_one(refused, run_id):
    error = refused({"record/request.json": asked(run_id=run_id)})
    assert isinstance(error, RunError)
    assert "its id is" in error.message


def test_without_a_record_it_is_no_run(refused):
    assert "holds no run" in refused({"run.json": b"{}"}).message


def test_a_pickle_is_read_as_text_and_never_loaded(refused, tmp_path):
    canary = tmp_path.parent / f"{tmp_path.name}-canary"
    payload = pickle.dumps(Payload(canary))
    refused({"record/request.json": payload})
    refused({"record/request.json": asked(), "record/events.jsonl": payload})
    assert not canary.exists()


def test_what_is_imported_is_the_users_alone(project, tmp_path):
    from mlops_nb import api

    project.notebook("print(1)", parameters="rate = 0.5")
    run = api.train("train.ipynb")
    api.cancel(run.id)
    carried = api.export(run.id, tmp_path / "run.tar.gz")
    api.delete(run.id, force=True)
    api.import_(carried)
    kept = project.root / ".mlops" / "runs" / run.id
    modes = {p: stat.S_IMODE(p.stat().st_mode) for p in (kept, *kept.rglob("*"))}
    assert {p for p, mode in modes.items() if mode != (0o700 if p.is_dir() else 0o600)} == set()


def test_a_run_of_a_firing_is_carried_with_the_id_that_it_got(project, tmp_path):
    from mlops_nb import api, occasion
    from mlops_nb.scheduling import store

    project.notebook("print(1)", parameters="rate = 0.5")
    named = store.run_id("nightly", "2026-01-01T03:00:00+00:00")
    with occasion.on(occasion.Occasion(run_id=named)):
        run = api.train("train.ipynb")
    api.cancel(run.id)
    carried = api.export(run.id, tmp_path / "run.tar.gz")
    api.delete(run.id, force=True)
    assert api.import_(carried).id == run.id == named


def test_an_import_that_is_killed_leaves_no_run_and_is_done_again(project, tmp_path, monkeypatch):
    config = Config.load(project.root)
    record = tmp_path / "record"
    record.mkdir()
    (record / "request.json").write_bytes(asked())
    place = config.state_folder / "runs" / RUN

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Path, "rename", killed)
        transfer._put(record, place)
    assert Records(place.parent).ids() == ()
    transfer._put(record, place)
    assert Records(place.parent).ids() == (RUN,)
    assert [path.name for path in place.parent.iterdir()] == [RUN]


def test_a_disk_that_is_full_leaves_no_file(project, tmp_path, monkeypatch):
    from mlops_nb import api

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    project.notebook("print(1)", parameters="rate = 0.5")
    run = api.train("train.ipynb")
    api.cancel(run.id)
    carried = tmp_path / "carried"
    carried.mkdir()
    with monkeypatch.context() as patch, pytest.raises(OSError, match="No space left"):
        patch.setattr(tarfile.TarFile, "add", full)
        api.export(run.id, carried / "run.tar.gz")
    assert list(carried.iterdir()) == []


@pytest.mark.parametrize("name", ["a\nb", "a\\b", "a\\nb", "a\u2028b", "a  b", " a", "\r", "ü"])
def test_sums_of_any_name_are_those_that_coreutils_check(tmp_path, name):
    (tmp_path / name).write_bytes(b"x")
    transfer._write_sums(tmp_path)
    check = ["sha256sum", "--check", "--quiet", "--strict", transfer._SUMS]
    assert subprocess.run(check, cwd=tmp_path, check=False).returncode == 0
    lines = (tmp_path / transfer._SUMS).read_bytes().decode().split("\n")
    assert [transfer._named(line)[0] for line in lines if line] == [name]
