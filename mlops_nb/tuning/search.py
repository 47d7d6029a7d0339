"""The search, by Optuna, in a journal file of the run's folder.

One process asks and tells: the run's own lock keeps others out, so the file needs none, and a trial
that is still open when the file is opened again was interrupted. It is given out again as it was,
under its own number.
"""

from __future__ import annotations

import json
import math
import warnings
from typing import TYPE_CHECKING, Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState as _State

from mlops_nb.tuning import space
from mlops_nb.types import Trial, TrialState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_nb.types import Dimension, Plan

_NAME = "tuning"
# Fewer say nothing of what matters.
_LEAST_FOR_IMPORTANCE = 5
# Before one of them has seen so many trials to their end, nothing is pruned.
_STARTUP_TRIALS = 4
STATES = {
    TrialState.SUCCEEDED: _State.COMPLETE,
    TrialState.PRUNED: _State.PRUNED,
    TrialState.FAILED: _State.FAIL,
}

# Its account of every trial is ours already.
optuna.logging.set_verbosity(optuna.logging.ERROR)


class Asked:
    """A study of which some trials are given out.

    Args:
        study: The study.
        plan: What is to be done.
    """

    def __init__(self, study: optuna.Study, plan: Plan) -> None:
        self.study, self.plan = study, plan
        self._codes = {dimension.name: _Code(dimension) for dimension in plan.space}
        self.open: dict[int, optuna.trial.Trial] = {}
        self.interrupted: list[int] = []

    def given(self, asked: optuna.trial.Trial) -> Trial:
        """Return a trial that begins, with its values."""
        # What an interrupted trial was given already it is given again.
        values = {name: code.value(asked) for name, code in self._codes.items()}
        return Trial(number=asked.number, state=TrialState.RUNNING, parameters=values)

    def prune(self, number: int, step: int, value: float) -> bool:
        """Report a value of the objective, and return whether the trial is to be stopped."""
        trial = self.open[number]
        trial.report(value, step)
        return bool(trial.should_prune())

    def tell(self, number: int, state: TrialState, value: float | None = None) -> None:
        """Say how a trial ended; again does no harm."""
        self.open.pop(number, None)
        if number in self.interrupted:
            self.interrupted.remove(number)
        known = value if state is TrialState.SUCCEEDED else None
        self.study.tell(number, known, state=STATES[state], skip_if_finished=True)

    def importance(self) -> dict[str, float]:
        """Return how much each hyperparameter matters, of 1; nothing while that cannot be told."""
        ended = self.study.get_trials(deepcopy=False, states=(_State.COMPLETE,))
        values = {trial.value for trial in ended}
        if len(ended) < _LEAST_FOR_IMPORTANCE or len(values) < 2:
            return {}
        if len(self._codes) == 1:
            return dict.fromkeys(self._codes, 1.0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            evaluator = optuna.importance.PedAnovaImportanceEvaluator()
            found = optuna.importance.get_param_importances(self.study, evaluator=evaluator)
        return {name: share for name, share in found.items() if math.isfinite(share)}


class Search(Asked):
    """What was tried, and what to try next.

    Args:
        path: The journal file; a search that is in it goes on.
        plan: What is to be done.
        start: The notebook's own values, tried first where the space has them.
    """

    def __init__(self, path: Path, plan: Plan, start: Mapping[str, Any]) -> None:
        _mend(path)
        storage = JournalStorage(JournalFileBackend(str(path), lock_obj=_Unshared()))
        known = {study.study_name for study in storage.get_all_studies()}
        study = optuna.create_study(
            storage=storage,
            study_name=_NAME,
            direction=plan.direction,
            load_if_exists=True,
            pruner=pruner(plan),
        )
        super().__init__(study, plan)
        if _NAME not in known or not study.get_trials(deepcopy=False):
            for point in first(plan, start):
                study.enqueue_trial(point)
        frozen = study.get_trials(deepcopy=False)
        # The same seed would give out the same values again.
        study.sampler = sampler(plan, plan.seed + len(frozen))
        self.open = {
            t.number: optuna.trial.Trial(study, t._trial_id)
            for t in frozen
            if t.state is _State.RUNNING
        }
        self.interrupted = list(self.open)

    def ask(self) -> Trial | None:
        """Return what to try next, None where all was tried.

        Interrupted trials come first.
        """
        if self.interrupted:
            return self.given(self.open[self.interrupted.pop(0)])
        begun = self.study.get_trials(deepcopy=False)
        if sum(t.state is not _State.WAITING for t in begun) >= self.plan.trials:
            return None
        asked = self.study.ask()
        self.open[asked.number] = asked
        return self.given(asked)


def first(plan: Plan, start: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the points that are tried before the sampler has a say, as Optuna has them."""
    if plan.sampler == "grid":
        points = list(_first(space.grid(plan.space), plan.trials))
    elif all(space.holds(d, start.get(d.name)) for d in plan.space):
        points = [{d.name: start[d.name] for d in plan.space}]
    else:
        points = []
    codes = {dimension.name: _Code(dimension) for dimension in plan.space}
    return [{name: codes[name].encode(v) for name, v in point.items()} for point in points]


class _Unshared:
    """The lock of a file that one process writes."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        return None


class _Code:
    """A dimension as Optuna has it, whose choices are no structures."""

    def __init__(self, dimension: Dimension) -> None:
        self.dimension = dimension

    def encode(self, value: Any) -> Any:
        structured = isinstance(value, (list, dict))
        return json.dumps(value, sort_keys=True) if structured else value

    def value(self, trial: optuna.trial.Trial) -> Any:
        d = self.dimension
        if d.kind == "choice":
            codes = [self.encode(choice) for choice in d.choices]
            return d.choices[codes.index(trial.suggest_categorical(d.name, codes))]
        low, high = d.low or 0, d.high or 0
        if d.kind == "int":
            return trial.suggest_int(d.name, int(low), int(high), log=d.log, step=int(d.step or 1))
        return trial.suggest_float(d.name, float(low), float(high), log=d.log, step=d.step)


def sampler(plan: Plan, seed: int) -> optuna.samplers.BaseSampler:
    """Return who says what is tried next."""
    samplers = optuna.samplers
    if plan.sampler == "tpe":
        # Trials that run count as bad ones, so that those beside them look elsewhere.
        return samplers.TPESampler(seed=seed, constant_liar=plan.parallel > 1)
    if plan.sampler == "cmaes":
        return samplers.CmaEsSampler(seed=seed)
    # Of a grid every point is enqueued.
    return samplers.RandomSampler(seed=seed)


def pruner(plan: Plan) -> optuna.pruners.BasePruner:
    """Return who says what is stopped before its end."""
    pruners = optuna.pruners
    made = {
        "none": pruners.NopPruner,
        "median": lambda: pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS),
        "percentile": lambda: pruners.PercentilePruner(25.0, n_startup_trials=_STARTUP_TRIALS),
        "halving": pruners.SuccessiveHalvingPruner,
        "hyperband": pruners.HyperbandPruner,
    }
    return made[plan.pruner]()


def _first(points: Any, count: int) -> Any:
    for _, point in zip(range(count), points, strict=False):
        yield point


def _mend(path: Path) -> None:
    """Take off a line that a full disk or a crash tore: what comes after it could not be read."""
    if not path.is_file():
        return
    data = path.read_bytes()
    whole = data.rfind(b"\n") + 1
    if whole < len(data):
        with path.open("r+b") as file:
            file.truncate(whole)
