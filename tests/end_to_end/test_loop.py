"""The notebook that tells the whole loop, executed as its reader would."""

from __future__ import annotations

import pytest

from mlops_nb import api
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from mlops_nb.types import DriftVerdict, RunState
from tests.vocabulary import executed, shown

# The parts of the loop are in test_update, test_monitoring and test_deployment; this is all of it.
pytestmark = pytest.mark.faults


@pytest.fixture(scope="module")
def loop(tmp_path_factory):
    root = tmp_path_factory.mktemp("loop")
    api.init(root, example="incremental")
    cells = executed(root / "loop.ipynb")
    yield root, cells
    for deployment in api.deployments(project=root):
        api.undeploy(deployment.name, project=root)


def of(root, pipeline):
    """Return the runs of a pipeline, oldest first."""
    return [run for run in reversed(api.runs(project=root)) if run.pipeline == pipeline]


def test_every_run_succeeds(loop):
    root, _ = loop
    runs = api.runs(project=root)
    assert {run.state for run in runs} == {RunState.SUCCEEDED}
    assert [run.pipeline for run in reversed(runs)] == [
        *("training", "evaluation", "deployment", "monitoring"),
        *("monitoring", "training", "deployment"),
    ]


def test_monitoring_is_calm_before_the_change_and_alarms_after_it(loop):
    root, _ = loop
    calm, alarm = of(root, "monitoring")
    assert (calm.monitoring.verdict, calm.monitoring.alarm) == (DriftVerdict.STABLE, False)
    assert alarm.monitoring.alarm
    assert {"sensor_1", "sensor_7"} <= set(alarm.monitoring.drifted)


def test_the_model_learns_what_is_new_keeps_what_was_and_takes_over(loop):
    root, cells = loop
    before, after = of(root, "training")
    assert after.lineage.parent.uri == before.model.uri
    assert after.evaluation.passed
    assert after.metrics["test_new_accuracy"] > 0.7
    assert (before.model.version, after.model.version) == ("1", "2")
    assert (
        Store(Config.load(root).resolved_tracking_uri).registry.alias("incremental", "champion")
        == "2"
    )
    assert "incremental is gone" in shown(cells["undeploy"])
