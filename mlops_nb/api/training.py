"""Train what is in front of the user, and repeat it from its record."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlops_nb import backends, journal, pipelines
from mlops_nb.api import submission
from mlops_nb.api.lookup import Folder, last, new_id, now, resolve, wanted_snapshot
from mlops_nb.capture import snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.orders import reach, reproduction, terms, updating
from mlops_nb.pipelines.arguments import training as parameters
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_nb.types import Finding, Run, RunRequest, Verdict


def train(
    notebook: Path | str | None = None,
    *,
    params: Mapping[str, Any] | None = None,
    train: str | None = None,
    test: str | None = None,
    backend: str | None = None,
    rebuild_env: bool | None = None,
    cache: bool | None = None,
    push: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    wait: bool = False,
    dry_run: bool = False,
    project: Folder = None,
) -> Run:
    """Pin what is in front of the user and submit the training pipeline.

    Args:
        notebook: The notebook; that of this session if None.
        params: Hyperparameters that have the last word over the session and the cell.
        train: Path of the training dataset in the project.
        test: Path of the test dataset in the project.
        backend: Where the run goes.
        rebuild_env: Run in an environment built from the lock; as the settings say if None.
        cache: Skip stages that an earlier run has done with the same code, data, hyperparameters
            and environment; as the settings say if None.
        push: Push the snapshot to `origin` and the data to the DVC remote before the run starts;
            as the settings say if None.
        settings: Settings for this run alone, such as `{"resources.memory": "16Gi"}`.
        wait: Return when the run has ended.
        dry_run: Return the run that would be submitted; nothing is kept or started.
        project: A folder of the project.

    Raises:
        MlopsError: Something cannot be pinned; nothing was started.
    """
    submission.must_be_outside_of_runs()
    config = (
        Config.load(project)
        .with_settings(settings or {})
        .override(
            run_backend=backend, environment_rebuild=rebuild_env, run_cache=cache, run_push=push
        )
    )
    runner = backends.runner(config)
    run_id = new_id()
    wanted = wanted_snapshot(notebook, params, train, test)
    if dry_run:
        captured = snapshot.preview(config, wanted)
        reached = tuple(reach.findings(config, captured.snapshot, pushed=config.run_push))
        return journal.new_run(training(run_id, config, captured, reached))
    request = functools.partial(training, run_id, config)
    run = submission.submit(config, wanted, run_id, request)
    return last(runner.watch(run.id)) if wait else run


def training(
    run_id: str,
    config: Config,
    captured: snapshot.Captured,
    reached: tuple[Finding, ...],
    plan: updating.Plan | None = None,
) -> RunRequest:
    """Return the request of a training, or of an update where there is a plan of one."""
    pins = captured.snapshot
    lineage = plan.lineage if plan else None
    arguments = parameters.arguments(
        pins, config, lineage=lineage, earlier=plan.earlier if plan else None
    )
    return terms.request(
        pipelines.TRAINING,
        config,
        pins,
        reach.addressed(arguments, config, pins, reached),
        run_id=run_id,
        created_at=now().isoformat("T", "seconds"),
        findings=(*captured.findings, *reached),
        lineage=lineage,
    )


def reproduce(
    run_id: str = "latest",
    *,
    tolerance: float = reproduction.TOLERANCE,
    rebuild_env: bool = False,
    project: Folder = None,
) -> Verdict:
    """Run a run again from its record alone, and compare what comes out.

    Args:
        run_id: A run that succeeded: its id, the beginning of it, or "latest".
        tolerance: Largest relative difference of a metric, absolute below 1.
        rebuild_env: Run in an environment built from the recorded lock.
        project: A folder of the project.

    Returns:
        PASS or FAIL for data, packages and each metric, and the first difference as the reason.
    """
    again = repeat(run_id, rebuild_env=rebuild_env, project=project)
    last(backends.Everywhere(Config.load(project)).watch(again.id))
    return verdict(again.id, tolerance=tolerance, project=project)


def repeat(run_id: str = "latest", *, rebuild_env: bool = False, project: Folder = None) -> Run:
    """Submit the run that `reproduce` compares with a recorded one, and return it as it is now.

    Args:
        run_id: A run that succeeded: its id, the beginning of it, or "latest".
        rebuild_env: Run in an environment built from the recorded lock.
        project: A folder of the project.
    """
    config = Config.load(project)
    runner = backends.Everywhere(config)
    recorded = runner.get(resolve(runner, run_id))
    reproduction.must_be_reproducible(recorded)
    repository = Repository.find(config.root)
    request = reproduction.request(
        runner.request(recorded.id),
        run_id=new_id(),
        created_at=now().isoformat("T", "seconds"),
        top=repository.root,
        tracking_uri=config.resolved_tracking_uri,
        rebuild=rebuild_env,
    )
    repository.keep(request.snapshot.code.sha, request.id)
    return runner.submit(request)


def verdict(
    run_id: str, *, tolerance: float = reproduction.TOLERANCE, project: Folder = None
) -> Verdict:
    """Compare a run that repeats another one with it.

    Args:
        run_id: The run that `repeat` has submitted, ended.
        tolerance: Largest relative difference of a metric, absolute below 1.
        project: A folder of the project.

    Raises:
        RunError: It goes on, or repeats none.
    """
    runner = backends.Everywhere(Config.load(project))
    again = runner.get(resolve(runner, run_id))
    recorded = runner.get(reproduction.recorded_by(again))
    return reproduction.compare(recorded, again, tolerance=tolerance)
