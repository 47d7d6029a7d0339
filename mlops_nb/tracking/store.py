"""MLflow's runs: begun, logged to, looked for and ended."""

from __future__ import annotations

import math
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import encoding
from mlops_nb.tracking import tags
from mlops_nb.tracking.connection import ABSENT, MODELS, SQLITE, Connection, quoted
from mlops_nb.tracking.models import Models
from mlops_nb.tracking.registry import Registry
from mlops_nb.types import Model

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlops_nb.journal.points_file import LoggedPoint
    from mlops_nb.types import Snapshot


class Store:
    """The MLflow runs, behind the few calls that stages need.

    Args:
        uri: Tracking URI; a store on this machine is made where it is not there.

    Attributes:
        registry: The registered models.
        models: The files of models.

    Raises:
        TrackingError: The store cannot be opened.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._connection = Connection(uri)
        self.registry = Registry(self._connection)
        self.models = Models(self._connection)

    def start(
        self,
        *,
        experiment: str,
        snapshot: Snapshot,
        run_id: str,
        kfp_run_id: str,
        adopted: str | None = None,
        parent: str = "",
    ) -> str:
        """Make the MLflow run of a snapshot, with its tags, parameters and datasets.

        Args:
            experiment: Name of the MLflow experiment.
            snapshot: What was pinned.
            run_id: The run of ours.
            kfp_run_id: The run of Kubeflow Pipelines, ours where it is a local one.
            adopted: An MLflow run that somebody has made for this one, as a platform's plugin
                does; it is taken, wherever it is, so that there is one and not two.
            parent: The MLflow run that it is a part of, "" for none.

        Returns:
            The MLflow run's id.
        """
        from mlflow.entities import Param

        try:
            given = tags.of_snapshot(snapshot, run_id=run_id, kfp_run_id=kfp_run_id)
            if parent:
                given[tags.PARENT] = parent
            mlflow_run_id = self._adopt(adopted, given) if adopted else ""
            if not mlflow_run_id:
                run = self._connection.client.create_run(self._experiment(experiment), tags=given)
                mlflow_run_id = run.info.run_id
            parameters = tags.parameters_of(snapshot)
            self._connection.client.log_batch(
                mlflow_run_id, params=[Param(*p) for p in parameters.items()]
            )
            self._log_datasets(mlflow_run_id, snapshot)
        except self._connection.error as error:
            raise self._connection.unreachable(error) from error
        return mlflow_run_id

    def _adopt(self, mlflow_run_id: str, given: Mapping[str, str]) -> str:
        """Take a run that exists and goes on; "" where this store has none such."""
        from mlflow.entities import RunTag

        try:
            run = self._connection.client.get_run(mlflow_run_id)
        except self._connection.error as error:
            if error.error_code in ABSENT:
                return ""
            raise
        if run.info.status != "RUNNING":
            return ""
        self._connection.client.log_batch(
            mlflow_run_id, tags=[RunTag(*tag) for tag in given.items()]
        )
        return mlflow_run_id

    def series(self, *, experiment: str, deployment: str) -> str:
        """Return the MLflow run that has the figures of a deployment over time, made where not.

        One run for all of its windows, a step each: MLflow draws curves of a run's steps, and of
        many runs it draws bars.
        """
        with self._connection.reached(), self._connection.exclusively():
            place = self._experiment(experiment)
            query = f"tags.`{tags.DEPLOYMENT}` = {quoted(deployment)}"
            found = self._connection.client.search_runs([place], query, max_results=1)
            if found:
                return str(found[0].info.run_id)
            given = {tags.DEPLOYMENT: deployment, tags.RUN_NAME: deployment}
            run_id = str(self._connection.client.create_run(place, tags=given).info.run_id)
            self._connection.client.set_terminated(run_id, status="FINISHED")
        return run_id

    def log_step(self, mlflow_run_id: str, metrics: Mapping[str, float], at: float) -> None:
        """Log the figures of a moment, in seconds since the epoch; again does no harm."""
        from mlflow.entities import Metric

        batch = [
            Metric(name, value, round(at * 1000), round(at))
            for name, value in metrics.items()
            if math.isfinite(value)
        ]
        with self._connection.reached():
            self._connection.client.log_batch(mlflow_run_id, metrics=batch)

    def metrics(self, mlflow_run_id: str) -> dict[str, float]:
        """Return the latest value of each metric."""
        with self._connection.reached():
            metrics: dict[str, float] = self._connection.client.get_run(mlflow_run_id).data.metrics
        return metrics

    def log_metrics(self, mlflow_run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics in one batch. MLflow has no infinity: such values are left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        batch = [Metric(k, v, now, 0) for k, v in metrics.items() if not math.isinf(v)]
        self._connection.client.log_batch(mlflow_run_id, metrics=batch)

    def log_points(self, mlflow_run_id: str, points: Sequence[LoggedPoint]) -> list[LoggedPoint]:
        """Log points with their own steps and times; again does no harm. Infinities are left out.

        Returns:
            Those that MLflow refuses by themselves, whatever is sent along with them.

        Raises:
            TrackingError: MLflow cannot be reached.
        """
        try:
            self._connection.client.log_batch(mlflow_run_id, metrics=_metrics(points))
        except self._connection.error as error:
            if error.error_code not in _REFUSALS:
                raise self._connection.unreachable(error) from error
            if len(points) == 1:
                return list(points)
            half = len(points) // 2
            halves = (points[:half], points[half:])
            return [point for part in halves for point in self.log_points(mlflow_run_id, part)]
        return []

    def log_file(self, mlflow_run_id: str, path: Path, folder: str) -> None:
        """Keep a file as artifact of the run."""
        with self._connection.reached():
            self._connection.client.log_artifact(mlflow_run_id, str(path), folder or None)

    def log_text(self, mlflow_run_id: str, text: str, path: str) -> None:
        """Keep a text as artifact of the run."""
        self._connection.client.log_text(mlflow_run_id, text, path)

    def read_text(self, mlflow_run_id: str, path: str) -> str | None:
        """Return a text that is kept as artifact of a run, None where there is none."""
        folder = path.rpartition("/")[0]
        with self._connection.reached(), tempfile.TemporaryDirectory() as scratch:
            kept = self._connection.client.list_artifacts(mlflow_run_id, folder or None)
            if path not in [artifact.path for artifact in kept]:
                return None
            found = Path(self._connection.client.download_artifacts(mlflow_run_id, path, scratch))
            return found.read_text(encoding="utf-8")

    def tag(self, mlflow_run_id: str, tags_: Mapping[str, str]) -> None:
        """Tag a run."""
        from mlflow.entities import RunTag

        with self._connection.reached():
            self._connection.client.log_batch(
                mlflow_run_id, tags=[RunTag(*tag) for tag in tags_.items()]
            )

    def model_uri(self, mlflow_run_id: str) -> str | None:
        """Return the URI of the model that the run logged last, None where it logged none."""
        outputs = self._connection.client.get_run(mlflow_run_id).outputs
        models = outputs.model_outputs if outputs is not None else []
        if not models:
            return None
        logged = [self._connection.client.get_logged_model(output.model_id) for output in models]
        newest = max(logged, key=lambda model: model.creation_timestamp)
        return f"models:/{newest.model_id}"

    def finish(self, mlflow_run_id: str, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        with self._connection.reached():
            self._connection.client.set_terminated(mlflow_run_id, status=status)

    def unfinished(self, run_id: str) -> list[str]:
        """Return the MLflow runs that a run of ours made and did not end."""
        with self._connection.reached():
            return self._runs_of(run_id, "RUNNING")

    def reopen(self, mlflow_run_id: str) -> bool:
        """Let a run that has ended go on; False where there is no such run any more."""
        with self._connection.reached():
            try:
                run = self._connection.client.get_run(mlflow_run_id)
            except self._connection.error as error:
                if error.error_code in ABSENT:
                    return False
                raise
            if run.info.lifecycle_stage != "active":
                return False
            self._connection.client.update_run(mlflow_run_id, status="RUNNING")
        return True

    def children(self, mlflow_run_id: str) -> dict[str, str]:
        """Return the runs that are a part of a run and have not ended, by our ids of them."""
        with self._connection.reached():
            query = f"attributes.status = 'RUNNING' and {_IN.format(mlflow_run_id)}"
            return {
                run.data.tags.get(tags.RUN_ID, run.info.run_id): run.info.run_id
                for run in self._search(query)
            }

    def discard(self, run_id: str) -> None:
        """Mark all MLflow runs of a run of ours as deleted: it begins anew."""
        with self._connection.reached():
            for run in self._search(f"tags.`{tags.RUN_ID}` = '{run_id}'"):
                self._connection.client.delete_run(run.info.run_id)

    def _search(self, query: str) -> list[Any]:
        experiments = [e.experiment_id for e in self._connection.client.search_experiments()]
        found, token = [], None
        while True:
            page = self._connection.client.search_runs(experiments, query, page_token=token)
            found += page
            token = page.token
            if not token:
                return found

    def _runs_of(self, run_id: str, status: str) -> list[str]:
        """Return the MLflow runs of a run of ours that are in a state, newest first."""
        query = f"attributes.status = '{status}' and tags.`{tags.RUN_ID}` = '{run_id}'"
        return [run.info.run_id for run in self._search(query)]

    def find(self, run_id: str) -> tuple[str, Model | None]:
        """Find the finished MLflow run of a run of ours.

        Returns:
            Its id, "" where there is none, and its model.
        """
        with self._connection.reached():
            found = self._runs_of(run_id, "FINISHED")
            return (found[0], self._model(found[0])) if found else ("", None)

    def _model(self, mlflow_run_id: str) -> Model | None:
        uri = self.model_uri(mlflow_run_id)
        if uri is None:
            return None
        versions = self._connection.client.search_model_versions(f"run_id = '{mlflow_run_id}'")
        newest = max(versions, key=lambda v: int(v.version), default=None)
        if newest is None:
            return Model(uri=uri)
        return Model(uri=uri, name=newest.name, version=str(newest.version))

    def delete(self, mlflow_run_id: str) -> None:
        """Mark the run and its parts as deleted; MLflow can restore them until `mlflow gc`."""
        for part in self._search(_IN.format(mlflow_run_id)):
            self._connection.client.delete_run(part.info.run_id)
        self._connection.client.delete_run(mlflow_run_id)

    def has(self, mlflow_run_id: str, model_uri: str) -> bool:
        """Whether there is a finished run of this id, with this model where it is to have one."""
        try:
            run = self._connection.client.get_run(mlflow_run_id)
            if model_uri:
                self._connection.client.get_logged_model(model_uri.removeprefix(MODELS))
        except self._connection.error:
            return False
        return bool(run.info.status == "FINISHED" and run.info.lifecycle_stage == "active")

    def _experiment(self, name: str) -> str:
        found = self._connection.client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = None
        if self.uri.startswith(SQLITE):
            folder = Path(self.uri.removeprefix(SQLITE)).parent / "artifacts"
            folder.mkdir(mode=0o700, exist_ok=True)
            location = folder.as_uri()
        try:
            return str(self._connection.client.create_experiment(name, artifact_location=location))
        except self._connection.error:
            # Another run made it in between.
            found = self._connection.client.get_experiment_by_name(name)
            if found is None:
                raise
            return str(found.experiment_id)

    def _log_datasets(self, mlflow_run_id: str, snapshot: Snapshot) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        context = {"train": "training", "test": "testing", "other": "other"}
        inputs = [
            DatasetInput(
                Dataset(
                    name=d.path,
                    digest=d.hash[:36],
                    source_type="dvc",
                    source=encoding.plain({"repo": snapshot.code.remote or d.repo, "sha": d.sha}),
                ),
                [InputTag(tags.DATASET_CONTEXT, context[d.role])],
            )
            for d in snapshot.datasets
        ]
        if inputs:
            self._connection.client.log_inputs(mlflow_run_id, inputs)


# What MLflow says of a point that it will never take, as against a store that is away.
_REFUSALS = ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")
_IN = f"tags.`{tags.PARENT}` = '{{}}'"


def _metrics(points: Iterable[LoggedPoint]) -> list[Any]:
    from mlflow.entities import Metric

    return [
        Metric(
            point.name,
            point.value,
            round(point.at * 1000),
            point.step,
            model_id=point.model_id,
            dataset_name=point.dataset_name,
            dataset_digest=point.dataset_digest,
        )
        for point in points
        if not math.isinf(point.value)
    ]
