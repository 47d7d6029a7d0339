"""Stage: execute the notebook at the pinned code, on the pinned data, and track it."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import encoding, increment, journal
from mlops_nb.capture import notebook as notebooks
from mlops_nb.exceptions import StageError, TrackingError
from mlops_nb.journal import ModelLogged, RunFolder, RunTracked, emit, points_file
from mlops_nb.journal.points_file import PointsFile
from mlops_nb.stages import StoppedError, kernel, workspace
from mlops_nb.stages import volume as volumes
from mlops_nb.stages.metrics import Metrics
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import Lineage, Model, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping


def run(
    *,
    volume: str,
    code: str,
    data: str,
    code_paths: str,
    notebook: str,
    hyperparameters: str,
    environment: str,
    variables: str,
    secrets: str,
    cell_timeout_s: str,
    tracking_uri: str,
    experiment: str,
    autolog: str,
    snapshot: str,
    train: str,
    lineage: str,
    update_key: str,
    executed: str,
    parent: str = "",
) -> dict[str, str]:
    """Execute the notebook with papermill in an MLflow run of its own.

    Args:
        volume: What the stages of the run share.
        code: Place of the repository in it.
        data: Place of the datasets in it.
        code_paths: JSON list of folders of the repository to import from.
        notebook: Path of the notebook in the repository.
        hyperparameters: JSON object of the values that differ from the cell's own.
        environment: Hash of the environment; part of what decides the result.
        variables: JSON object of environment variables for the kernel.
        secrets: JSON list of the names of further ones, which this process has in its own
            environment; their values appear in nothing that is kept.
        cell_timeout_s: Seconds that a cell may take, "0" for no limit.
        tracking_uri: Where MLflow keeps the run.
        experiment: Name of the MLflow experiment.
        autolog: "true" to log what libraries do by themselves.
        snapshot: The whole snapshot as JSON, for the record.
        train: Path of the training dataset in the repository, "" for none.
        lineage: What an update goes out from, as JSON, "" for a training that is none.
        update_key: Column that names a row, to find the new ones.
        executed: Path of the artifact that gets the executed notebook.
        parent: The MLflow run that this one is a trial of, "" for none; a trial may be stopped.

    Returns:
        `mlflow_run_id`, and `model_uri`, "" where the notebook logged no model.

    Raises:
        StageError: A cell raised, took too long, or its kernel died.
        TrackingError: MLflow cannot be used, or has not got all metrics in the end.
    """
    pins = pinned(snapshot, volume)
    store = Store(tracking_uri)
    run_id = _run_id(pins)
    mlflow_run_id = store.start(
        experiment=experiment,
        snapshot=pins,
        run_id=run_id,
        kfp_run_id=os.environ.get(volumes.KFP_RUN_ID, run_id),
        # Out of the environment in any case: a nested run of the notebook's would take it for its.
        adopted=os.environ.pop("MLFLOW_RUN_ID", None) if volumes.in_pod() else None,
        parent=parent,
    )
    os.environ.setdefault(journal.RUN_ID, run_id)
    file = PointsFile(_points_path())
    file.begin()
    emit(RunTracked(mlflow_run_id=mlflow_run_id, tracking_uri=tracking_uri))
    metrics = Metrics(store, mlflow_run_id, file)
    output = _output_path(executed)
    with _ended(store, mlflow_run_id, output, notebook):
        _log_pins(store, mlflow_run_id, pins)
        if lineage:
            store.tag(mlflow_run_id, tags.of_lineage(_lineage(lineage)))
        with workspace.opened(volume, code, data, notebook) as top, metrics:
            _execute(
                top / notebook,
                output,
                values=encoding.loads(hyperparameters),
                environment={
                    **encoding.loads(variables),
                    "PYTHONPATH": os.pathsep.join(workspace.import_folders(top, code_paths)),
                    "MLFLOW_TRACKING_URI": tracking_uri,
                    "MLFLOW_REGISTRY_URI": tracking_uri,
                    "MLFLOW_EXPERIMENT_NAME": experiment,
                    kernel.MLFLOW_RUN_ID: mlflow_run_id,
                    kernel.AUTOLOG: autolog,
                    points_file.FILE: str(file.path),
                    **_increment(top, train, lineage, update_key),
                },
                secrets=_values(encoding.loads(secrets)),
                cell_timeout_s=int(cell_timeout_s) or None,
                after_cell=metrics.look,
                stop=_stop() if parent else None,
            )
        metrics.must_be_complete()
    if output != Path(executed):
        shutil.copyfile(output, executed)
    uri = store.model_uri(mlflow_run_id)
    if uri is not None:
        emit(ModelLogged(model=Model(uri=uri, digest=store.models.digest(uri, mlflow_run_id))))
    return {"mlflow_run_id": mlflow_run_id, "model_uri": uri or ""}


def _run_id(pins: Snapshot) -> str:
    """Return the id of the run of ours; in a pod it is known by the ref that keeps its commit."""
    folder = os.environ.get(journal.RUN_FOLDER)
    return RunFolder(Path(folder)).run_id if folder else pins.code.pinned_for


def _stop() -> Path:
    return RunFolder(Path(os.environ[journal.RUN_FOLDER])).stop


def pinned(snapshot: str, volume: str) -> Snapshot:
    """Return the snapshot with its ref, which is no parameter."""
    pins = msgspec.convert(encoding.loads(snapshot), Snapshot)
    code = msgspec.structs.replace(pins.code, ref=volumes.ref(volume))
    return msgspec.structs.replace(pins, code=code)


def _lineage(text: str) -> Lineage:
    return msgspec.convert(encoding.loads(text), Lineage)


def _increment(top: Path, train: str, lineage: str, key: str) -> dict[str, str]:
    """Return what tells the notebook's `parent()` and `new_data()` what they are."""
    found = {increment.TRAIN: str(top / train)} if train else {}
    earlier = workspace.earlier(top)
    if lineage and earlier is not None and not _lineage(lineage).retrained:
        found[increment.PARENT] = _lineage(lineage).parent.uri
        found[increment.EARLIER] = str(earlier / train)
        found[increment.REPLAY] = str(_lineage(lineage).replay)
        found[increment.KEY] = key
    return found


