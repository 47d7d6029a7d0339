"""Search the hyperparameters of a notebook."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import pipelines
from mlops_nb.api import submission
from mlops_nb.api.lookup import Folder, last, new_id, now, runner_of, wanted_snapshot
from mlops_nb.exceptions import UsageError
from mlops_nb.orders import reach, terms
from mlops_nb.pipelines.arguments import tuning as parameters
from mlops_nb.settings import Config
from mlops_nb.tuning import plan as plans
from mlops_nb.tuning import space as spaces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.capture.snapshot import Captured
    from mlops_nb.types import Finding, Run, RunRequest, Snapshot


def tune(
    notebook: Path | str | None = None,
    *,
    space: Mapping[str, Any] | Path | str | None = None,
    objective: str | None = None,
    direction: str | None = None,
    trials: int | None = None,
    parallel: int | None = None,
    sampler: str | None = None,
    pruner: str | None = None,
    seed: int | None = None,
    deadline: int | None = None,
    params: Mapping[str, Any] | None = None,
    train: str | None = None,
    backend: str | None = None,
    push: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    register: bool = False,
    wait: bool = False,
    project: Folder = None,
) -> Run:
    """Run the notebook once for each trial, and find the hyperparameters that do best.

    What is None is as `[tuning]` in `mlops.toml` says. The test dataset is not shown to any trial.

    Args:
        notebook: The notebook; that of this session if None.
        space: What is searched: by name of a parameter, a list of choices or a range such as
            `{"low": 0.01, "high": 10, "log": True}`; or JSON of that, or a file of it.
        objective: The metric, as the notebook logs it; its last value counts, and earlier ones
            are what the pruner sees.
        direction: "maximize" or "minimize".
        trials: How many trials.
        parallel: How many of them at once; 0 for one a core, and on a cluster for 2 workers.
        sampler: "tpe", "random", "grid" or "cmaes".
        pruner: "none", "median", "percentile", "halving" or "hyperband".
        seed: Seed of the sampler.
        deadline: Seconds after which trials are stopped and none is started.
        params: Hyperparameters that are the same in all trials.
        train: Path of the training dataset in the project.
        backend: Where the run goes. On a cluster workers share a study, in `tuning.storage`.
        push: Push snapshot and data to their remotes before the run starts, where a cluster gets
            them; as the settings say if None.
        settings: Settings for this run alone, such as `{"run.cell_timeout_s": 60}`.
        register: Make a model version of the best trial's model.
        wait: Return when the run has ended.
        project: A folder of the project.

    Raises:
        MlopsError: Something cannot be pinned or searched; nothing was started.
    """
    submission.must_be_outside_of_runs()
    config = (
        Config.load(project)
        .with_settings(settings or {})
        .override(
            run_backend=backend,
            run_push=push,
            tuning_space=spaces.read(str(space)) if isinstance(space, (str, Path)) else space,
            tuning_objective=objective,
            tuning_direction=direction,
            tuning_trials=trials,
            tuning_parallel=parallel,
            tuning_sampler=sampler,
            tuning_pruner=pruner,
            tuning_seed=seed,
            tuning_deadline_s=deadline,
        )
    )
    if register:
        _must_have_no_gates(config)
    run_id = new_id()
    request = functools.partial(_tuning, run_id, config, register=register)
    wanted = wanted_snapshot(notebook, params, train)
    needs = reach.Needs(study=config.tuning_storage)
    run = submission.submit(config, wanted, run_id, request, needs)
    return last(runner_of(project).watch(run.id)) if wait else run


def _must_have_no_gates(config: Config) -> None:
    if config.gates_require:
        raise UsageError(
            "gates.require is set, and a tuning evaluates nothing that could pass them",
            hint="tune without --register, then train the best values: gates are looked at there",
        )


def _tuning(
    run_id: str,
    config: Config,
    captured: Captured,
    reached: tuple[Finding, ...],
    *,
    register: bool,
) -> RunRequest:
    pins = _without_test(captured.snapshot)
    plan = plans.of(config, pins.hyperparameters)
    stages = pipelines.TUNING.stages
    if config.on_cluster:
        stages = pipelines.stages_on_cluster(plan.parallel)
    arguments = parameters.arguments(pins, config, plan, register=register)
    return terms.request(
        pipelines.TUNING,
        config,
        pins,
        reach.addressed(arguments, config, pins, reached),
        run_id=run_id,
        created_at=now().isoformat("T", "seconds"),
        findings=(*captured.findings, *reached),
        stages=stages,
    )


def _without_test(pins: Snapshot) -> Snapshot:
    shown = tuple(dataset for dataset in pins.datasets if dataset.role != "test")
    return msgspec.structs.replace(pins, datasets=shown)
