"""A search that workers on several machines share, in one study of a database.

All trials are put into the study before the first worker begins; a worker takes the next one that
waits, which the database lets one worker do. So there are as many as were asked for, whoever comes
when, and what a worker had under way when it ended it takes up again under the same number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import TrialState as _State

from mlops_nb.tuning import search
from mlops_nb.types import TrialState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops_nb.types import Plan, Trial

_TRACKED, _WORKER, _BEGUN = "mlops.mlflow_run_id", "mlops.worker", "mlops.attempts"
# A trial that ended its worker so often would end it again, as one does that has no memory left.
MOST_ATTEMPTS = 2
# No two workers have the same numbers.
_APART = 100_003


def tracked(storage: Any, name: str) -> str:
    """Return the MLflow run of a study that was begun, "" where it was not."""
    known = {study.study_name for study in storage.get_all_studies()}
    if name not in known:
        return ""
    found = optuna.load_study(storage=storage, study_name=name).user_attrs.get(_TRACKED, "")
    return str(found)


def begin(
    storage: Any, name: str, plan: Plan, start: Mapping[str, Any], mlflow_run_id: str
) -> None:
    """Make the study with all of its trials; what an interrupted attempt has made of it stays.

    Args:
        storage: Where.
        name: The study's name, the run's id.
        plan: What is to be done.
        start: The notebook's own values, tried first where the space has them.
        mlflow_run_id: The run of the tuning in MLflow.
    """
    study = optuna.create_study(
        storage=storage, study_name=name, direction=plan.direction, load_if_exists=True
    )
    study.set_user_attr(_TRACKED, mlflow_run_id)
    points = search.first(plan, start)
    for number in range(len(study.get_trials(deepcopy=False)), plan.trials):
        study.enqueue_trial(points[number] if number < len(points) else {})


class SharedSearch(search.Asked):
    """The search as one worker has it.

    Args:
        storage: Where the study is.
        name: The study's name.
        plan: What is to be done.
        worker: Number of this worker; one at a time has it.
    """

    def __init__(self, storage: Any, name: str, plan: Plan, worker: int) -> None:
        self.worker = worker
        study = optuna.load_study(storage=storage, study_name=name, pruner=search.pruner(plan))
        begun = [t for t in study.get_trials(deepcopy=False) if t.state is not _State.WAITING]
        study.sampler = search.sampler(plan, plan.seed + worker * _APART + len(begun))
        super().__init__(study, plan)
        # Those that end their worker, and are not tried again.
        self.given_up: list[Trial] = []
        self.interrupted = [
            t.number
            for t in begun
            if t.state is _State.RUNNING and t.user_attrs.get(_WORKER) == worker
        ]

    def ask(self) -> Trial | None:
        """Return what to try next, None where all is being tried or was."""
        trial = next(self._own(), None) or next(self._waiting(), None)
        return self.given(trial) if trial is not None else None

    @property
    def states(self) -> list[TrialState]:
        """How the trials of all workers have ended."""
        ended = search.STATES.items()
        return [
            ours
            for trial in self.study.get_trials(deepcopy=False)
            for ours, theirs in ended
            if trial.state is theirs
        ]

    def _own(self) -> Iterator[optuna.trial.Trial]:
        """Yield what this worker had under way, but what has ended it too often."""
        while self.interrupted:
            trial = self._opened(self.study.get_trials(deepcopy=False)[self.interrupted.pop(0)])
            attempts = int(trial.user_attrs.get(_BEGUN, 1))
            if attempts >= MOST_ATTEMPTS:
                self.given_up.append(self.given(trial))
                self.tell(trial.number, TrialState.FAILED)
                continue
            trial.set_user_attr(_BEGUN, attempts + 1)
            yield trial

    def _waiting(self) -> Iterator[optuna.trial.Trial]:
        """Yield trials that nobody else has."""
        waiting = self.study.get_trials(deepcopy=False, states=(_State.WAITING,))
        for frozen in waiting:
            if self._taken(frozen):
                trial = self._opened(frozen)
                trial.set_user_attr(_WORKER, self.worker)
                yield trial

    def _taken(self, frozen: optuna.trial.FrozenTrial) -> bool:
        try:
            return bool(
                self.study._storage.set_trial_state_values(frozen._trial_id, state=_State.RUNNING)
            )
        except optuna.exceptions.UpdateFinishedTrialError:
            return False

    def _opened(self, frozen: optuna.trial.FrozenTrial) -> optuna.trial.Trial:
        trial = optuna.trial.Trial(self.study, frozen._trial_id)
        self.open[trial.number] = trial
        return trial


@dataclass(frozen=True)
class Ended:
    """A trial that came to its end, with its value; `at` is seconds since the epoch."""

    number: int
    value: float
    at: float


def ended(storage: Any, name: str) -> list[Ended]:
    """Return the trials that came to their end, in the order in which they did.

    Those that nobody has any more, as a worker leaves one that dies while it takes it, are closed.
    """
    study = optuna.load_study(storage=storage, study_name=name)
    for trial in study.get_trials(deepcopy=False, states=(_State.RUNNING,)):
        study.tell(trial.number, state=_State.FAIL, skip_if_finished=True)
    complete = study.get_trials(deepcopy=False, states=(_State.COMPLETE,))
    found = [
        Ended(t.number, t.value, t.datetime_complete.timestamp() if t.datetime_complete else 0.0)
        for t in complete
        if t.value is not None
    ]
    return sorted(found, key=lambda trial: (trial.at, trial.number))
