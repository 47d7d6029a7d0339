"""A run repeated from its record alone."""

from __future__ import annotations

import json
import shutil
import subprocess

import mlflow
import msgspec
import pytest

from mlops_nb import api
from mlops_nb.capture import dvc
from mlops_nb.exceptions import RunError
from mlops_nb.orders import reproduction
from tests.end_to_end.conftest import MODEL_CELLS


@pytest.fixture
def recorded(project):
    """A run of a dirty tree, which the tree has left behind since."""
    project.notebook(*MODEL_CELLS, parameters="rate: float = 0.5")
    project.write("helper.py", "ANSWER = 42\n")
    run = api.train("train.ipynb", params={"rate": 0.25}, wait=True)
    assert run.state.value == "SUCCEEDED", run.error
    project.git("checkout", "-q", "--", ".")
    project.write("helper.py", "ANSWER = 0\n")
    project.write("mlops.toml", '[project]\nname = "another"\n')
    return run


def test_a_dirty_run_comes_out_the_same_and_one_changed_byte_does_not(
    project, recorded, json_of, state_of
):
    before = state_of(project.root)
    code, verdict = json_of("reproduce", recorded.id)

    assert code == 0, verdict
    assert (verdict["passed"], verdict["reason"]) == (True, None)
    assert state_of(project.root) == before
    names = {check["name"] for check in verdict["checks"] if check["kind"] == "metric"}
    assert names == set(recorded.metrics)
    (model,) = (check for check in verdict["checks"] if check["kind"] == "model")
    assert model["passed"], "the model's file has times and addresses in it, the digest not"
    again = api.show(verdict["reproduction_id"])
    assert again.metrics["answer"] == 42
    assert again.metrics["rate_seen"] == 0.25
    assert again.reproduces == recorded.id
    assert again.stage("register").note == "this run is to register nothing"
    client = mlflow.MlflowClient(tracking_uri=recorded.tracking_uri)
    assert len(client.search_model_versions("name = 'sample'")) == 1

    tampered = dvc.object_path(
        dvc.cache_folder(project.root), recorded.snapshot.dataset("train").hash
    )
    tampered.chmod(0o644)
    tampered.write_bytes(tampered.read_bytes().replace(b"7,0", b"7,1", 1))
    code, verdict = json_of("reproduce", recorded.id)
    assert code == 1
    assert "data/train.csv: object" in verdict["reason"]
    assert "is corrupt" in verdict["reason"]


@pytest.mark.faults
def test_a_notebook_that_does_not_fix_its_seed_is_told_so(project):
    project.notebook(
        "import mlflow, random\nmlflow.log_metric('draw', random.random())",
        parameters="rate = 0.5",
    )
    run = api.train("train.ipynb", wait=True)
    verdict = api.reproduce(run.id)
    assert not verdict.passed
    assert verdict.reason.startswith("draw was ")
    assert verdict.reason.endswith("the notebook does not fix what it draws at random")
    assert api.reproduce(run.id, tolerance=1.0).passed

    other = msgspec.structs.replace(
        run.snapshot.environment,
        lock=tuple(
            "numpy==0.1" if line.startswith("numpy==") else line
            for line in run.snapshot.environment.lock
        ),
    )
    changed = msgspec.structs.replace(
        run, snapshot=msgspec.structs.replace(run.snapshot, environment=other)
    )
    verdict = reproduction.compare(changed, run, tolerance=0)
    assert not verdict.passed
    assert verdict.reason.startswith("package numpy: recorded 0.1, now ")


def test_a_run_without_a_result_is_refused(project, folder_of):
    project.notebook("raise ValueError('no')")
    run = api.train("train.ipynb", wait=True)
    with pytest.raises(RunError, match="it has no result to compare with"):
        api.reproduce(run.id)
    request = json.loads(folder_of(run.id).request.read_text())
    assert request["reproduces"] is None


def test_a_run_is_carried_to_another_project_and_comes_out_the_same_there(
    project, recorded, json_of, tmp_path, monkeypatch
):
    carried = tmp_path / "run.tar.gz"
    assert json_of("export", recorded.id, str(carried))[0] == 0
    elsewhere = tmp_path / "elsewhere"
    api.init(elsewhere)
    monkeypatch.chdir(elsewhere)
    shutil.rmtree(project.root)

    code, imported = json_of("import", str(carried))
    assert code == 0
    assert imported["id"] == recorded.id
    assert imported["metrics"] == recorded.metrics
    code, verdict = json_of("reproduce", recorded.id)
    assert (code, verdict["reason"]) == (0, None)
    code, refused = json_of("import", str(carried))
    assert code == 1
    assert "has run" in refused["error"]["message"]

    opened = tmp_path / "opened"
    subprocess.run(["mkdir", str(opened)], check=True)
    for command in (
        ["tar", "xzf", str(carried), "-C", str(opened)],
        ["sha256sum", "--quiet", "--check", "SHA256SUMS"],
        ["git", "clone", "-q", "code.bundle", "code"],
    ):
        subprocess.run(command, cwd=opened, check=True, capture_output=True)
    assert (opened / "code" / "helper.py").read_text() == "ANSWER = 42\n"
    assert dvc.md5_of(opened / "data/data/train.csv") == recorded.snapshot.dataset("train").hash


@pytest.mark.parametrize("damage", ["flip", "cut", "text", "absent"])
def test_a_damaged_file_is_refused_and_leaves_no_trace(project, tmp_path, json_of, damage):
    project.notebook("print(1)", parameters="rate = 0.5")
    run = api.train("train.ipynb", wait=False)
    carried = tmp_path / "run.tar.gz"
    api.cancel(run.id)
    api.export(run.id, carried)
    content = carried.read_bytes()
    carried.unlink()
    damaged = {
        "flip": content[:-2000] + bytes([content[-2000] ^ 1]) + content[-1999:],
        "cut": content[:-500],
        "text": b"hello",
    }
    if damage in damaged:
        carried.write_bytes(damaged[damage])
    shutil.rmtree(project.root / ".mlops")
    code, refused = json_of("import", str(carried))
    assert code == 1
    assert refused["error"]["type"] == "RunError"
    assert not (project.root / ".mlops" / "runs").exists()
