"""A service that is watched: requests as those of the training, requests that are not, labels."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import pytest
import requests

from mlops_nb import api
from mlops_nb.exceptions import DeploymentError, UsageError
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from mlops_nb.types import DriftVerdict, RunState
from tests.vocabulary import executed, shown

REQUESTS, SIZE = 8, 50


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The quickstart, trained and served; what it serves is taken down in the end."""
    root = tmp_path_factory.mktemp("watched")
    api.init(root, example="quickstart")
    trained = api.train("quickstart.ipynb", wait=True, project=root)
    described = {"name": "watched", "model": trained.id, "service": {"start_s": 600}}
    (root / "deployment.yaml").write_text(json.dumps(described))
    run = api.deploy(wait=True, project=root)
    assert run.state is RunState.SUCCEEDED, run.error
    yield root, trained
    for deployment in api.deployments(project=root):
        api.undeploy(deployment.name, project=root)


@pytest.fixture(scope="module")
def rows(served):
    frame = pd.read_csv(served[0] / "data" / "train.csv")
    return frame.sample(REQUESTS * SIZE, random_state=1)


def ask(root, frame, name, until):
    """Send rows by HTTP, so many a request, and wait until the log has them."""
    (deployment,) = api.deployments("watched", project=root)
    token = Path(deployment.token_file).read_text()
    for number in range(REQUESTS):
        part = frame.iloc[number * SIZE : (number + 1) * SIZE].drop(columns="benign")
        answer = requests.post(
            f"{deployment.url}/invocations",
            json={"dataframe_split": part.to_dict(orient="split", index=False)},
            headers={"Authorization": f"Bearer {token}", "X-Request-Id": f"{name}-{number}"},
            timeout=60,
        )
        assert answer.status_code == 200, answer.text
    ids = [f"{name}-{number}" for number in range(REQUESTS)]
    folder = root / ".mlops" / "deployments" / "watched" / "requests" / "1"
    until(lambda: ids[-1] in "".join(path.read_text() for path in folder.glob("1-*.jsonl")))
    return ids


def test_requests_like_the_training_data_are_no_drift_and_labels_say_what_they_were_worth(
    served, rows, until
):
    root, trained = served
    ids = ask(root, rows, "same", until)
    labels = {
        id_: rows["benign"].iloc[number * SIZE : (number + 1) * SIZE].tolist()
        for number, id_ in enumerate(ids)
    }
    told = api.label("watched", {**labels, "unheard-of": 1}, project=root)
    assert (told.told, told.unknown) == (REQUESTS + 1, 1)
    run = api.monitor("watched", wait=True, project=root)
    assert run.state is RunState.SUCCEEDED, run.error
    assert (run.monitoring.verdict, run.monitoring.alarm) == (DriftVerdict.STABLE, False)
    assert run.metrics["labelled"] == REQUESTS * SIZE
    assert run.metrics["live_accuracy"] > 0.9
    (moment,) = list(api.follow(run.id, project=root))[-1:]
    report = moment.window
    assert report.reference == trained.id
    assert report.reference_rows == 426
    assert report.performance.before["accuracy"] == trained.metrics["test_accuracy"]
    # What verified the revision before it had traffic is in the log as well.
    assert report.window.health.requests >= REQUESTS
    assert report.window.health.failed == 0


def test_requests_unlike_them_raise_an_alarm_that_starts_a_training_once(
    served, rows, until, json_of
):
    root, trained = served
    since = datetime.now(timezone.utc)
    # The log has times of another clock's call.
    time.sleep(0.01)
    frame = rows.assign(mean_radius=rows["mean_radius"] * 1.5)
    ask(root, frame, "other", until)
    window = ["--since", since.isoformat(), "--on-drift", "train", "--project", str(root)]
    code, run = json_of("monitor", "watched", *window, "--wait")
    assert code == 3
    assert run["state"] == "SUCCEEDED"
    found = run["monitoring"]
    assert (found["verdict"], found["alarm"], found["false_alarms"]) == ("DRIFT", True, 0.01)
    assert found["drifted"] == ["mean_radius"]
    assert "mean_radius" in Path(found["report"]).read_text()
    assert any("drift of watched" in finding["message"] for finding in run["findings"])
    started = api.show(found["started"], project=root)
    assert started.pipeline == "training"
    assert started.snapshot.notebook == trained.snapshot.notebook
    api.cancel(started.id, project=root)
    code, again = json_of("monitor", "watched", *window, "--wait")
    assert (code, again["monitoring"]["started"]) == (3, None)
    store = Store(Config.load(root).resolved_tracking_uri)
    series = store.series(
        experiment=f"{Config.load(root).experiment} monitoring", deployment="watched"
    )
    assert store.metrics(series)["drifted_columns"] == 1


def test_what_cannot_be_watched_is_refused_before_anything_starts(served):
    root, _ = served
    before = len(api.runs(project=root))
    with pytest.raises(DeploymentError, match="no deployment 'nobody'"):
        api.monitor("nobody", project=root)
    for wrong in ({"last": "soon"}, {"last": "1h", "since": "2025-01-01"}, {"rows": 0},
                  {"since": "yesterday"}, {"on_drift": "panic"},
                  {"since": "2025-01-02", "until": "2025-01-01"}):  # fmt: skip
        with pytest.raises(UsageError):
            api.monitor("watched", project=root, **wrong)
    assert len(api.runs(project=root)) == before


# The service that is there is replaced by the notebook's, and taken down by it.
def test_the_notebook_that_watches_is_quiet_first_and_alarms_then(served):
    root, _ = served
    cells = executed(root / "monitor.ipynb", name="watched")
    assert shown(cells["label"]) == "(8, 0)"
    after, before = [run.monitoring for run in api.runs(limit=2, project=root)]
    assert (before.verdict, after.verdict) == (DriftVerdict.STABLE, DriftVerdict.DRIFT)
    assert after.drifted == ("mean_radius",)
    assert "mean_radius" in shown(cells["runs"])
    assert "watched is gone" in shown(cells["undeploy"])


def test_the_notebook_that_evaluates_lets_ours_pass_and_refuses_theirs(served):
    root, trained = served
    cells = executed(root / "evaluate.ipynb")
    theirs, ours = api.runs(limit=2, project=root)
    assert (theirs.pipeline, ours.pipeline) == ("evaluation", "evaluation")
    assert ours.metrics["test_accuracy"] == trained.metrics["test_accuracy"]
    assert ours.evaluation.passed
    assert [gate.passed for gate in theirs.evaluation.gates] == [True, False]
    assert "FAILED test_balanced_accuracy>=0.9" in shown(cells["refused"])
    assert "may not be deployed: gate failed" in shown(cells["deploy"])
