"""What is asked for over HTTP in another shape than a session does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import api
from mlops_nb.exceptions import RunError
from mlops_nb.interfaces import card as cards
from mlops_nb.types import Deployment, Listing, Moment, Pulse, Run, Saved

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_nb.interfaces.server.hub import Hub
    from mlops_nb.types import Comparison


def runs(
    state: str | None = None,
    notebook: str | None = None,
    where: Sequence[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
    offset: int = 0,
    *,
    project: Path,
) -> Listing:
    """List the project's runs, newest first, without what is long of each.

    Args:
        state: Only runs in this state, such as FAILED.
        notebook: Only runs of this notebook: its path in the repository, or the end of it.
        where: Only runs that meet it, such as test_accuracy>0.9; may be given again.
        sort: created, seconds, metric.NAME or param.NAME; -NAME for the largest first.
        reverse: The other way round.
        limit: No more than so many.
        offset: Leave out so many before the first.
        project: The project.
    """
    return api.summaries(
        state=state,
        notebook=notebook,
        where=where,
        sort=sort,
        reverse=reverse,
        limit=limit,
        offset=offset,
        project=project,
    )


def moment(run_id: str, *, project: Path) -> Moment:
    """Return a run with the curves of its metrics and the end of its log, as they are now."""
    return next(iter(api.follow(run_id, project=project)))


def card(run_id: str, *, project: Path) -> str:
    """Return a run's card as HTML that needs no script; texts of the user's are escaped in it."""
    return cards.card(moment(run_id, project=project), buttons=True)


def report(run_id: str, *, project: Path) -> str:
    """Return what a run found, tried or watched as HTML, like its card; empty where it did not.

    It is drawn from the records of the run; no page that lies in its folder is given out.
    """
    return cards.found(moment(run_id, project=project))


def notebook(run_id: str, *, project: Path) -> dict[str, Any]:
    """Return the executed notebook of a run, up to the last cell that began.

    Raises:
        RunError: It has none yet, or is no run of a notebook.
    """
    run = api.show(run_id, project=project)
    if run.notebook is None:
        raise RunError(
            f"run {run.id} has no executed notebook",
            hint=f"see how far it came: jupyter mlops show {run.id}",
        )
    found: dict[str, Any] = json.loads(Path(run.notebook).read_bytes())
    return found


def reproduce(run_id: str, rebuild_env: bool = False, *, project: Path) -> Run:
    """Run a run again from its record alone; its verdict is there when it has ended.

    Args:
        run_id: A run that succeeded.
        rebuild_env: Run in an environment built from the recorded lock.
        project: The project.
    """
    return api.repeat(run_id, rebuild_env=rebuild_env, project=project)


def compare(run_ids: Sequence[str], *, project: Path) -> Comparison:
    """Put runs side by side: parameters, metrics, pins and curves, differences first.

    Args:
        run_ids: At least two; given again for each.
        project: The project.
    """
    return api.compare(*run_ids, project=project)


def deploy(
    what: Path | str | None = None,
    name: str | None = None,
    target: str | None = None,
    traffic: str | None = None,
    settings: Mapping[str, Any] | None = None,
    *,
    project: Path,
) -> Run:
    """Put a model behind a REST endpoint: assemble, build, put up, verify, give it traffic.

    Args:
        what: A run's id or latest, name/version, name@alias, a URI that MLflow reads, or the path
            of a descriptor. If null the project's deployment.yaml, or else the latest run.
        name: Name of the deployment, in place of the descriptor's.
        target: Where it is served, likewise.
        traffic: What the new revision gets, likewise: replace, shadow, or the percentage of a
            canary.
        settings: Settings for this deployment alone.
        project: The project.
    """
    run = api.deploy(
        what, name=name, target=target, traffic=traffic, settings=settings, project=project
    )
    assert isinstance(run, Run)  # noqa: S101  (a path is given where one is to be written)
    return run


def deployments(*, project: Path) -> tuple[Deployment, ...]:
    """Return the project's deployments as they are now, by name."""
    return api.deployments(project=project)


def deployment(name: str, *, project: Path) -> Deployment:
    """Return a deployment as it is now."""
    return api.deployments(name, project=project)[0]


def pulse(name: str, *, project: Path) -> Pulse:
    """Return a deployment with what its revisions have counted since they started."""
    return next(api.pulses(name, project=project))


def start(name: str, *, project: Path) -> Deployment:
    """Start a deployment that does not run, as after a reboot."""
    return api.deployments(name, start=True, project=project)[0]


def events(since: int | None = None, saves: bool | None = None, *, project: Path) -> None:
    """Switch to a websocket that tells of all changes in the project as they come.

    Args:
        since: Number of the last message that the client has seen; it is told what it has missed.
        saves: Whether the client can save notebooks for a kernel; as a browser can, if null.
        project: The project.
    """


async def save(path: str, *, hub: Hub) -> Saved:
    """Have a front end save a notebook, as a kernel asks before it pins it.

    Args:
        path: The notebook, as the front end names it.
        hub: Knows the front ends.
    """
    return await hub.relay.save(path)


async def saved(id: str, saved: bool | None = None, message: str = "", *, hub: Hub) -> bool:
    """Answer, as a front end, what became of a wish that a notebook be saved.

    Args:
        id: That of the wish.
        saved: Whether it was saved; null where it is not open here.
        message: Why it was not.
        hub: Knows who waits for the answer.
    """
    hub.relay.saved(id, Saved(saved=saved, message=message))
    return True
