"""A tuning: what is searched, and what was tried."""

from __future__ import annotations

from enum import Enum
from typing import Any

import msgspec

from mlops_nb.types.base import Record


class TrialState(str, Enum):
    """Where a trial is. PRUNED: it was stopped because others did better by then."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    PRUNED = "PRUNED"
    FAILED = "FAILED"


class Dimension(Record, frozen=True, kw_only=True):
    """The values that one hyperparameter may have.

    Attributes:
        name: The hyperparameter.
        kind: "int" or "float" for a range, "choice" for one of `choices`.
        low: Smallest value of a range.
        high: Largest value of a range, which is one of them.
        step: Distance of neighbouring values, None where there is none.
        log: Whether the range is searched by orders of magnitude.
        choices: The values of a choice, JSON data.
    """

    name: str
    kind: str
    low: int | float | None = None
    high: int | float | None = None
    step: int | float | None = None
    log: bool = False
    choices: tuple[Any, ...] = ()


class Plan(Record, frozen=True, kw_only=True):
    """What a tuning is to do.

    Attributes:
        space: What is searched, a dimension for each hyperparameter that varies.
        objective: The metric, as the notebook logs it; its last value counts.
        direction: "maximize" or "minimize".
        trials: How many trials.
        parallel: How many of them at once.
        sampler: Who says what is tried next.
        pruner: Who says which trials are stopped before their end.
        seed: Where the sampler begins.
        deadline_s: Seconds after which trials are stopped and none is started, 0 for no limit.
    """

    space: tuple[Dimension, ...]
    objective: str
    direction: str
    trials: int
    parallel: int
    sampler: str
    pruner: str
    seed: int = 0
    deadline_s: int = 0

    def better(self, value: float, than: float) -> bool:
        """Whether a value of the objective is better than another one."""
        return value > than if self.direction == "maximize" else value < than


class Trial(Record, frozen=True, kw_only=True):
    """One trial; it is a run too, whose id is that of its tuning, a slash and its number.

    Attributes:
        number: Counted from 0, in the order in which they were begun.
        state: Where it is.
        parameters: The values of the hyperparameters that vary.
        value: The objective's last value, None where there is none.
        reports: How many values of the objective it has logged.
        seconds: Wall time, None until it has ended.
        ended_at: Seconds since the epoch.
        mlflow_run_id: Its run in MLflow.
        note: Why it ended before its end.
    """

    number: int
    state: TrialState
    parameters: dict[str, Any]
    value: float | None = None
    reports: int = 0
    seconds: float | None = None
    ended_at: float | None = None
    mlflow_run_id: str | None = None
    note: str | None = None


class Study(Record, frozen=True, kw_only=True):
    """A tuning as it is now.

    Attributes:
        plan: What it is to do.
        trials: What it has begun, by number.
        importance: How much of the objective's spread each hyperparameter accounts for, of 1.
    """

    plan: Plan
    trials: tuple[Trial, ...] = ()
    importance: dict[str, float] = msgspec.field(default_factory=dict)

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """The trials that came to their end, the best first."""
        ended = [t for t in self.trials if t.state is TrialState.SUCCEEDED and t.value is not None]
        sign = -1 if self.plan.direction == "maximize" else 1
        return tuple(sorted(ended, key=lambda t: (sign * (t.value or 0.0), t.number)))

    @property
    def best(self) -> Trial | None:
        """The best trial, None where none has come to its end."""
        return next(iter(self.ranked), None)

    def count(self, state: TrialState) -> int:
        """Return how many trials are in a state."""
        return sum(trial.state is state for trial in self.trials)

    def having(self, changed: Trial) -> Study:
        """Return the study with a trial that is new or has changed."""
        others = [trial for trial in self.trials if trial.number != changed.number]
        trials = tuple(sorted([*others, changed], key=lambda trial: trial.number))
        return msgspec.structs.replace(self, trials=trials)
