from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from mlops_nb.capture import dvc, pointers, snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import DataError
from mlops_nb.settings import Config


def pointer_of(project, path):
    def read(file):
        target = project.root / file
        return target.read_bytes() if target.is_file() else None

    return pointers.find_pointer(path, read)


def dvc_says_changed(project, target):
    status = subprocess.run(
        ["dvc", "status", "--json", target], cwd=project.root, capture_output=True, check=True
    )
    return bool(json.loads(status.stdout))


def test_pointer_of_a_file(project):
    pointer = pointer_of(project, "data/train.csv")
    assert pointer.hash == dvc.md5_of(project.root / "data/train.csv")
    assert pointer.out == "data/train.csv"


def test_no_pointer_is_a_value(project):
    assert pointer_of(project, "helper.py") is None


def test_unchanged_data_keep_their_hash(project):
    pointer = pointer_of(project, "data/train.csv")
    assert dvc.content_of(project.root, pointer, project.root, keep=True) is pointer
    assert not dvc_says_changed(project, "data/train.csv.dvc")


def test_one_changed_byte_is_seen_kept_and_leaves_the_users_pointer_alone(project):
    pointer = pointer_of(project, "data/train.csv")
    path = project.root / "data/train.csv"
    path.chmod(0o644)
    text = path.read_text()
    path.unlink()
    path.write_text(text.replace("5,5,1", "5,6,1"))
    before = (project.root / "data/train.csv.dvc").read_bytes()

    content = dvc.content_of(project.root, pointer, project.root, keep=True)

    assert dvc_says_changed(project, "data/train.csv.dvc")
    assert content.hash == dvc.md5_of(path) != pointer.hash
    assert (
        dvc.object_path(dvc.cache_folder(project.root), content.hash).read_text()
        == path.read_text()
    )
    assert (project.root / "data/train.csv.dvc").read_bytes() == before
    assert content.hash.encode() in content.text


def test_preview_keeps_nothing(project):
    pointer = pointer_of(project, "data/train.csv")
    path = project.root / "data/train.csv"
    path.unlink()
    path.write_text("a,b,label\n1,2,3\n")
    content = dvc.content_of(project.root, pointer, project.root, keep=False)
    assert dvc.missing_objects(dvc.cache_folder(project.root), content.hash) == [content.hash]


def test_a_folder_is_one_dataset_with_a_hash_of_its_own(project):
    for name in ("one", "two", "deep/three"):
        project.write(f"images/{name}.txt", name)
    subprocess.run(["dvc", "add", "-q", "images"], cwd=project.root, check=True)
    pointer = pointer_of(project, "images")
    assert pointer.hash.endswith(".dir")
    assert pointer.files == 3

    project.write("images/four.txt", "four")
    content = dvc.content_of(project.root, pointer, project.root, keep=True)

    cache = dvc.cache_folder(project.root)
    assert content.files == 4
    assert {f.path for f in dvc.list_files(cache, content.hash)} == {
        "one.txt", "two.txt", "four.txt", "deep/three.txt",
    }  # fmt: skip
    assert dvc.missing_objects(cache, content.hash) == []


def test_a_file_inside_of_a_tracked_folder_is_found_through_the_folder(project):
    project.write("images/one.txt", "one")
    subprocess.run(["dvc", "add", "-q", "images"], cwd=project.root, check=True)
    assert pointer_of(project, "images/one.txt").out == "images"


def test_absent_data_with_a_full_cache_are_fine(project):
    (project.root / "data/train.csv").unlink()
    pointer = pointer_of(project, "data/train.csv")
    assert dvc.content_of(project.root, pointer, project.root, keep=True) is pointer


def test_absent_data_and_an_empty_cache_are_refused_with_the_cure(project):
    (project.root / "data/train.csv").unlink()
    pointer = pointer_of(project, "data/train.csv")
    dvc.object_path(dvc.cache_folder(project.root), pointer.hash).unlink()
    with pytest.raises(DataError, match=pointer.hash) as refused:
        dvc.content_of(project.root, pointer, project.root, keep=True)
    command = refused.value.hint.partition(": ")[2]
    subprocess.run(command.split(), cwd=project.root, check=True, capture_output=True)
    assert dvc.content_of(project.root, pointer, project.root, keep=True) is pointer


