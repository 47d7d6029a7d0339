"""How what is served does: drift, quality, health, and what predictions were worth."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from mlops_nb import backends
from mlops_nb import project as projects
from mlops_nb.api import submission
from mlops_nb.api.lookup import Folder, new_id, now, trainings
from mlops_nb.api.lookup import last as last_of
from mlops_nb.capture import snapshot
from mlops_nb.capture.snapshot import Captured
from mlops_nb.orders import reach, watching
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.types import Labels, Run


def monitor(
    name: str,
    *,
    last: str | None = None,
    since: str | None = None,
    until: str | None = None,
    rows: int | None = None,
    reference: str | None = None,
    on_drift: str = "nothing",
    backend: str | None = None,
    wait: bool = False,
    project: Folder = None,
) -> Run:
    """Compare the requests of a deployment with the data that its model was trained on.

    Args:
        name: The deployment; it is the revision with the most traffic that is looked at.
        last: Only requests of so long ago at the most: "24h", "30m", "7d".
        since: Only requests from this time on, in ISO 8601.
        until: Only requests before this time.
        rows: Only the newest so many rows.
        reference: A training run to compare with; the one that trained the model if None.
        on_drift: What drift starts: "nothing"; "train", the notebook that made the model; or
            "update", which lets the model learn on. Both go through their gates.
        backend: Where the run goes. The log has to be there: a service on this machine is looked
            at here, and one on KServe by pods that mount the claim of its log.
        wait: Return when the run has ended.
        project: A folder of the project.

    Returns:
        The run. An alarm is no failure of the run; ask `run.monitoring.alarm`.

    Raises:
        MlopsError: There is no such deployment or window; nothing was started.
    """
    config = Config.load(project).override(run_backend=backend)
    runner = backends.Everywhere(config)
    moment = now()
    wanted = watching.span(last=last, since=since, until=until, rows=rows, now=moment.timestamp())
    watched = watching.find(name, backend, config)
    if watched.log is None:
        config = config.override(run_backend="local")
    run_of, run_id = trainings(runner), new_id()
    follow = watching.follow(on_drift, watched.revision, config, run_of)
    projects.prepare_state(config)
    with submission.forgotten_if_refused(config, run_id):
        captured = Captured(*snapshot.take_code(config, name=run_id))
        request = functools.partial(
            watching.request,
            watched,
            wanted,
            config,
            run_of,
            reference=reference,
            on_drift=on_drift,
            follow=follow,
            run_id=run_id,
            created_at=moment.isoformat("T", "seconds"),
        )
        run = submission.hand_over(config, captured, run_id, request, reach.Needs(fetches=False))
    return last_of(runner.watch(run.id)) if wait else run


def label(name: str, labels: Mapping[str, Any], *, project: Folder = None) -> Labels:
    """Say what turned out to be right, so that `monitor` can tell what predictions were worth.

    Args:
        name: The deployment.
        labels: By the id of each request, which is in its header `X-Request-Id`, both ways: the
            label, or a list with one for each of its rows.
        project: A folder of the project.

    Returns:
        How many were told, and how many no logged request has; they are kept all the same.

    Raises:
        DeploymentError: There is none of the name, or its log is not on this machine.
    """
    return watching.label(name, labels, Config.load(project))
