"""The verbs. Every front door offers these, with these names and these errors.

Each takes `project`, a folder of the project; the current folder if None.
"""

from __future__ import annotations

import secrets
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import (
    backends,
    comparison,
    encoding,
    journal,
    moments,
    pipelines,
    promotion,
    reach,
    reproduction,
    rollout,
    selection,
    transfer,
)
from mlops_nb import project as projects
from mlops_nb.capture import dvc, publication, snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.deployment import asking
from mlops_nb.exceptions import MlopsError, RunError, UsageError
from mlops_nb.images import building
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.runners.records import Records
from mlops_nb.settings import Config
from mlops_nb.types import (
    Comparison,
    Deployment,
    Finding,
    Image,
    Moment,
    Point,
    Published,
    Run,
    RunRequest,
    RunState,
    Setting,
    Snapshot,
    Status,
    Verdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from mlops_nb.runners import Runner

Folder = Path | str | None


def init(folder: Path | str = ".", *, example: str | None = None) -> tuple[str, ...]:
    """Make a folder a project: git, DVC, `mlops.toml`, ignore rules.

    Args:
        folder: It is made where it does not exist.
        example: Name of an example to start from, such as "quickstart".

    Returns:
        What was done, a line each.
    """
    return projects.init(Path(folder), example=example)


def status(
    notebook: Path | str | None = None, *, backend: str | None = None, project: Folder = None
) -> Status:
    """Return what would be pinned now, and what is to be said about it; nothing is kept.

    Args:
        notebook: The notebook; that of this session if None.
        backend: Where the run would go; a cluster has to be able to reach what it needs.
        project: A folder of the project.
    """
    config = Config.load(project).override(run_backend=backend)
    try:
        captured = snapshot.preview(config, _wanted(notebook))
        reached = reach.findings(config, captured.snapshot, pushed=config.run_push)
        findings = (*captured.findings, *reached)
    except MlopsError as error:
        finding = Finding(severity="error", message=error.message, hint=error.hint)
        return Status(project=str(config.root), snapshot=None, findings=(finding,))
    return Status(project=str(config.root), snapshot=captured.snapshot, findings=findings)


def track(path: Path | str, *, project: Folder = None) -> str:
    """Put a file or a folder under DVC, or its new version when it is.

    Returns:
        Path of the pointer file, to be committed.
    """
    return projects.track(Config.load(project), Path(path))


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
    if projects.inside_run():
        raise UsageError(
            "this notebook is being executed by a run; a run does not start runs",
            hint="keep the cell, and use %mlops train in it: inside a run it does nothing",
        )
    config = (
        Config.load(project)
        .with_settings(settings or {})
        .override(
            run_backend=backend, environment_rebuild=rebuild_env, run_cache=cache, run_push=push
        )
    )
    runner = backends.runner(config)
    run_id = _new_id()
    wanted = _wanted(notebook, params, train, test)
    if dry_run:
        captured = snapshot.preview(config, wanted)
        reached = tuple(reach.findings(config, captured.snapshot, pushed=config.run_push))
        return journal.new_run(_training(run_id, config, captured, reached))
    projects.prepare_state(config)
    captured = snapshot.take(config, wanted, name=run_id)
    try:
        if config.run_push:
            publication.push(config, captured.snapshot, name=run_id)
        reached = reach.must_be_reached(config, captured.snapshot)
        run = runner.submit(_training(run_id, config, captured, reached))
    except MlopsError:
        if not Records(config.state_folder / journal.RUNS).has(run_id):
            Repository.find(config.root).forget(run_id)
        raise
    return _last(runner.watch(run.id)) if wait else run


def _training(
    run_id: str, config: Config, captured: snapshot.Captured, reached: tuple[Finding, ...]
) -> RunRequest:
    pins = captured.snapshot
    arguments = pipelines.training_arguments(pins, config)
    if config.on_cluster and not any(finding.severity == "error" for finding in reached):
        places = reach.places(pins)
        arguments.update(code_repo=places.code, data_repo=places.data)
    return RunRequest(
        id=run_id,
        pipeline=pipelines.TRAINING.name,
        pipeline_digest=pipelines.TRAINING.digest,
        stages=pipelines.TRAINING.stages,
        backend=config.run_backend,
        snapshot=pins,
        arguments=arguments,
        created_at=_now().isoformat("T", "seconds"),
        findings=(*captured.findings, *reached),
        rebuild=config.environment_rebuild,
        cache=config.run_cache,
        timeout_s=config.run_timeout_s,
        stage_timeout_s=config.run_stage_timeout_s,
    )


def runs(
    *,
    state: str | None = None,
    notebook: Path | str | None = None,
    where: str | Sequence[str] = (),
    sort: str | None = None,
    reverse: bool = False,
    limit: int | None = None,
    project: Folder = None,
) -> tuple[Run, ...]:
    """Return the project's runs, newest first; all of them where nothing is asked.

    Args:
        state: Only runs in this state, such as "FAILED".
        notebook: Only runs of this notebook: its path, or the end of it.
        where: Only runs that meet these conditions, such as "test_accuracy>0.9": the name of a
            metric or a parameter, one of = != < <= > >=, and a value.
        sort: "created", "seconds", "metric.NAME" or "param.NAME", smallest first; with "-" in
            front, largest first. Runs without a value come last.
        reverse: Turn the order of `sort` round.
        limit: No more than so many.
        project: A folder of the project.

    Raises:
        UsageError: A state, a notebook, a name or a condition is not one.
    """
    wanted = selection.Selection.of(
        state=state, notebook=notebook, where=where, sort=sort, reverse=reverse, limit=limit
    )
    return wanted.apply(_runner(project).list())


def compare(*run_ids: str, project: Folder = None) -> Comparison:
    """Put runs side by side: parameters, metrics, pins and curves, differences first.

    Args:
        run_ids: At least two: ids, the beginnings of ids, or "latest".
        project: A folder of the project.

    Raises:
        UsageError: There are fewer than two different runs.
    """
    runner = _runner(project)
    ids = tuple(dict.fromkeys(_resolve(runner, run_id) for run_id in run_ids))
    if len(ids) < 2:
        raise UsageError(
            f"compare takes two runs or more, and got {len(ids)}",
            hint="name them: compare ID ID; list them: jupyter mlops runs",
        )
    found = [runner.get(run_id) for run_id in ids]
    return comparison.compare(found, [moments.curves(runner, run_id) for run_id in ids])


def show(run_id: str = "latest", *, project: Folder = None) -> Run:
    """Return a run as it is now.

    Args:
        run_id: The run's id, the beginning of it, or "latest".
        project: A folder of the project.

    Raises:
        RunError: There is no such run, or more than one begins so.
    """
    runner = _runner(project)
    return runner.get(_resolve(runner, run_id))


def watch(run_id: str = "latest", *, project: Folder = None) -> Iterator[Run]:
    """Yield a run as it is now and whenever something has happened, to its end."""
    runner = _runner(project)
    return runner.watch(_resolve(runner, run_id))


def follow(run_id: str = "latest", *, project: Folder = None) -> Iterator[Moment]:
    """Yield a run with its curves and the end of its log, as it goes on, to its end.

    A moment comes whenever something has happened, and once a second while nothing does; then it
    is the same object again.
    """
    runner = _runner(project)
    return moments.follow(runner, _resolve(runner, run_id))


def logs(run_id: str = "latest", *, stage: str | None = None, project: Folder = None) -> str:
    """Return the log of a stage, or of all stages."""
    runner = _runner(project)
    return runner.logs(_resolve(runner, run_id), stage)


def points(run_id: str = "latest", *, project: Folder = None) -> tuple[Point, ...]:
    """Return every metric point of a run, in the order in which they were logged."""
    runner = _runner(project)
    return tuple(runner.points(_resolve(runner, run_id))[0])


def cancel(run_id: str = "latest", *, project: Folder = None) -> Run:
    """End a run and all of its processes; a run that has ended stays as it is."""
    runner = _runner(project)
    return runner.cancel(_resolve(runner, run_id))


def resume(run_id: str = "latest", *, wait: bool = False, project: Folder = None) -> Run:
    """Start an ended run again from the stage that failed."""
    runner = _runner(project)
    run = runner.resume(_resolve(runner, run_id))
    return _last(runner.watch(run.id)) if wait else run


def delete(run_id: str, *, force: bool = False, project: Folder = None) -> str:
    """Delete an ended run: its record, its snapshot, and its run in MLflow.

    Args:
        run_id: The run's id, or the beginning of it.
        force: Delete it even if a registered model version came from it.
        project: A folder of the project.

    Returns:
        The id.

    Raises:
        RunError: The run goes on, or a registered model version came from it.
    """
    config = Config.load(project)
    runner = backends.Everywhere(config)
    run = runner.get(_resolve(runner, run_id))
    if run.model is not None and run.model.version is not None and not force:
        raise RunError(
            f"version {run.model.version} of model {run.model.name} came from run {run.id}; "
            "without the run nothing says what it was made of",
            hint=f"delete it all the same: jupyter mlops delete {run.id} --force",
        )
    runner.delete(run.id)
    Repository.find(config.root).forget(run.id)
    return run.id


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
    config = Config.load(project)
    runner = backends.Everywhere(config)
    recorded = runner.get(_resolve(runner, run_id))
    reproduction.must_be_reproducible(recorded)
    repository = Repository.find(config.root)
    request = reproduction.request(
        runner.request(recorded.id),
        run_id=_new_id(),
        created_at=_now().isoformat("T", "seconds"),
        top=repository.root,
        tracking_uri=config.resolved_tracking_uri,
        rebuild=rebuild_env,
    )
    repository.keep(request.snapshot.code.sha, request.id)
    again = _last(runner.watch(runner.submit(request).id))
    return reproduction.compare(recorded, again, tolerance=tolerance)


def export(run_id: str, file: Path | str, *, project: Folder = None) -> Path:
    """Write a run as one file: record, commit, data and lock, readable without this package."""
    config = Config.load(project)
    runner = backends.Everywhere(config)
    transfer.write(config, runner.get(_resolve(runner, run_id)), Path(file))
    return Path(file)


def import_(file: Path | str, *, project: Folder = None) -> Run:
    """Put a run that `export` wrote into this project, to be shown or reproduced here."""
    config = Config.load(project)
    projects.prepare_state(config)
    return backends.Everywhere(config).get(transfer.read(config, Path(file)))


def compile(
    output: Path | str = ".", *, backend: str = "local", project: Folder = None
) -> tuple[Path, ...]:
    """Write the compiled pipelines, one YAML each.

    Args:
        output: Folder to write to; it is made where it does not exist.
        backend: "local" for the generic pipelines, the same for every project; "kubeflow" for
            those that `publish` uploads, with what the project's settings have for pods.
        project: A folder of the project, for "kubeflow".

    Returns:
        The files.
    """
    folder = Path(output)
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    known = pipelines.PIPELINES.values() if backend == "local" else pipelines.ON_CLUSTER
    for pipeline in known:
        path = folder / pipeline.compiled.name
        path.write_bytes(_compiled(pipeline, backend, project))
        written.append(path)
    return tuple(written)


def _compiled(pipeline: pipelines.Pipeline, backend: str, project: Folder) -> bytes:
    if backend == "local":
        return pipeline.compiled.read_bytes()
    from mlops_nb.pipelines.compiler import compile_pipeline
    from mlops_nb.pipelines.platform import Platform

    config = Config.load(project).override(run_backend=backend)
    if not config.on_cluster:
        raise UsageError(
            f"nothing is compiled for {backend!r}",
            hint="compile for a cluster with --backend kubeflow, or for all without it",
        )
    return compile_pipeline(pipeline, Platform.of(config)).encode()


def login(*, project: Folder = None, say: Callable[[str], None] = print) -> str:
    """Log in at the Kubeflow endpoint, or look whether the token that it asks for is there.

    Args:
        project: A folder of the project.
        say: Is given what the user has to do, such as an address to open.

    Returns:
        Who is logged in, or what would be sent and until when.

    Raises:
        ConfigError: A setting under `[kubeflow]` is missing.
        LoginError: The identity provider refuses, or there is nothing to send.
    """
    return authentication.login(Config.load(project), say)


def logout(*, project: Folder = None) -> bool:
    """Forget the session that `login` kept; return whether there was one."""
    return authentication.logout(Config.load(project))


def publish(*, project: Folder = None) -> tuple[Published, ...]:
    """Upload the pipelines to the Kubeflow Pipelines server that the settings name.

    Each is compiled with the images, secrets, volumes and nodes of `mlops.toml`; a version that the
    server has already is not uploaded again. `train` publishes what is missing by itself.

    Raises:
        BackendError: The server refuses, or gives no answer.
    """
    from mlops_nb.runners.kubeflow import KubeflowRunner

    return KubeflowRunner(Config.load(project)).publish()


def build_images(
    *,
    stages: Sequence[str] = (),
    base: str | None = None,
    push: str | None = None,
    engine: str | None = None,
    project: Folder = None,
) -> tuple[Image, ...]:
    """Build the images that stages run in on a cluster, with podman, docker or buildah.

    Args:
        stages: Names of images, such as "train"; all of them if empty.
        base: Image to build on, which has Python; that of this very Python version if None.
        push: Registry to push to, such as "host/team"; the references by digest are then written
            into the project's `mlops.toml`.
        engine: The engine; the first of the three that is installed if None.
        project: A folder of the project; needed for `push` alone.

    Raises:
        ImageError: No engine is installed, a build fails, or the registry refuses.
    """
    config = Config.load(project) if push or project else None
    return building.build(config, stages=stages, base=base, push=push, engine_name=engine)


def deploy(
    what: Path | str | None = None,
    *,
    name: str | None = None,
    target: str | None = None,
    traffic: str | None = None,
    write: bool = False,
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
        settings: Settings for this deployment alone.
        wait: Return when it has ended.
        project: A folder of the project.

    Returns:
        The run of the deployment pipeline, or the path of the descriptor that was written. What is
        served meanwhile stays as it is.

    Raises:
        MlopsError: There is no such model, or the descriptor is wrong; nothing was started.
    """
    config = Config.load(project).with_settings(settings or {})
    described = config.root / rollout.FILE_NAME
    what = what or (described if described.is_file() else "latest")
    wanted = rollout.descriptor_of(what, config).with_words(name, target, traffic)
    runner = backends.Everywhere(config)

    def run_of(run_id: str) -> Run:
        ids = [run.id for run in runner.list() if run.pipeline == pipelines.TRAINING.name]
        return runner.get(_resolved(ids, run_id))

    found = rollout.find(wanted.model, config, run_of)
    if write:
        return rollout.write(rollout.pinned(wanted, found), config)
    projects.prepare_state(config)
    request = rollout.request(
        rollout.pinned(wanted, found),
        found,
        config,
        run_id=_new_id(),
        created_at=_now().isoformat("T", "seconds"),
        own_code=rollout.is_file(what),
    )
    run = runner.submit(request)
    return _last(runner.watch(run.id)) if wait else run


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
    names = [name] if name else rollout.names(config)
    found = [(rollout.target_of(known, config), known) for known in names]
    return tuple(target.start(n) if start else target.get(n) for target, n in found)


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


def value_names(*, project: Folder = None) -> tuple[str, ...]:
    """Return the names that runs can be filtered and sorted by."""
    return selection.names(_runner(project).list())


def inside_run() -> bool:
    """Whether this process was started by a run, where `%mlops` starts nothing."""
    return projects.inside_run()


def parameter_names(
    notebook: Path | str | None = None, *, project: Folder = None
) -> tuple[str, ...]:
    """Return the names in the notebook's parameters cell."""
    captured = snapshot.preview(Config.load(project), _wanted(notebook))
    return tuple(p.name for p in captured.snapshot.hyperparameters)


def dataset_names(*, project: Folder = None) -> tuple[str, ...]:
    """Return the paths of the data that the project has under DVC."""
    return dvc.tracked(Config.load(project).root)


def as_json(value: Any) -> Any:
    """Return a record, or records, as the JSON data that all front doors give out.

    A snapshot has `parameters` (name to value) beside the full `hyperparameters`.
    """
    if isinstance(value, (tuple, list)):
        return [as_json(item) for item in value]
    data = encoding.strict(msgspec.to_builtins(value))
    pins = value if isinstance(value, Snapshot) else getattr(value, "snapshot", None)
    if pins is not None:
        place = data if pins is value else data["snapshot"]
        place["id"] = pins.id
        place["parameters"] = encoding.strict(pins.parameters)
    return data


def config(*, project: Folder = None) -> tuple[Setting, ...]:
    """Return every setting with its value and where that came from."""
    return Config.load(project).settings()


def _runner(project: Folder) -> Runner:
    return backends.Everywhere(Config.load(project))


def _wanted(
    notebook: Path | str | None,
    params: Mapping[str, Any] | None = None,
    train: str | None = None,
    test: str | None = None,
) -> snapshot.Wanted:
    path = Path(notebook) if notebook is not None else None
    return snapshot.Wanted(notebook=path, params=params, train=train, test=test)


def _new_id() -> str:
    """Return an id that sorts by time, to a part of a second, and is no other process's."""
    now = _now()
    part = now.microsecond * 4096 // 1_000_000
    return f"{now:%Y%m%d-%H%M%S}-{part:03x}{secrets.token_hex(2)}"


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _resolve(runner: Runner, run_id: str) -> str:
    return _resolved(runner.ids(), run_id)


def _resolved(ids: Sequence[str], run_id: str) -> str:
    if run_id in ids:
        return run_id
    if run_id == "latest" and ids:
        return ids[0]
    found = [known for known in ids if known.startswith(run_id)]
    if len(found) == 1:
        return found[0]
    if found:
        raise RunError(
            f"{len(found)} runs begin with {run_id!r}", hint=f"such as {found[0]} and {found[1]}"
        )
    raise RunError(f"there is no run {run_id!r}", hint="list them: jupyter mlops runs")


def _last(runs: Iterator[Run]) -> Run:
    last = None
    for run in runs:
        last = run
    if last is None or last.state is RunState.PENDING:
        raise RunError("the run left no trace", hint="list the runs: jupyter mlops runs")
    return last
