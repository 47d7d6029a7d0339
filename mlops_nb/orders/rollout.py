"""From what a user names to a deployment: which model, from which run, with which code."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding, paths, pipelines
from mlops_nb.capture import snapshot as snapshots
from mlops_nb.capture.repository import REF_PREFIX, Repository
from mlops_nb.deployment import descriptor as descriptors
from mlops_nb.deployment import targets
from mlops_nb.deployment.descriptor import Descriptor
from mlops_nb.exceptions import MlopsError, RunError, UsageError
from mlops_nb.orders import terms
from mlops_nb.pipelines.arguments import deployment
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import Finding, Model, Origin, Run, RunState, Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_nb.deployment import Target
    from mlops_nb.settings import Config
    from mlops_nb.types import Deployment, RunRequest

FILE_NAME = descriptors.FILE_NAME
_SUFFIXES = (".yaml", ".yml")
_VERSION = re.compile(r"(?:models:/)?(?P<name>[^/@:]+)/(?P<version>\d+)")
_ALIAS = re.compile(r"(?:models:/)?(?P<name>[^/@:]+)@(?P<alias>[^/@:]+)")
_LOCAL = "local"
_CLUSTER = "kserve"


@dataclass(frozen=True)
class Found:
    """A model, and what is known of it.

    Attributes:
        model: The model.
        run: The run that trained it, None for a model from elsewhere.
        snapshot: What that run had pinned.
        mlflow_run_id: Its run in MLflow.
        gates: What the registry has of its gates: that it passed them, or which it failed; "" where
            it has nothing.
    """

    model: Model
    run: str | None = None
    snapshot: Snapshot | None = None
    mlflow_run_id: str = ""
    gates: str = ""

    @property
    def origin(self) -> Origin:
        """What a revision with this model is made of."""
        pins = self.snapshot
        return Origin(
            model=self.model,
            run_id=self.run,
            snapshot=pins.id if pins else None,
            code=pins.code.sha if pins else None,
            datasets={d.path: d.hash for d in pins.datasets} if pins else {},
        )


def descriptor_of(what: Path | str, config: Config) -> Descriptor:
    """Return the descriptor of a file, or one made for a run or a model.

    Args:
        what: Path of a descriptor; or a run's id, `name/version`, `name@alias`, or a URI.
        config: The project's settings; the name is that of its registered model.

    Raises:
        UsageError: The file is no descriptor.
    """
    if is_file(what):
        given = paths.given(what)
        return descriptors.load(given if given.exists() else config.root / given)
    named = _VERSION.fullmatch(str(what)) or _ALIAS.fullmatch(str(what))
    name = named["name"] if named else config.registered_model
    return Descriptor(name=descriptors.as_name(name), model=str(what))


def is_file(what: Path | str) -> bool:
    """Whether a descriptor is named, and not a model."""
    return str(what).endswith(_SUFFIXES)


def write(descriptor: Descriptor, config: Config) -> Path:
    """Write a descriptor into the project.

    Raises:
        UsageError: There is one already.
    """
    path = config.root / FILE_NAME
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(descriptors.text(descriptor))
    except FileExistsError:
        raise UsageError(
            f"{path} is there already", hint="edit it, or move it away first"
        ) from None
    return path


def pinned(descriptor: Descriptor, found: Found) -> Descriptor:
    """Return a descriptor that names the run or the version itself, not what pointed at it."""
    if found.run is None or "/" in descriptor.model or "@" in descriptor.model:
        return descriptor
    return msgspec.structs.replace(descriptor, model=found.run)


def names(config: Config) -> list[str]:
    """Return the names of all deployments that the project knows of."""
    return sorted(_having(config))


def placed(config: Config) -> list[tuple[str, Target]]:
    """Return the names of all deployments with the target that has each, by name."""
    return sorted(_having(config).items())


def deployments(config: Config) -> tuple[Deployment, ...]:
    """Return all deployments that the project knows of, by name."""
    return tuple(target.get(name) for name, target in placed(config))


def target_of(name: str, config: Config) -> Target:
    """Return the target that has a deployment, that of the settings where none has."""
    having = (target for target in _targets(config) if name in target.names())
    return next(having, None) or targets.target(config)


def _having(config: Config) -> dict[str, Target]:
    """Return the target that has each deployment, the first of them; each is asked once."""
    having: dict[str, Target] = {}
    for target in _targets(config):
        for name in target.names():
            having.setdefault(name, target)
    return having


def _targets(config: Config) -> list[Target]:
    """Return the targets of this machine, that of the settings, and a cluster that they name."""
    clusters = (_CLUSTER,) if config.names_cluster else ()
    kinds = dict.fromkeys((*targets.HERE, config.deploy_target, *clusters))
    return [targets.target(config, kind) for kind in kinds]


def find(model: str, config: Config, run_of: Callable[[str], Run]) -> Found:
    """Find the model that a descriptor names.

    Args:
        model: A run's id, `latest`, `name/version`, `name@alias`, or a URI that MLflow reads.
        config: The project's settings.
        run_of: Returns the run of an id or of its beginning.

    Raises:
        MlopsError: There is no such model, or its run logged none.
    """
    named = _VERSION.fullmatch(model) or _ALIAS.fullmatch(model)
    if named is not None:
        return _registered(named.groupdict(""), config, run_of)
    if "/" in model:
        return Found(model=Model(uri=model))
    return _of_run(run_of(model))


def _of_run(run: Run) -> Found:
    if run.state is not RunState.SUCCEEDED or run.model is None:
        why = "logged no model" if run.state is RunState.SUCCEEDED else f"is {run.state.value}"
        raise RunError(
            f"run {run.id} {why}: there is nothing to deploy",
            hint="name a run that has a model: jupyter mlops runs --state SUCCEEDED",
        )
    return Found(
        model=run.model, run=run.id, snapshot=run.snapshot, mlflow_run_id=run.mlflow_run_id or ""
    )


def _registered(wanted: dict[str, str], config: Config, run_of: Callable[[str], Run]) -> Found:
    store = Store(config.resolved_tracking_uri)
    model, run_id = store.registry.find_version(
        wanted["name"], wanted.get("version", ""), wanted.get("alias", "")
    )
    said = store.registry.version_tag(wanted["name"], model.version or "", tags.GATES)
    return replace(_trained(store, model, run_id, run_of), gates=said)


def _trained(store: Store, model: Model, run_id: str, run_of: Callable[[str], Run]) -> Found:
    if not run_id:
        return Found(model=model)
    try:
        run = run_of(run_id)
    except RunError:
        # Another machine's: MLflow has what it pinned, and nobody here its model's digest.
        return _recorded(store, model, run_id)
    known = run.model.digest if run.model and run.model.uri == model.uri else None
    return Found(
        model=msgspec.structs.replace(model, digest=known),
        run=run.id,
        snapshot=run.snapshot,
        mlflow_run_id=run.mlflow_run_id or "",
    )


def _recorded(store: Store, model: Model, run_id: str) -> Found:
    mlflow_run_id, _ = store.find(run_id)
    text = store.read_text(mlflow_run_id, tags.SNAPSHOT_ARTIFACT) if mlflow_run_id else None
    pins = msgspec.convert(encoding.loads(text), Snapshot) if text else None
    return Found(model=model, run=run_id, snapshot=pins, mlflow_run_id=mlflow_run_id)


def request(
    descriptor: Descriptor,
    found: Found,
    config: Config,
    *,
    run_id: str,
    created_at: str,
    own_code: bool,
    despite: tuple[Finding, ...] = (),
) -> RunRequest:
    """Return the request of a deployment, with the code pinned that it needs.

    Args:
        descriptor: What the user wants.
        found: The model.
        config: The project's settings.
        run_id: The new run's id, and the name of its snapshot's ref.
        created_at: ISO 8601, UTC.
        own_code: Whether wrapper and modules are those of the working tree now; those of the run
            that trained the model if not.
        despite: What speaks against it, where it goes on all the same.
    """
    wanted = msgspec.structs.replace(descriptor, target=descriptor.target or config.deploy_target)
    targets.target(config, wanted.target).check(wanted)
    pins, findings = _pins(found, config, run_id, own_code=own_code)
    origin = msgspec.structs.replace(
        found.origin,
        code=pins.code.sha,
        deployed_by=run_id,
        despite=despite[0].message if despite else None,
    )
    return terms.request(
        pipelines.DEPLOYMENT,
        config,
        pins,
        deployment.arguments(pins, config, wanted, origin, mlflow_run_id=found.mlflow_run_id),
        run_id=run_id,
        created_at=created_at,
        findings=(*despite, *findings, *_elsewhere(config)),
        backend=_LOCAL,
        # A package has its own environment, and each deployment is verified anew.
        rebuild=False,
        cache=False,
    )


def _elsewhere(config: Config) -> tuple[Finding, ...]:
    """Return what is to be said where runs go elsewhere: building takes an engine, as here."""
    if config.run_backend == _LOCAL:
        return ()
    return (
        Finding(
            severity="info",
            message=f"a deployment runs on this machine, and not on {config.run_backend}",
            hint="to have the service itself on a cluster: --target kserve",
        ),
    )


def _pins(
    found: Found, config: Config, run_id: str, *, own_code: bool
) -> tuple[Snapshot, tuple[Finding, ...]]:
    if found.snapshot is not None and not own_code:
        return kept(found.snapshot, config, run_id), ()
    here, findings = snapshots.take_code(config, name=run_id)
    if found.snapshot is None:
        return here, findings
    return msgspec.structs.replace(found.snapshot, code=here.code), findings


def kept(pins: Snapshot, config: Config, run_id: str) -> Snapshot:
    """Return a run's pins under a ref of another run's own.

    Raises:
        UsageError: The repository has lost the commit.
    """
    repository = Repository.find(config.root)
    try:
        repository.keep(pins.code.sha, run_id)
    except MlopsError as error:
        raise UsageError(
            f"the repository does not have the commit {pins.code.sha[:12]} of the run",
            hint="fetch it, or name wrapper and modules of now in a deployment.yaml",
        ) from error
    code = msgspec.structs.replace(pins.code, repo=str(repository.root), ref=REF_PREFIX + run_id)
    return msgspec.structs.replace(pins, code=code)
