"""What a model is worth on test data."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlops_nb import backends
from mlops_nb import project as projects
from mlops_nb.api import submission
from mlops_nb.api.lookup import Folder, last, new_id, now, trainings
from mlops_nb.orders import assessment, reach, rollout
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_nb.types import Run


def evaluate(
    model: str = "latest",
    *,
    test: Sequence[str] = (),
    against: str | None = None,
    gate: Sequence[str] = (),
    backend: str | None = None,
    push: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    wait: bool = False,
    project: Folder = None,
) -> Run:
    """Evaluate a model on test data: metrics, slices, data quality, the champion beside it, gates.

    Args:
        model: A run's id or "latest", `name/version`, `name@alias`, or a URI that MLflow reads. It
            is loaded, which executes the code that it brings along.
        test: Paths of test datasets in the project; that of the settings if empty.
        against: The model to compare with: "champion", the number of a version, or as `model`. The
            champion if None, where there is one.
        gate: Gates for this evaluation, in place of `gates.require`: "test_accuracy>=0.9",
            "test_accuracy>champion", "test_f1>=champion-0.01".
        backend: Where the run goes.
        push: Push code and test data to their remotes before the run starts, where a cluster gets
            them; as the settings say if None.
        settings: Settings for this run alone.
        wait: Return when the run has ended.
        project: A folder of the project.

    Returns:
        The run. A failed gate is no failure of the run; ask `run.evaluation.passed`.

    Raises:
        MlopsError: There is no such model, dataset or gate; nothing was started.
    """
    given: dict[str, Any] = {"gates.require": tuple(gate)} if gate else {}
    config = (
        Config.load(project)
        .with_settings({**(settings or {}), **given})
        .override(run_backend=backend, run_push=push)
    )
    backends.runner(config)
    runner = backends.Everywhere(config)
    run_of = trainings(runner)
    places = assessment.tests(test, config)
    found = rollout.find(model, config, run_of)
    run_id, moment = new_id(), now().isoformat("T", "seconds")
    wanted = assessment.criteria(found, against, config, run_of, run_id)
    projects.prepare_state(config)
    request = functools.partial(assessment.request, found, wanted, config, run_id, moment)
    with submission.forgotten_if_refused(config, run_id):
        captured = assessment.pinned(found, places, config, run_id)
        needs = reach.Needs(models=assessment.models(found, wanted))
        run = submission.hand_over(config, captured, run_id, request, needs)
    return last(runner.watch(run.id)) if wait else run
