"""Models behind REST endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb import backends
from mlops_nb import project as projects
from mlops_nb.api.lookup import Folder, last, new_id, now, trainings
from mlops_nb.deployment import asking, promotion
from mlops_nb.following import pulse
from mlops_nb.orders import clearance, rollout
from mlops_nb.settings import Config

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops_nb.types import Deployment, Pulse, RegisteredModel, Run


def deploy(
    what: Path | str | None = None,
    *,
    name: str | None = None,
    target: str | None = None,
    traffic: str | None = None,
    write: bool = False,
    force: bool = False,
    settings: Mapping[str, Any] | None = None,
    wait: bool = False,
    project: Folder = None,
) -> Run | Path:
    """Put a model behind a REST endpoint: assemble, build, put up, verify, give it traffic.

    Args:
        what: A run's id or "latest", `name/version`, `name@alias`, a URI that MLflow reads, or the
            path of a descriptor. If None the project's `deployment.yaml`, or else the latest run.
        name: Name of the deployment, in place of the descriptor's.
        target: Where it is served, likewise.
        traffic: What the new revision gets, likewise: "replace", "shadow", or the percentage of a
            canary, such as "10".
        write: Write the descriptor to `deployment.yaml`, and deploy nothing.
        force: Deploy it also where its last evaluation has failed a gate; the record says so.
        settings: Settings for this deployment alone.
        wait: Return when it has ended.
        project: A folder of the project.

    Returns:
        The run of the deployment pipeline, or the path of the descriptor that was written. What is
        served meanwhile stays as it is.

    Raises:
        DeploymentError: The model's last evaluation has failed a gate; nothing was started.
        MlopsError: There is no such model, or the descriptor is wrong; nothing was started.
    """
    config = Config.load(project).with_settings(settings or {})
    described = config.root / rollout.FILE_NAME
    what = what or (described if described.is_file() else "latest")
    wanted = rollout.descriptor_of(what, config).with_words(name, target, traffic)
    runner = backends.Everywhere(config)
    run_of = trainings(runner)
    found = rollout.find(wanted.model, config, run_of)
    if write:
        return rollout.write(rollout.pinned(wanted, found), config)
    why_not = clearance.refusal(found, wanted.gates, runner.list())
    despite = clearance.must_be_cleared(found, why_not, force=force)
    projects.prepare_state(config)
    request = rollout.request(
        rollout.pinned(wanted, found),
        found,
        config,
        run_id=new_id(),
        created_at=now().isoformat("T", "seconds"),
        own_code=rollout.is_file(what),
        despite=despite,
    )
    run = runner.submit(request)
    return last(runner.watch(run.id)) if wait else run


def deployments(
    name: str | None = None, *, start: bool = False, project: Folder = None
) -> tuple[Deployment, ...]:
    """Return the project's deployments as they are now, by name.

    Args:
        name: Only this one.
        start: Start those that are not running, as after a reboot.
        project: A folder of the project.

    Raises:
        DeploymentError: There is none of the name.
    """
    config = Config.load(project)
    found = [(name, rollout.target_of(name, config))] if name else rollout.placed(config)
    return tuple(target.start(n) if start else target.get(n) for n, target in found)


def models(*, project: Folder = None) -> tuple[RegisteredModel, ...]:
    """Return the models of the project's registry: versions, aliases, and what each came from.

    Raises:
        TrackingError: MLflow cannot be reached.
    """
    config = Config.load(project)
    if config.embedded_tracking and not config.tracking_file.exists():
        # Nothing was ever run here; MLflow would take seconds to make a store and say so.
        return ()
    from mlops_nb.tracking.store import Store

    return Store(config.resolved_tracking_uri).registry.models()


def pulses(name: str, *, project: Folder = None) -> Iterator[Pulse]:
    """Yield a deployment with what its revisions count, once a second while it exists.

    Raises:
        DeploymentError: There is none of the name.
    """
    return pulse.follow(rollout.target_of(name, Config.load(project)), name)


def predict(name: str, data: Any, *, revision: int | None = None, project: Folder = None) -> Any:
    """Ask a deployment for predictions.

    Args:
        name: The deployment.
        data: A DataFrame, an array, a list of rows, or a body of MLflow's `/invocations` as a dict
            or as JSON text.
        revision: Ask this revision, whatever traffic it has.
        project: A folder of the project.

    Returns:
        The predictions, one a row.

    Raises:
        DeploymentError: It cannot be reached, or refuses the data.
    """
    config = Config.load(project)
    return asking.predict(rollout.target_of(name, config).endpoint(name, revision), data)


def traffic(
    name: str,
    *,
    canary: int | None = None,
    shadow: int | None = None,
    promote: bool = False,
    revision: int | None = None,
    project: Folder = None,
) -> Deployment:
    """Change which revisions of a deployment get the requests; none of them fails of it.

    Args:
        name: The deployment.
        canary: Give the newest revision this part of them, in percent.
        shadow: Give this revision a copy of each, and throw its answers away; 0 for none.
        promote: Give the newest revision all of them.
        revision: The revision to give them to, in place of the newest one.
        project: A folder of the project.

    Raises:
        UsageError: Not one of the three is asked for.
        DeploymentError: There is no such deployment or revision, or it is not ready.
    """
    config = Config.load(project)
    target = rollout.target_of(name, config)
    with target.claim(name):
        wanted = promotion.changed(
            target.get(name), canary=canary, shadow=shadow, promote=promote, revision=revision
        )
        return promotion.route(target, config.resolved_tracking_uri, name, wanted)


def rollback(name: str, *, revision: int | None = None, project: Folder = None) -> Deployment:
    """Give all requests of a deployment to the revision that served before.

    Args:
        name: The deployment.
        revision: Go back to this one.
        project: A folder of the project.

    Raises:
        DeploymentError: There is none to go back to.
    """
    config = Config.load(project)
    target = rollout.target_of(name, config)
    with target.claim(name):
        wanted = promotion.back(target.get(name), revision)
        return promotion.route(target, config.resolved_tracking_uri, name, wanted)


def undeploy(name: str, *, keep: bool = False, project: Folder = None) -> str:
    """Take a deployment down, once it has answered what it has.

    Args:
        name: The deployment.
        keep: Keep it, so that `deployments --start` brings it back.
        project: A folder of the project.

    Returns:
        The name.
    """
    config = Config.load(project)
    target = rollout.target_of(name, config)
    with target.claim(name):
        if keep:
            target.stop(name)
        else:
            target.delete(name)
    return name
