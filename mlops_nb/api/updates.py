"""Let a model learn on from data that are new."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlops_nb import backends
from mlops_nb import project as projects
from mlops_nb.api import submission
from mlops_nb.api.lookup import Folder, last, new_id, trainings, wanted_snapshot
from mlops_nb.api.training import training
from mlops_nb.capture import snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import RunError
from mlops_nb.orders import reach, updating
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops_nb.types import Run


def update(
    notebook: Path | str | None = None,
    *,
    parent: str | None = None,
    replay: float | None = None,
    only_new: bool = False,
    params: Mapping[str, Any] | None = None,
    train: str | None = None,
    test: str | None = None,
    backend: str | None = None,
    push: bool | None = None,
    settings: Mapping[str, Any] | None = None,
    wait: bool = False,
    project: Folder = None,
) -> Run | None:
    """Train a notebook from where its parent model left off, on the data that are new since then.

    The notebook asks `mlops_nb.parent()` for the model and `mlops_nb.new_data()` for the rows. The
    model that comes out is compared with its parent on the test data of then and on what is new in
    them, and is not registered where it has forgotten too much.

    Args:
        notebook: The notebook; that of the parent's run if None.
        parent: A deployment, a run's id, `name/version` or `name@alias`; the champion if None.
        replay: Share of the old data to be learnt again; as the settings say if None.
        only_new: Learn on also where old data have changed or are gone. All is learnt anew if not.
        params: Hyperparameters that have the last word over the session and the cell.
        train: Path of the training dataset in the project.
        test: Path of the test dataset in the project.
        backend: Where the run goes.
        push: Push snapshot and data, those that the parent knows included, before the run starts,
            where a cluster gets them; as the settings say if None.
        settings: Settings for this run alone.
        wait: Return when the run has ended.
        project: A folder of the project.

    Returns:
        The run, None where no data are new; nothing was started then.

    Raises:
        MlopsError: Something cannot be pinned, or compared with what the parent knows; nothing was
            started.
    """
    submission.must_be_outside_of_runs()
    config = Config.load(project).with_settings(settings or {})
    config = config.override(run_backend=backend, run_push=push, update_replay=replay)
    runner = backends.Everywhere(config)
    run_of = trainings(runner)
    found = updating.find(parent, config, run_of)
    if notebook is None and found.snapshot is not None:
        notebook = Repository.find(config.root).root / found.snapshot.notebook
    projects.prepare_state(config)
    run_id = new_id()
    captured = snapshot.take(config, wanted_snapshot(notebook, params, train, test), name=run_id)
    with submission.forgotten_if_refused(config, run_id):
        plan = updating.plan(
            config, captured.snapshot, found,
            chain=_chain(run_of, found.run), replay=config.update_replay, only_new=only_new,
        )  # fmt: skip
        if plan is None:
            Repository.find(config.root).forget(run_id)
            return None
        captured = snapshot.Captured(plan.snapshot, (*plan.findings, *captured.findings))
        request = functools.partial(training, run_id, config, plan=plan)
        needs = reach.Needs(models=(plan.lineage.parent.uri,), earlier=plan.earlier)
        run = submission.hand_over(config, captured, run_id, request, needs)
    return last(runner.watch(run.id)) if wait else run


def _chain(run_of: Any, run_id: str | None) -> tuple[str, ...]:
    """Return the runs that led to a run, oldest first."""
    try:
        run: Run | None = run_of(run_id) if run_id else None
    except RunError:
        # Another machine's, of which nothing more is known here.
        run = None
    return run.lineage.chain if run is not None and run.lineage is not None else ()
