"""Stage: try hyperparameters of the notebook, several trials at once, and find the best."""

from __future__ import annotations

import os
import select
import shutil
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding, journal
from mlops_nb.exceptions import StageError
from mlops_nb.journal import (
    ImportanceFound,
    MetricsLogged,
    ModelLogged,
    RunFolder,
    RunTracked,
    StudyBegun,
    TrialChanged,
    emit,
)
from mlops_nb.journal.points_file import PointsFile, encode
from mlops_nb.stages import trials
from mlops_nb.stages import volume as volumes
from mlops_nb.stages.metrics import Metrics
from mlops_nb.stages.train import pinned
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.tuning.search import Search
from mlops_nb.types import Plan, Point, Study, Trial, TrialState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_nb.types import RunRequest

_POLL_S = 0.05


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
    tuning: str,
    training: str,
    executed: str,
) -> dict[str, str]:
    """Run the notebook once for each trial, in MLflow runs below that of the tuning.

    Args:
        volume: What the stages of the run share.
        code: Place of the repository in it.
        data: Place of the datasets in it; the test dataset is not among them.
        code_paths: JSON list of folders of the repository to import from.
        notebook: Path of the notebook in the repository.
        hyperparameters: JSON object of the values that differ from the cell's own in all trials.
        environment: Hash of the environment.
        variables: JSON object of environment variables for the kernels.
        secrets: JSON list of the names of further ones.
        cell_timeout_s: Seconds that a cell may take, "0" for no limit.
        tracking_uri: Where MLflow keeps the runs.
        experiment: Name of the MLflow experiment.
        autolog: "true" to log what libraries do by themselves.
        snapshot: The whole snapshot as JSON, for the record.
        tuning: What is to be done, a `Plan` as JSON.
        training: JSON object of what a training takes beside; the trials' records have it.
        executed: Path of the artifact that gets the best trial's executed notebook.

    Returns:
        `mlflow_run_id` of the best trial, its `model_uri`, "" where it logged no model, and its
        `metrics` as a JSON object.

    Raises:
        StageError: No trial came to its end.
        TrackingError: MLflow cannot be used, or has not got all metrics in the end.
    """
    given = {**locals()}
    folder = RunFolder(Path(os.environ[journal.RUN_FOLDER]))
    plan = msgspec.convert(encoding.loads(tuning), Plan)
    store = Store(tracking_uri)
    mlflow_run_id = _track(folder, store, experiment, volume, snapshot)
    asked = trials.training(folder.load_request(), encoding.loads(training))
    inputs = trials.inputs(given, train=asked.arguments["train_dataset"], parent=mlflow_run_id)
    file = PointsFile(folder.points)
    file.begin()
    metrics = Metrics(store, mlflow_run_id, file)
    with _ended(store, mlflow_run_id):
        store.log_text(mlflow_run_id, encoding.record(plan, indent=2), tags.TUNING_ARTIFACT)
        with metrics:
            best = _Tuning(folder, plan, store, file, asked, inputs).run()
        metrics.must_be_complete()
        store.log_metrics(mlflow_run_id, folder.trial(best.number).load().metrics)
    return _outputs(folder, best, Path(executed))


