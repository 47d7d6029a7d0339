"""The MLflow store of a run, behind the few calls that stages need."""

from __future__ import annotations

import math
import os
import sqlite3
import tempfile
import time
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import encoding
from mlops_nb.exceptions import AbsentModelError, TrackingError
from mlops_nb.tracking import digest, tags
from mlops_nb.types import Model, ModelVersion, RegisteredModel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from mlops_nb.journal.points_file import LoggedPoint
    from mlops_nb.types import Snapshot

_SQLITE = "sqlite:///"
_MODELS = "models:/"
_LOCK_TIMEOUT_S = 300


class Store:
    """An MLflow tracking store and model registry.

    The store that a session has named to MLflow for itself stays what it is.

    Args:
        uri: Tracking URI. A SQLite file is created under a lock: MLflow's own creation of the
            schema fails when several processes do it at once.

    Raises:
        TrackingError: The store cannot be opened.
    """

    def __init__(self, uri: str) -> None:
        # Runs must not report to anyone, and MLflow reads this at import.
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        # A server that is down must not hold a run for minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
        os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        from mlflow.exceptions import MlflowException

        self.uri = uri
        self._mlflow_error = MlflowException
        self._client = self._open()

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
                run = self._client.create_run(self._experiment(experiment), tags=given)
                mlflow_run_id = run.info.run_id
            parameters = tags.parameters_of(snapshot)
            self._client.log_batch(mlflow_run_id, params=[Param(*p) for p in parameters.items()])
            self._log_datasets(mlflow_run_id, snapshot)
        except self._mlflow_error as error:
            raise self._unreachable(error) from error
        return mlflow_run_id

    def _adopt(self, mlflow_run_id: str, given: Mapping[str, str]) -> str:
        """Take a run that exists and goes on; "" where this store has none such."""
        from mlflow.entities import RunTag

        try:
            run = self._client.get_run(mlflow_run_id)
        except self._mlflow_error as error:
            if error.error_code in _ABSENT:
                return ""
            raise
        if run.info.status != "RUNNING":
            return ""
        self._client.log_batch(mlflow_run_id, tags=[RunTag(*tag) for tag in given.items()])
        return mlflow_run_id

    def series(self, *, experiment: str, deployment: str) -> str:
        """Return the MLflow run that has the figures of a deployment over time, made where not.

        One run for all of its windows, a step each: MLflow draws curves of a run's steps, and of
        many runs it draws bars.
        """
        with self._reached(), self._exclusively():
            place = self._experiment(experiment)
            query = f"tags.`{tags.DEPLOYMENT}` = {_quoted(deployment)}"
            found = self._client.search_runs([place], query, max_results=1)
            if found:
                return str(found[0].info.run_id)
            given = {tags.DEPLOYMENT: deployment, tags.RUN_NAME: deployment}
            run_id = str(self._client.create_run(place, tags=given).info.run_id)
            self._client.set_terminated(run_id, status="FINISHED")
        return run_id

    def log_step(self, mlflow_run_id: str, metrics: Mapping[str, float], at: float) -> None:
        """Log the figures of a moment, in seconds since the epoch; again does no harm."""
        from mlflow.entities import Metric

        batch = [
            Metric(name, value, round(at * 1000), round(at))
            for name, value in metrics.items()
            if math.isfinite(value)
        ]
        with self._reached():
            self._client.log_batch(mlflow_run_id, metrics=batch)

    def metrics(self, mlflow_run_id: str) -> dict[str, float]:
        """Return the latest value of each metric."""
        with self._reached():
            metrics: dict[str, float] = self._client.get_run(mlflow_run_id).data.metrics
        return metrics

    def log_metrics(self, mlflow_run_id: str, metrics: Mapping[str, float]) -> None:
        """Log metrics in one batch. MLflow has no infinity: such values are left out."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        batch = [Metric(k, v, now, 0) for k, v in metrics.items() if not math.isinf(v)]
        self._client.log_batch(mlflow_run_id, metrics=batch)

    def log_points(self, mlflow_run_id: str, points: Sequence[LoggedPoint]) -> list[LoggedPoint]:
        """Log points with their own steps and times; again does no harm. Infinities are left out.

        Returns:
            Those that MLflow refuses by themselves, whatever is sent along with them.

        Raises:
            TrackingError: MLflow cannot be reached.
        """
        try:
            self._client.log_batch(mlflow_run_id, metrics=_metrics(points))
        except self._mlflow_error as error:
            if error.error_code not in _REFUSALS:
                raise self._unreachable(error) from error
            if len(points) == 1:
                return list(points)
            half = len(points) // 2
            halves = (points[:half], points[half:])
            return [point for part in halves for point in self.log_points(mlflow_run_id, part)]
        return []

    def log_file(self, mlflow_run_id: str, path: Path, folder: str) -> None:
        """Keep a file as artifact of the run."""
        with self._reached():
            self._client.log_artifact(mlflow_run_id, str(path), folder or None)

    def log_text(self, mlflow_run_id: str, text: str, path: str) -> None:
        """Keep a text as artifact of the run."""
        self._client.log_text(mlflow_run_id, text, path)

    def read_text(self, mlflow_run_id: str, path: str) -> str | None:
        """Return a text that is kept as artifact of a run, None where there is none."""
        folder = path.rpartition("/")[0]
        with self._reached(), tempfile.TemporaryDirectory() as scratch:
            kept = self._client.list_artifacts(mlflow_run_id, folder or None)
            if path not in [artifact.path for artifact in kept]:
                return None
            found = Path(self._client.download_artifacts(mlflow_run_id, path, scratch))
            return found.read_text(encoding="utf-8")

    def fetch_model(self, uri: str, target: Path) -> Path:
        """Copy a model into a folder and return its place there.

        Args:
            uri: Any that MLflow reads: of a registry, a run, a store of files, a folder.
            target: It is made where it does not exist.

        Raises:
            TrackingError: There is no such model, or it cannot be read.
        """
        target.mkdir(parents=True, exist_ok=True)
        try:
            found = self._download(uri, target)
        except (self._mlflow_error, OSError) as error:
            raise TrackingError(
                f"there is no model at {uri}: {error}",
                hint="name a run, name/version, name@alias or a URI; list runs: jupyter mlops runs",
            ) from error
        if not (found / "MLmodel").is_file():
            raise TrackingError(
                f"{uri} holds no model in MLflow's format: it has no file MLmodel",
                hint="log it with log_model of its library's MLflow flavour",
            )
        return found

    def load_model(self, uri: str) -> Any:
        """Return a model as MLflow's pyfunc loads it; that executes the code that it brings along.

        Raises:
            TrackingError: There is no such model, or it needs a package that is not installed.
        """
        import mlflow.pyfunc

        try:
            return mlflow.pyfunc.load_model(str(self._download(uri)), suppress_warnings=True)
        except ModuleNotFoundError as error:
            raise TrackingError(
                f"the model at {uri} needs {error.name}, which is not installed",
                hint=f"install it where runs go: pip install {error.name}",
            ) from error
        except (self._mlflow_error, OSError) as error:
            raise TrackingError(
                f"there is no model at {uri}: {error}",
                hint="name a run, name/version, name@alias or a URI; list runs: jupyter mlops runs",
            ) from error

    def _download(self, uri: str, target: Path | None = None) -> Path:
        """Copy artifacts; without a target those of a store on this machine are where they are."""
        from mlflow.artifacts import download_artifacts

        place = str(target) if target else None
        found = download_artifacts(self._source(uri), dst_path=place, tracking_uri=self.uri)
        return Path(found)

    def _source(self, uri: str) -> str:
        """Return where a model's artifacts are; MLflow by itself asks the session's store."""
        from mlflow.store.artifact.utils.models import get_model_name_and_version

        if not uri.startswith(_MODELS):
            return uri
        named = get_model_name_and_version(self._client, uri)
        if len(named) == 1:
            return str(self._client.get_logged_model(*named).artifact_location)
        return self._source(str(self._client.get_model_version_download_uri(*named)))

    def find_alias(self, name: str, alias: str) -> Model | None:
        """Return the version of a registered model that has an alias, None where none has it.

        Raises:
            TrackingError: MLflow cannot be asked.
        """
        try:
            found = self._client.get_model_version_by_alias(name, alias)
        except self._mlflow_error as error:
            if error.error_code in _ABSENT:
                return None
            raise self._unreachable(error) from error
        return Model(uri=found.source, name=name, version=str(found.version), alias=alias)

    def tag(self, mlflow_run_id: str, tags_: Mapping[str, str]) -> None:
        """Tag a run."""
        from mlflow.entities import RunTag

        with self._reached():
            self._client.log_batch(mlflow_run_id, tags=[RunTag(*tag) for tag in tags_.items()])

    def tag_version(self, name: str, version: str, tag: str, value: str) -> None:
        """Tag a version of a registered model."""
        with self._reached():
            self._client.set_model_version_tag(name, version, tag, value)

    def version_tag(self, name: str, version: str, tag: str) -> str:
        """Return a tag of a version of a registered model, "" where it has none."""
        with self._reached():
            found: str = self._client.get_model_version(name, version).tags.get(tag, "")
        return found

    def find_version(self, name: str, version: str = "", alias: str = "") -> tuple[Model, str]:
        """Find a version of a registered model.

        Args:
            name: The registered model.
            version: Its version.
            alias: Its alias, where no version is given.

        Returns:
            The model, and the run of ours that made it, "" for one from elsewhere.

        Raises:
            AbsentModelError: There is none.
        """
        try:
            found = (
                self._client.get_model_version(name, version)
                if version
                else self._client.get_model_version_by_alias(name, alias)
            )
        except self._mlflow_error as error:
            wanted = f"version {version}" if version else f"alias {alias}"
            raise AbsentModelError(
                f"there is no {wanted} of a model {name!r}",
                hint="name a run, name/version or name@alias; list runs: jupyter mlops runs",
            ) from error
        model = Model(uri=found.source, name=name, version=str(found.version), alias=alias or None)
        return model, found.tags.get(tags.RUN_ID, "")

    def models(self) -> tuple[RegisteredModel, ...]:
        """Return all registered models, by name."""
        with self._reached():
            found = list(_pages(self._client.search_registered_models))
            versions = list(_pages(self._client.search_model_versions))
        of_model: dict[str, list[ModelVersion]] = {model.name: [] for model in found}
        # Only a model itself knows the aliases of its versions.
        aliases = {model.name: dict(model.aliases) for model in found}
        for version in sorted(versions, key=lambda v: int(v.version), reverse=True):
            if version.name in of_model:
                of_model[version.name].append(_version(version, aliases[version.name]))
        return tuple(
            RegisteredModel(name=name, versions=tuple(of_model[name])) for name in sorted(of_model)
        )

    def alias(self, name: str, alias: str) -> str | None:
        """Return the version that has an alias, None where none has it."""
        with self._reached():
            aliases = self._client.get_registered_model(name).aliases
        return str(aliases[alias]) if alias in aliases else None

    def set_alias(self, name: str, alias: str, version: str | None) -> None:
        """Give an alias to a version, or take it from all where there is none."""
        with self._reached(), self._exclusively():
            if version is None:
                self._client.delete_registered_model_alias(name, alias)
            else:
                self._client.set_registered_model_alias(name, alias, version)

    def model_uri(self, mlflow_run_id: str) -> str | None:
        """Return the URI of the model that the run logged last, None where it logged none."""
        outputs = self._client.get_run(mlflow_run_id).outputs
        models = outputs.model_outputs if outputs is not None else []
        if not models:
            return None
        logged = [self._client.get_logged_model(output.model_id) for output in models]
        newest = max(logged, key=lambda model: model.creation_timestamp)
        return f"models:/{newest.model_id}"

    def model_digest(self, uri: str, mlflow_run_id: str) -> str:
        """Return the hash of the contents of a model that a run logged."""
        local = uri.startswith(_MODELS) and self.uri.startswith(_SQLITE)
        with tempfile.TemporaryDirectory() as scratch:
            path = self._download(uri, None if local else Path(scratch))
            return digest.of_model(path, run_id=mlflow_run_id)

    def finish(self, mlflow_run_id: str, status: str) -> None:
        """End the run as FINISHED, FAILED or KILLED."""
        with self._reached():
            self._client.set_terminated(mlflow_run_id, status=status)

    def unfinished(self, run_id: str) -> list[str]:
        """Return the MLflow runs that a run of ours made and did not end."""
        with self._reached():
            return self._runs_of(run_id, "RUNNING")

    def reopen(self, mlflow_run_id: str) -> bool:
        """Let a run that has ended go on; False where there is no such run any more."""
        with self._reached():
            try:
                run = self._client.get_run(mlflow_run_id)
            except self._mlflow_error as error:
                if error.error_code in _ABSENT:
                    return False
                raise
            if run.info.lifecycle_stage != "active":
                return False
            self._client.update_run(mlflow_run_id, status="RUNNING")
        return True

    def children(self, mlflow_run_id: str) -> dict[str, str]:
        """Return the runs that are a part of a run and have not ended, by our ids of them."""
        with self._reached():
            query = f"attributes.status = 'RUNNING' and {_IN.format(mlflow_run_id)}"
            return {
                run.data.tags.get(tags.RUN_ID, run.info.run_id): run.info.run_id
                for run in self._search(query)
            }

    def discard(self, run_id: str) -> None:
        """Mark all MLflow runs of a run of ours as deleted: it begins anew."""
        with self._reached():
            for run in self._search(f"tags.`{tags.RUN_ID}` = '{run_id}'"):
                self._client.delete_run(run.info.run_id)

    def _search(self, query: str) -> list[Any]:
        experiments = [e.experiment_id for e in self._client.search_experiments()]
        found, token = [], None
        while True:
            page = self._client.search_runs(experiments, query, page_token=token)
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
        with self._reached():
            found = self._runs_of(run_id, "FINISHED")
            return (found[0], self._model(found[0])) if found else ("", None)

    def _model(self, mlflow_run_id: str) -> Model | None:
        uri = self.model_uri(mlflow_run_id)
        if uri is None:
            return None
        versions = self._client.search_model_versions(f"run_id = '{mlflow_run_id}'")
        newest = max(versions, key=lambda v: int(v.version), default=None)
        if newest is None:
            return Model(uri=uri)
        return Model(uri=uri, name=newest.name, version=str(newest.version))

    def delete(self, mlflow_run_id: str) -> None:
        """Mark the run and its parts as deleted; MLflow can restore them until `mlflow gc`."""
        for part in self._search(_IN.format(mlflow_run_id)):
            self._client.delete_run(part.info.run_id)
        self._client.delete_run(mlflow_run_id)

    def has(self, mlflow_run_id: str, model_uri: str) -> bool:
        """Whether there is a finished run of this id, with this model where it is to have one."""
        try:
            run = self._client.get_run(mlflow_run_id)
            if model_uri:
                self._client.get_logged_model(model_uri.removeprefix(_MODELS))
        except self._mlflow_error:
            return False
        return bool(run.info.status == "FINISHED" and run.info.lifecycle_stage == "active")

    def register(self, *, name: str, uri: str, mlflow_run_id: str, alias: str) -> tuple[str, bool]:
        """Give the version of a model the alias; a version is made where there is none of it.

        Returns:
            The version, and whether it was made now.

        Raises:
            TrackingError: The registry refuses.
        """
        try:
            # Two at once would both insert the alias, and one of them fail.
            with self._exclusively(), self._ambient():
                return self._register(name, uri, mlflow_run_id, alias)
        except self._mlflow_error as error:
            raise TrackingError(
                f"the registry at {self.uri} refuses model {name!r}: {error}",
                hint="check model.name and model.alias: jupyter mlops config",
            ) from error

    def _register(self, name: str, uri: str, mlflow_run_id: str, alias: str) -> tuple[str, bool]:
        self._create_registered_model(name)
        found = self._version_of(name, uri)
        version = found or self._make_version(name, uri, mlflow_run_id)
        if alias:
            self._client.set_registered_model_alias(name, alias, version)
        return version, found is None

    def _version_of(self, name: str, uri: str) -> str | None:
        """Return the version that a model has already: after a retry, or of an unchanged run."""
        versions = self._client.search_model_versions(f"name = {_quoted(name)}")
        return next((str(v.version) for v in versions if v.source == uri), None)

    def _make_version(self, name: str, uri: str, mlflow_run_id: str) -> str:
        run = self._client.get_run(mlflow_run_id)
        version = self._client.create_model_version(
            name,
            uri,
            run_id=mlflow_run_id,
            # A server takes no source without being told what it belongs to.
            model_id=uri.removeprefix(_MODELS) if uri.startswith(_MODELS) else None,
            tags={t: run.data.tags[t] for t in _VERSION_TAGS if t in run.data.tags},
        ).version
        return str(version)

    @contextmanager
    def _ambient(self) -> Iterator[None]:
        """Be the process's store: by that MLflow finds the model behind a new version."""
        import mlflow

        before = mlflow.get_tracking_uri(), mlflow.get_registry_uri()
        mlflow.set_tracking_uri(self.uri)
        mlflow.set_registry_uri(self.uri)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(before[0])
            mlflow.set_registry_uri(before[1])

    def _exclusively(self) -> AbstractContextManager[object]:
        """Keep other runs of the project out; a server has transactions of its own."""
        if not self.uri.startswith(_SQLITE):
            return nullcontext()
        from filelock import FileLock

        path = self.uri.removeprefix(_SQLITE)
        return FileLock(f"{path}.lock", timeout=_LOCK_TIMEOUT_S, mode=0o600)

    def _open(self) -> Any:
        from mlflow import MlflowClient

        # The constructor already creates the schema, so it belongs inside of the lock.
        path = Path(self.uri.removeprefix(_SQLITE))
        if not self.uri.startswith(_SQLITE) or _is_ready(path):
            return MlflowClient(self.uri, self.uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._exclusively():
            client = MlflowClient(self.uri, self.uri)
            if not _is_ready(path):
                try:
                    client.search_experiments(max_results=1)
                except self._mlflow_error as error:
                    raise self._unreachable(error) from error
                _make_ready(path)
        return client

    def _experiment(self, name: str) -> str:
        found = self._client.get_experiment_by_name(name)
        if found is not None:
            return str(found.experiment_id)
        location = None
        if self.uri.startswith(_SQLITE):
            folder = Path(self.uri.removeprefix(_SQLITE)).parent / "artifacts"
            folder.mkdir(mode=0o700, exist_ok=True)
            location = folder.as_uri()
        try:
            return str(self._client.create_experiment(name, artifact_location=location))
        except self._mlflow_error:
            # Another run made it in between.
            found = self._client.get_experiment_by_name(name)
            if found is None:
                raise
            return str(found.experiment_id)

    def _create_registered_model(self, name: str) -> None:
        try:
            self._client.create_registered_model(name)
        except self._mlflow_error as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise

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
            self._client.log_inputs(mlflow_run_id, inputs)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except self._mlflow_error as error:
            raise self._unreachable(error) from error

    def _unreachable(self, error: Exception) -> TrackingError:
        return TrackingError(
            f"MLflow at {self.uri} cannot be used: {error}",
            hint="check tracking.uri: jupyter mlops config",
        )


# What MLflow says of a point that it will never take, as against a store that is away.
_REFUSALS = ("BAD_REQUEST", "INVALID_PARAMETER_VALUE")
_IN = f"tags.`{tags.PARENT}` = '{{}}'"
_ABSENT = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
_VERSION_TAGS = (tags.GIT_COMMIT, tags.RUN_ID, tags.SNAPSHOT_ID, tags.DIRTY)


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


def _version(found: Any, aliases: Mapping[str, Any]) -> ModelVersion:
    created = datetime.fromtimestamp(found.creation_timestamp / 1000, timezone.utc)
    return ModelVersion(
        version=str(found.version),
        uri=found.source,
        aliases=tuple(sorted(a for a, v in aliases.items() if str(v) == str(found.version))),
        run_id=found.tags.get(tags.RUN_ID),
        mlflow_run_id=found.run_id or None,
        snapshot=found.tags.get(tags.SNAPSHOT_ID),
        code=found.tags.get(tags.GIT_COMMIT),
        created_at=created.isoformat("T", "seconds"),
    )


def _pages(search: Callable[..., Any]) -> Iterator[Any]:
    """Yield all that a search of MLflow's finds."""
    token = None
    while True:
        page = search(page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def _quoted(text: str) -> str:
    """Quote a text for MLflow's search, whose strings know no escape."""
    return f'"{text}"' if "'" in text else f"'{text}'"


def _make_ready(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        # Readers and a writer do not wait for each other; the file remembers it.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("CREATE TABLE mlops_ready (at TEXT)")
        connection.commit()
    path.chmod(0o600)


def _is_ready(path: Path) -> bool:
    if not path.is_file():
        return False
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        query = "SELECT 1 FROM sqlite_master WHERE name = 'mlops_ready'"
        return connection.execute(query).fetchone() is not None
