"""Many processes at once on a store that does not exist yet."""

from __future__ import annotations

import subprocess
import sys

import mlflow

WRITER = """
import sys
from mlops_nb.tracking.store import Store
uri, number = sys.argv[1], sys.argv[2]
store = Store(uri)
experiment = store._experiment("one")
run = store._client.create_run(experiment)
store.log_metrics(run.info.run_id, {"number": float(number), "endless": float("inf")})
print(store.register(name="model", uri=f"runs:/{run.info.run_id}/model",
                     mlflow_run_id=run.info.run_id, alias="challenger"))
"""


def test_eight_writers_on_a_fresh_store_lose_and_double_nothing(tmp_path):
    uri = f"sqlite:///{tmp_path}/.mlops/mlflow.db"
    started = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, uri, str(n)],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for n in range(8)
    ]
    ended = [process.communicate() for process in started]
    assert [p.returncode for p in started] == [0] * 8, [error[-500:] for _, error in ended]
    versions = sorted(int(out.split()[-1]) for out, _ in ended)
    assert versions == list(range(1, 9))

    client = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = client.get_experiment_by_name("one")
    runs = client.search_runs([experiment.experiment_id])
    assert sorted(run.data.metrics["number"] for run in runs) == [float(n) for n in range(8)]
    assert all("endless" not in run.data.metrics for run in runs)
    assert int(client.get_model_version_by_alias("model", "challenger").version) == 8
