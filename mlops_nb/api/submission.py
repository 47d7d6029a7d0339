"""Pin what a run needs and hand it to a runner, or leave nothing behind."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from mlops_nb import backends, crash, journal
from mlops_nb import project as projects
from mlops_nb.capture import publication, snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import MlopsError, UsageError
from mlops_nb.orders import reach
from mlops_nb.runners.records import Records

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_nb.settings import Config
    from mlops_nb.types import Finding, Run, RunRequest

    Request = Callable[[snapshot.Captured, tuple[Finding, ...]], RunRequest]


def must_be_outside_of_runs() -> None:
    """Refuse to start a run from a notebook that is being run.

    Raises:
        UsageError: It is.
    """
    if projects.inside_run():
        raise UsageError(
            "this notebook is being executed by a run; a run does not start runs",
            hint="keep the cell, and use %mlops train in it: inside a run it does nothing",
        )


def submit(
    config: Config,
    wanted: snapshot.Wanted,
    run_id: str,
    request: Request,
    needs: reach.Needs = reach.NOTHING,
) -> Run:
    """Pin what is wanted and start a run of it.

    Args:
        config: The settings.
        wanted: What is to be pinned.
        run_id: The run's id.
        request: Makes the request of what was captured, and what is to be said of its reach.
        needs: What it needs beside what is pinned.

    Raises:
        MlopsError: Something cannot be pinned; nothing was started, and nothing is kept.
    """
    # A back-end that is none is told before anything is pinned.
    backends.runner(config)
    projects.prepare_state(config)
    captured = snapshot.take(config, wanted, name=run_id)
    crash.point("run pinned")
    with forgotten_if_refused(config, run_id):
        return hand_over(config, captured, run_id, request, needs)


def hand_over(
    config: Config,
    captured: snapshot.Captured,
    run_id: str,
    request: Request,
    needs: reach.Needs = reach.NOTHING,
) -> Run:
    """Push what is to be pushed, and start a run of what was captured.

    Raises:
        MlopsError: A cluster could not get at all that the run needs, or does not take it.
    """
    if config.run_push and needs.fetches:
        publication.push(config, captured.snapshot, name=run_id, earlier=needs.earlier)
    reached = reach.must_be_reached(config, captured.snapshot, needs)
    return backends.runner(config).submit(request(captured, reached))


@contextmanager
def forgotten_if_refused(config: Config, run_id: str) -> Iterator[None]:
    """Let go of a snapshot where an error of ours keeps the run from being there."""
    try:
        yield
    except MlopsError:
        if not Records(config.state_folder / journal.RUNS).has(run_id):
            Repository.find(config.root).forget(run_id)
        raise