@pytest.mark.parametrize("text", [b"", b"outs: []", b"outs:\n- path: x\n", b"{", b"outs: 3"])
def test_a_pointer_that_is_none_is_refused(text):
    with pytest.raises(DataError, match="not a DVC pointer"):
        pointers.find_pointer("x", {"x.dvc": text}.get)


def test_a_pointer_of_dvc_2_is_refused_with_the_migration():
    with pytest.raises(DataError, match="DVC 2") as refused:
        pointers.find_pointer("x", {"x.dvc": b"outs:\n- md5: abc\n  path: x\n"}.get)
    assert "dvc cache migrate" in refused.value.hint


def test_cache_folder_follows_the_configuration(project, tmp_path):
    subprocess.run(
        ["dvc", "cache", "dir", "--local", str(tmp_path / "cache")], cwd=project.root, check=True
    )
    assert dvc.cache_folder(project.root) == tmp_path / "cache" / "files" / "md5"


def test_relative_remotes_are_found_with_their_folders(project):
    assert dvc.relative_remotes(project.root) == [("storage", project.root.parent / "remote")]


def test_commands_wait_for_each_other(project):
    import threading

    for i in range(4):
        project.write(f"more/{i}.txt", str(i))
    threads = [
        threading.Thread(target=dvc.run_dvc, args=(project.root, "add", "-q", f"more/{i}.txt"))
        for i in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list((project.root / "more").glob("*.dvc"))) == 4


def test_a_command_of_the_users_is_waited_for(project, capfd):
    import fcntl
    import threading

    project.write("more.txt", "x")
    lock = project.root / ".dvc" / "tmp" / "lock"
    lock.parent.mkdir(exist_ok=True)
    # Longer than DVC itself would try.
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        threading.Timer(5, fcntl.flock, (file, fcntl.LOCK_UN)).start()
        dvc.run_dvc(project.root, "add", "-q", "more.txt")
    assert (project.root / "more.txt.dvc").exists()
    assert "waiting for another DVC command" in capfd.readouterr().err


@pytest.fixture
def staged(project):
    """Two outs of a stage of a DVC pipeline, one of them a folder."""
    command = "mkdir -p out/parts && cp data/train.csv out/table.csv && cp data/*.csv out/parts"
    stage = ["dvc", "stage", "add", "-q", "-n", "make", "-o", "out/table.csv", "-o", "out/parts"]
    subprocess.run([*stage, command], cwd=project.root, check=True)
    subprocess.run(["dvc", "repro", "-q"], cwd=project.root, check=True)
    project.git("add", "-A")
    project.git("commit", "-qm", "a stage of DVC")
    return project


def test_the_outs_of_a_stage_are_datasets_too(staged):
    table, part = (pointer_of(staged, p) for p in ("out/table.csv", "out/parts/train.csv"))
    assert (table.file, table.out, part.out) == ("dvc.lock", "out/table.csv", "out/parts")
    assert table.hash == dvc.md5_of(staged.root / "out/table.csv")
    assert part.files == 2
    assert set(dvc.tracked(staged.root)) == {
        "data/train.csv", "data/test.csv", "out/table.csv", "out/parts",
    }  # fmt: skip
    assert dvc.content_of(staged.root, table, staged.root, keep=True) is table


def test_changed_outs_of_one_stage_are_pinned_together(staged, state_of):
    for path in ("out/table.csv", "out/parts/test.csv"):
        (staged.root / path).unlink()
        (staged.root / path).write_text("a,b,label\n9,9,1\n")
    before = state_of(staged.root)
    config = Config.load(staged.root).override(data_train="out/table.csv", data_test="out/parts")
    pins = snapshot.take(config, Wanted(notebook=Path("train.ipynb")), name="one").snapshot
    assert state_of(staged.root) == before
    assert all(dataset.changed for dataset in pins.datasets)
    lock = staged.git("show", f"{pins.code.sha}:dvc.lock")
    assert all(dataset.hash in lock for dataset in pins.datasets)
    assert "cmd: mkdir -p out/parts" in lock


def test_a_lock_that_is_none_is_refused():
    with pytest.raises(DataError, match=r"not a lock of DVC"):
        pointers.find_pointer("out/x", {"dvc.lock": b"stages: 3"}.get)