def identity(**inputs: str) -> object:
    """Return what decides the result; the snapshot's id covers code, data, parameters, packages."""
    pins = msgspec.convert(encoding.loads(inputs["snapshot"]), Snapshot)
    where = [inputs[name] for name in ("tracking_uri", "experiment", "autolog", "code_paths")]
    return [pins.id, *where, list(pins.secrets), inputs["lineage"], inputs["update_key"]]


def restore(source: RunFolder, outputs: Mapping[str, str], **inputs: str) -> bool:
    """Bring notebook and points of an earlier run into this one, where MLflow has the run still."""
    store = Store(inputs["tracking_uri"])
    if not store.has(outputs["mlflow_run_id"], outputs["model_uri"]):
        return False
    target = RunFolder(Path(os.environ[journal.RUN_FOLDER]))
    Path(inputs["executed"]).parent.mkdir(parents=True, exist_ok=True)
    try:
        shutil.copyfile(source.notebook, inputs["executed"])
        if source.path == target.path:
            # This very run has done it, and was killed before it could say so.
            return True
        shutil.copyfile(source.notebook, target.notebook)
        if source.points.is_file():
            PointsFile(target.points).begin()
            shutil.copyfile(source.points, target.points)
    except FileNotFoundError:
        return False
    return True


@contextmanager
def _ended(store: Store, mlflow_run_id: str, output: Path, notebook: str) -> Iterator[None]:
    """Keep the executed notebook and the end of the MLflow run, however the block ends."""
    try:
        yield
    except BaseException as ending:
        status = "KILLED" if isinstance(ending, StoppedError) else "FAILED"
        try:
            _keep(store, mlflow_run_id, output, notebook, status)
        except TrackingError as error:
            # What ended the block has the last word.
            print(error, file=sys.stderr)
        raise
    _keep(store, mlflow_run_id, output, notebook, "FINISHED")


def _keep(store: Store, mlflow_run_id: str, output: Path, notebook: str, status: str) -> None:
    if output.exists():
        store.log_file(mlflow_run_id, _named(output, notebook), tags.NOTEBOOK_FOLDER)
    store.finish(mlflow_run_id, status)


def _execute(
    source: Path,
    output: Path,
    *,
    values: Mapping[str, object],
    environment: dict[str, str],
    secrets: Mapping[str, str],
    cell_timeout_s: int | None,
    after_cell: Callable[[], None],
    stop: Path | None,
) -> None:
    engine = import_engine()
    environment[kernel.AUTOLOG_MODELS] = str(not _logs_model(source)).lower()
    engine.execute(
        source,
        output,
        parameters=values,
        environment=environment,
        secrets=secrets,
        setup=kernel.SETUP,
        cell_timeout_s=cell_timeout_s,
        after_cell=after_cell,
        stop=stop,
    )


def _values(names: list[str]) -> dict[str, str]:
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise StageError(
            f"the secret {missing[0]} is not in the environment of the run",
            hint=f"set it where the run is submitted: export {missing[0]}=...",
        )
    return {name: os.environ[name] for name in names}


def import_engine() -> Any:
    """Import papermill and what it needs."""
    # jsonschema's optional check of IRIs parses a grammar at import: a second of CPU for nothing.
    sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from mlops_nb.stages import notebook as engine

    return engine


def _logs_model(source: Path) -> bool:
    """Whether a notebook logs its model itself; autologging would then log it a second time."""
    cells = notebooks.load(source)["cells"]
    return any("log_model(" in notebooks.source_of(cell) for cell in cells)


def _log_pins(store: Store, mlflow_run_id: str, pins: Snapshot) -> None:
    store.log_text(mlflow_run_id, encoding.record(pins, indent=2), tags.SNAPSHOT_ARTIFACT)
    store.log_text(mlflow_run_id, "\n".join(pins.environment.lock) + "\n", tags.LOCK_ARTIFACT)


def _output_path(executed: str) -> Path:
    """Return where the notebook is saved as it runs: in the run's folder, where there is one."""
    folder = os.environ.get(journal.RUN_FOLDER)
    kept = RunFolder(Path(folder)) if folder else RunFolder(Path(tempfile.mkdtemp(prefix="run-")))
    path = kept.notebook
    path.parent.mkdir(parents=True, exist_ok=True)
    Path(executed).parent.mkdir(parents=True, exist_ok=True)
    return path


def _points_path() -> Path:
    """Return where the kernel logs points: in the run's folder, where there is one."""
    folder = os.environ.get(journal.RUN_FOLDER)
    if folder:
        return RunFolder(Path(folder)).points
    return Path(tempfile.mkdtemp(prefix="points-"), "points.jsonl")


def _named(output: Path, notebook: str) -> Path:
    """Return the executed notebook under the user's own file name."""
    path = Path(tempfile.mkdtemp(prefix="executed-"), Path(notebook).name)
    shutil.copyfile(output, path)
    return path
