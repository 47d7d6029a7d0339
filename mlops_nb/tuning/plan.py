"""What a tuning is to do, from the settings and the notebook, checked before anything starts."""

from __future__ import annotations

import difflib
import importlib.util
import itertools
import os
from typing import TYPE_CHECKING

from mlops_nb.exceptions import UsageError
from mlops_nb.tuning import space
from mlops_nb.types import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_nb.settings import Config
    from mlops_nb.types import Hyperparameter

SAMPLERS = ("tpe", "random", "grid", "cmaes")
PRUNERS = ("none", "median", "percentile", "halving", "hyperband")
DIRECTIONS = ("maximize", "minimize")
# Metrics of the test data, which evaluation makes and tuning must not see.
_OF_TEST = "test_"
_NEEDS = {"cmaes": "cmaes"}
_MOST = 100_000
# At once on a cluster, where nothing else is said; how many cores there are here says nothing.
WORKERS = 2


def of(config: Config, declared: Sequence[Hyperparameter]) -> Plan:
    """Return what a tuning is to do.

    Args:
        config: The settings, in which the arguments of the call have had the last word.
        declared: The notebook's parameters.

    Raises:
        UsageError: It cannot be done.
    """
    dimensions = space.dimensions(config.tuning_space, declared)
    trials = _count("tuning.trials", config.tuning_trials, least=1)
    here = WORKERS if config.on_cluster else os.cpu_count() or 1
    parallel = _count("tuning.parallel", config.tuning_parallel, least=0) or here
    sampler = _one_of("sampler", config.tuning_sampler, SAMPLERS)
    needed = _NEEDS.get(sampler)
    if needed is not None and importlib.util.find_spec(needed) is None:
        raise UsageError(
            f"the sampler {sampler} needs the package {needed}", hint=f"pip install {needed}"
        )
    if sampler == "grid":
        trials = sum(1 for _ in itertools.islice(space.grid(dimensions), trials))
    return Plan(
        space=dimensions,
        objective=_objective(config.tuning_objective),
        direction=_direction(config),
        trials=trials,
        parallel=min(parallel, trials),
        sampler=sampler,
        pruner=_one_of("pruner", config.tuning_pruner, PRUNERS),
        seed=_count("tuning.seed", config.tuning_seed, least=0),
        deadline_s=_count("tuning.deadline_s", config.tuning_deadline_s, least=0),
    )


def _objective(name: str) -> str:
    if not name:
        raise UsageError(
            "nothing says which metric is to be tuned",
            hint="name one that the notebook logs: --objective cv_accuracy",
        )
    if name.startswith(_OF_TEST):
        raise UsageError(
            f"{name} is a metric of the test data, which tuning is not shown",
            hint="log one of the training data in the notebook, such as a cross-validated score",
        )
    return name


def _direction(config: Config) -> str:
    if not config.tuning_direction:
        raise UsageError(
            f"nothing says whether a large {config.tuning_objective} is good",
            hint="say --direction maximize, or --direction minimize",
        )
    return _one_of("direction", config.tuning_direction, DIRECTIONS)


def _count(name: str, number: int, *, least: int) -> int:
    if not least <= number <= _MOST:
        raise UsageError(f"{name} is {number}", hint=f"it is from {least} to {_MOST:,}")
    return number


def _one_of(what: str, name: str, known: Iterable[str]) -> str:
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known)}"
        raise UsageError(f"there is no {what} {name!r}", hint=hint)
    return name