class _Tuning:
    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        store: Store,
        file: PointsFile,
        asked: RunRequest,
        inputs: Mapping[str, str],
    ) -> None:
        self.folder, self.plan, self.store = folder, plan, store
        self.asked, self.inputs = asked, inputs
        self.search = Search(folder.study, plan, asked.snapshot.parameters)
        self.study = Study(plan=plan)
        self.best = _BestSoFar(plan, file)
        self.running: dict[int, trials.Running] = {}
        self.until = time.monotonic() + plan.deadline_s if plan.deadline_s else None

    def run(self) -> Trial:
        """Try what is to be tried, and return the best trial."""
        emit(StudyBegun(plan=self.plan))
        self._recall()
        try:
            self._try_all()
        except BaseException:
            for trial in self.running.values():
                trial.abandon()
            raise
        if self.study.best is None:
            raise self._fruitless()
        return self.study.best

    def _try_all(self) -> None:
        self._start()
        while self.running:
            ended = select.select(list(self.running.values()), [], [], _POLL_S)[0]
            for trial in self.running.values():
                trial.look(self.search, overdue=self._overdue)
            for trial in ended:
                self._end(trial)
            self._start()

    def _recall(self) -> None:
        """Take the trials that have ended as they are; of others, nothing is left in MLflow."""
        known = [self.folder.trial(number) for number in self.folder.trials()]
        ended = [trials.recorded(f, self.plan) for f in known if trials.decided(f)]
        for trial in sorted(ended, key=lambda trial: trial.ended_at or 0.0):
            self._take(trial)
        for folder in known:
            if not trials.decided(folder):
                self.store.discard(folder.run_id)

    def _start(self) -> None:
        """Start what there is room and time for."""
        while len(self.running) < self.plan.parallel and not self._overdue and not self._hopeless:
            asked = self.search.ask()
            if asked is None:
                break
            values = encoding.plain(asked.parameters)
            print(f"trial {asked.number}: {values}", flush=True)
            self.running[asked.number] = trials.Running(
                self.folder, trials.request(self.asked, asked), asked, self.plan, self.inputs
            )
            self._change(asked)

    def _end(self, running: trials.Running) -> None:
        running.look(self.search, overdue=self._overdue)
        trial = running.end()
        del self.running[trial.number]
        print(f"trial {trial.number}: {trial.state.value} {trial.note or trial.value}", flush=True)
        self._take(trial)
        importance = self.search.importance()
        if importance:
            emit(ImportanceFound(importance=importance))

    def _take(self, trial: Trial) -> None:
        self.search.tell(trial.number, trial.state, trial.value)
        self._change(trial)
        self.best.add(trial)

    def _change(self, trial: Trial) -> None:
        self.study = self.study.having(trial)
        emit(TrialChanged(trial=trial))

    @property
    def _overdue(self) -> bool:
        return self.until is not None and time.monotonic() > self.until

    @property
    def _hopeless(self) -> bool:
        tried = [t.state for t in self.study.trials if t.state is not TrialState.RUNNING]
        return trials.hopeless(tried, self.plan)

    def _fruitless(self) -> StageError:
        failed = [t for t in self.study.trials if t.state is TrialState.FAILED]
        if not failed:
            return StageError(
                f"all of {len(self.study.trials)} trials were pruned",
                hint="try more of them, or take --pruner none",
            )
        first = self.folder.trial(failed[0].number).load().error
        return StageError(
            f"no trial came to its end, and {len(failed)} failed; trial {failed[0].number}: "
            f"{failed[0].note}",
            hint=first.hint if first is not None else "see the trial's log",
            cell=first.cell if first is not None else None,
        )


class _BestSoFar:
    """Logs the best value so far after each trial, as a metric of the tuning's own run."""

    def __init__(self, plan: Plan, file: PointsFile) -> None:
        self.plan, self.file = plan, file
        self.step, self.value = 0, None  # type: tuple[int, float | None]

    def add(self, trial: Trial) -> None:
        value = trial.value if trial.state is TrialState.SUCCEEDED else None
        if value is None:
            return
        if self.value is None or self.plan.better(value, self.value):
            self.value = value
        self.step += 1
        name = f"best_{self.plan.objective}"
        descriptor = self.file.open()
        # The same point after a resume is the same in MLflow.
        os.write(descriptor, encode([Point(name, self.step, trial.ended_at or 0.0, self.value)]))
        os.close(descriptor)


def _track(folder: RunFolder, store: Store, experiment: str, volume: str, snapshot: str) -> str:
    """Return the MLflow run of the tuning: that of an earlier attempt, or a new one."""
    known = folder.load().mlflow_run_id
    if known is None or not store.reopen(known):
        known = store.start(
            experiment=experiment,
            snapshot=pinned(snapshot, volume),
            run_id=folder.run_id,
            kfp_run_id=os.environ.get(volumes.KFP_RUN_ID, folder.run_id),
        )
    emit(RunTracked(mlflow_run_id=known, tracking_uri=store.uri))
    return known


@contextmanager
def _ended(store: Store, mlflow_run_id: str) -> Iterator[None]:
    try:
        yield
    except BaseException:
        store.finish(mlflow_run_id, "FAILED")
        raise
    store.finish(mlflow_run_id, "FINISHED")


def _outputs(folder: RunFolder, best: Trial, executed: Path) -> dict[str, str]:
    """Make the best trial's model, metrics and notebook those of the tuning."""
    own = folder.trial(best.number)
    run = own.load()
    emit(MetricsLogged(metrics=run.metrics))
    if run.model is not None:
        emit(ModelLogged(model=run.model))
    executed.parent.mkdir(parents=True, exist_ok=True)
    for target in (folder.notebook, executed):
        shutil.copyfile(own.notebook, target)
    return {
        "mlflow_run_id": best.mlflow_run_id or "",
        "model_uri": run.model.uri if run.model is not None else "",
        "metrics": encoding.dumps(run.metrics, name="metrics"),
    }
