"""Hyperparameters arrive as they were, and a notebook's own MLflow calls land in the run."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path

import mlflow
import pytest

from mlops_nb import api

VALUES = {
    "none": None,
    "flag": True,
    "count": -7,
    "rate": 1e-17,
    "infinite": math.inf,
    "quotes": 'it\'s "quoted"',
    "equals": "a = b == c",
    "braces": "{{$.json_escape[1]}} {{x}} {y}",
    "python": "python3 -m python3",
    "unicode": "ünïcödé 🎉 \u202e",
    "newline": "a\nb\\n",
    "empty": "",
    "numbers": [1, 2.5, None, True, "python3"],
    "nested": {"a": {"b": [{"{{": "'"}]}},
}

RECORD = (
    "import json\nprint(json.dumps({names}))\nassert type(count) is int and type(rate) is float"
)

TRACKING = """
import mlflow
mlflow.set_tracking_uri('sqlite:///elsewhere.db')
with mlflow.start_run(run_name='mine', tags={'own': 'tag'}) as first:
    mlflow.log_metric('one', 1)
mlflow.log_metric('two', 2)
with mlflow.start_run() as second:
    mlflow.log_metric('child', 3)
with mlflow.start_run(run_id=first.info.run_id):
    mlflow.log_metric('three', 3)
mlflow.end_run()
mlflow.log_metric('four', 4)
"""


@pytest.fixture
def run(project):
    # The session has an experiment of its own, which MLflow hands on to child processes.
    mlflow.set_tracking_uri("sqlite:///elsewhere.db")
    mlflow.set_experiment("elsewhere")
    names = "{" + ", ".join(f"{n!r}: {n}" for n in VALUES) + "}"
    cell = "\n".join(f"{name} = None" for name in VALUES)
    project.notebook(RECORD.replace("{names}", names), TRACKING, parameters=cell)
    return api.train("train.ipynb", params=VALUES, wait=True)


def test_values_and_tracking(run):
    assert run.state.value == "SUCCEEDED", run.error
    document = json.loads(Path(run.notebook).read_text())
    printed = json.loads("".join(document["cells"][2]["outputs"][0]["text"]))
    assert printed == VALUES
    assert json.dumps(printed) == json.dumps(VALUES)
    assert run.snapshot.parameters == VALUES

    client = mlflow.MlflowClient(tracking_uri=run.tracking_uri)
    tracked = client.get_run(run.mlflow_run_id)
    assert {k: tracked.data.metrics.get(k) for k in ("one", "two", "three", "four")} == {
        "one": 1, "two": 2, "three": 3, "four": 4,
    }  # fmt: skip
    assert "child" not in tracked.data.metrics
    assert tracked.data.tags["own"] == "tag"
    assert tracked.data.params["quotes"] == VALUES["quotes"]
    assert tracked.data.params["nested"] == json.dumps(VALUES["nested"])
    (child,) = client.search_runs(
        [tracked.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run.mlflow_run_id}'"
    )
    assert child.data.metrics == {"child": 3}
    assert run.stage("register").note == "the notebook logged no model"


SECRET = 'p@ss "w\\ord" with ünïcode 1234'


def test_a_secret_reaches_the_notebook_and_nothing_that_is_kept(project, monkeypatch):
    monkeypatch.setenv("WAREHOUSE_PASSWORD", SECRET)
    monkeypatch.setenv("UNNAMED_VARIABLE", "not for runs")
    with (project.root / "mlops.toml").open("a") as settings:
        settings.write('[environment]\nsecrets = ["WAREHOUSE_PASSWORD"]\n')
    digest = hashlib.sha256(SECRET.encode()).hexdigest()
    project.notebook(
        "import hashlib, os, sys\nvalue = os.environ['WAREHOUSE_PASSWORD']\n"
        f"assert hashlib.sha256(value.encode()).hexdigest() == {digest!r}",
        "assert 'UNNAMED_VARIABLE' not in os.environ",
        "print(value); print(value, file=sys.stderr); value",
        "raise ValueError(f'cannot log in with {value}')",
    )
    run = api.train("train.ipynb", wait=True)
    assert run.error.cell == 4, run.error
    assert "[secret removed by mlops_nb]" in run.error.message
    assert run.snapshot.secrets == ("WAREHOUSE_PASSWORD",)
    forms = [SECRET.encode(), json.dumps(SECRET)[1:-1].encode()]
    forms.append(json.dumps(SECRET, ensure_ascii=False)[1:-1].encode())
    kept = [path for path in (project.root / ".mlops").rglob("*") if path.is_file()]
    assert len(kept) > 10
    leaks = [str(path) for path in kept for form in forms if form in path.read_bytes()]
    assert leaks == []
