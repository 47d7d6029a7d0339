"""A model learns on from new data, and one that has forgotten what it knew goes no further."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import mlflow
import pytest

from mlops_nb import api
from mlops_nb.drawing import words
from mlops_nb.journal import read_report
from mlops_nb.tracking import tags
from mlops_nb.types import RunState, StageState

QUICK = {"tracking.autolog": "false"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """The example of a stream, with a model of its first months."""
    root = tmp_path_factory.mktemp("incremental")
    api.init(root, example="incremental")
    run = api.train("sgd.ipynb", settings=QUICK, wait=True, project=root)
    assert run.state is RunState.SUCCEEDED, run.error
    assert run.lineage is None
    return root, run


def add_month(root, *arguments):
    subprocess.run([sys.executable, "stream.py", *arguments], cwd=root, check=True)


@pytest.fixture(scope="module")
def updated(trained):
    root, parent = trained
    assert api.update(parent=parent.id, project=root) is None
    add_month(root, "5")
    return api.update(parent=parent.id, settings=QUICK, wait=True, project=root)


def test_it_learns_what_is_new_from_a_part_of_the_data(trained, updated):
    _, parent = trained
    assert updated.state is RunState.SUCCEEDED, updated.error
    assert updated.metrics["fit_rows"] == 8_000 + 0.1 * parent.metrics["fit_rows"]
    report = read_report(Path(updated.evaluation.report))
    by_part = {table.prefix: table.duels[0] for table in report.tables}
    assert by_part["test_new_"].theirs < 0.6
    assert by_part["test_new_"].ours > 0.9
    assert abs(by_part["test_old_"].gain) < 0.02
    assert updated.evaluation.passed
    assert updated.model.version == "2"


def test_where_it_comes_from_is_on_record(trained, updated):
    _, parent = trained
    lineage = updated.lineage
    assert (lineage.run_id, lineage.files, lineage.retrained) == (parent.id, 1, None)
    assert lineage.since == parent.snapshot.dataset("train").hash
    assert words.chain(updated) == f"{parent.id} \u2192 {updated.id}"
    assert updated.snapshot.parameters["parent_model"] == parent.model.uri
    tracked = mlflow.MlflowClient(updated.tracking_uri).get_run(updated.mlflow_run_id)
    assert tracked.data.tags[tags.PARENT_MODEL] == "incremental/1"
    assert tracked.data.tags[tags.DATA_SINCE] == lineage.since


def test_one_that_has_forgotten_is_not_registered(trained, updated):
    root, parent = trained
    add_month(root, "6", "--turned")
    run = api.update(parent=updated.id, replay=0, settings=QUICK, wait=True, project=root)
    assert run.state is RunState.SUCCEEDED, run.error
    assert run.lineage.chain == (parent.id, updated.id)
    new, old = run.evaluation.gates
    assert (new.passed, old.passed) == (True, False)
    assert run.metrics["test_old_accuracy"] < 0.7
    assert run.stage("register").state is StageState.SKIPPED
    assert run.stage("register").note.startswith("gate failed: test_old_score>=parent-5%")
