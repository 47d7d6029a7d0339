"""Stage: try one trial of a shared study after another, until none waits."""

from __future__ import annotations

import select
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding
from mlops_nb.journal import ImportanceFound, RunFolder, TrialChanged, TrialSaid, emit
from mlops_nb.stages import trials
from mlops_nb.stages import volume as volumes
from mlops_nb.stages.train import pinned
from mlops_nb.tracking.store import Store
from mlops_nb.tuning import shared
from mlops_nb.tuning import storage as storages
from mlops_nb.types import Plan, RunRequest, Trial, TrialState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_POLL_S = 0.1
# How often what a trial does is said.
_SAY_S = 0.5
# A line of a log may be so long, and no longer.
_SAY_BYTES = 200_000


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
    storage: str,
    mlflow_run_id: str,
    number: str,
) -> dict[str, str]:
    """Take the trials that wait, each in an MLflow run below that of the tuning.

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
        storage: Where the study is, as `tuning.storage` has it.
        mlflow_run_id: The run of the tuning in MLflow.
        number: Number of this worker, from 0; no two at a time have the same.

    Returns:
        `tried`, how many trials it has had.

    Raises:
        StageError: The database of the study cannot be used.
        TrackingError: MLflow cannot be used.
    """
    given = {**locals()}
    plan = msgspec.convert(encoding.loads(tuning), Plan)
    pins = pinned(snapshot, volume)
    run_id = pins.code.pinned_for
    where = storages.opened(storage, volumes.folder(volume))
    train = pins.dataset("train")
    asked = RunRequest(
        id=run_id,
        pipeline="training",
        stages=(trials.STAGE,),
        backend="",
        snapshot=pins,
        arguments={"hyperparameters": hyperparameters, "snapshot": snapshot},
        created_at="",
    )
    inputs = trials.inputs(
        given, train=train.path if train is not None else "", parent=mlflow_run_id
    )
    store = Store(tracking_uri)
    search = shared.SharedSearch(where, run_id, plan, int(number))
    with _open(store, mlflow_run_id), tempfile.TemporaryDirectory(prefix="worker-") as scratch:
        folder = RunFolder(Path(scratch, run_id))
        tried = _Worker(folder, plan, store, search, asked, inputs).run()
    return {"tried": str(tried)}


class _Worker:
    def __init__(
        self,
        folder: RunFolder,
        plan: Plan,
        store: Store,
        search: shared.SharedSearch,
        asked: RunRequest,
        inputs: Mapping[str, str],
    ) -> None:
        self.folder, self.plan, self.store, self.search = folder, plan, store, search
        self.asked, self.inputs = asked, inputs
        self.until = time.monotonic() + plan.deadline_s if plan.deadline_s else None

    def run(self) -> int:
        """Try what waits, and return how many trials there were."""
        for number in self.search.interrupted:
            # What the broken attempt has left in MLflow is no trial.
            self.store.discard(f"{self.asked.id}/{number}")
        tried = 0
        while not self._overdue and not trials.hopeless(self.search.states, self.plan):
            trial = self.search.ask()
            self._say_given_up()
            if trial is None:
                break
            self._try(trial)
            tried += 1
        return tried

    def _try(self, trial: Trial) -> None:
        print(f"trial {trial.number}: {encoding.plain(trial.parameters)}", flush=True)
        emit(TrialChanged(trial=trial))
        asked = trials.request(self.asked, trial)
        running = trials.Running(self.folder, asked, trial, self.plan, self.inputs)
        said = _Said(running.folder, trial.number)
        try:
            while not select.select([running], [], [], _POLL_S)[0]:
                running.look(self.search, overdue=self._overdue)
                said.now_and_then()
            running.look(self.search, overdue=self._overdue)
            ended = running.end()
        except BaseException:
            running.abandon()
            raise
        said.whole()
        self.search.tell(trial.number, ended.state, ended.value)
        print(f"trial {trial.number}: {ended.state.value} {ended.note or ended.value}", flush=True)
        emit(TrialChanged(trial=ended))
        importance = self.search.importance()
        if importance:
            emit(ImportanceFound(importance=importance))

    def _say_given_up(self) -> None:
        for trial in self.search.given_up:
            note = f"it has ended its worker {shared.MOST_ATTEMPTS} times"
            failed = msgspec.structs.replace(trial, state=TrialState.FAILED, note=note)
            emit(TrialChanged(trial=failed))
        self.search.given_up.clear()

    @property
    def _overdue(self) -> bool:
        return self.until is not None and time.monotonic() > self.until


class _Said:
    """Says what a trial does, so that its record is where the session is."""

    def __init__(self, folder: RunFolder, number: int) -> None:
        self.number = number
        self.files = {"events": folder.events, "points": folder.points}
        self.files["log"] = folder.log(trials.STAGE)
        self.offsets = dict.fromkeys(self.files, 0)
        self.due = time.monotonic()

    def now_and_then(self) -> None:
        """Say what is new, unless that was done just now."""
        if time.monotonic() >= self.due:
            self.due = time.monotonic() + _SAY_S
            self._say()

    def whole(self) -> None:
        """Say all that is left."""
        while self._say():
            pass

    def _say(self) -> bool:
        new = {name: self._new(name) for name in self.files}
        if any(new.values()):
            said = TrialSaid(
                number=self.number, events=new["events"], points=new["points"], log=new["log"]
            )
            emit(said)
        return any(new.values())

    def _new(self, name: str) -> str:
        """Return whole lines of a file."""
        path = self.files[name]
        if not path.is_file():
            return ""
        with path.open("rb") as file:
            file.seek(self.offsets[name])
            data = file.read(_SAY_BYTES)
        # A line that is longer comes in parts.
        whole = data[: data.rfind(b"\n") + 1] or (data if len(data) == _SAY_BYTES else b"")
        self.offsets[name] += len(whole)
        return whole.decode("utf-8", errors="replace")


@contextmanager
def _open(store: Store, mlflow_run_id: str) -> Iterator[None]:
    """Let the tuning's MLflow run go on, and end it where this worker fails."""
    store.reopen(mlflow_run_id)
    try:
        yield
    except BaseException:
        store.finish(mlflow_run_id, "FAILED")
        raise
