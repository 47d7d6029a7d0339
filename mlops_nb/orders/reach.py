"""Whether a cluster can get at all that a run needs, and where; asked before a run is submitted.

A pod has none of this machine's files. What it needs has to be somewhere that both can reach.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mlops_nb import environments, occasion
from mlops_nb.capture import publication
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import MlopsError, PreflightError
from mlops_nb.pipelines.platform import Platform
from mlops_nb.runners.kubeflow import authentication
from mlops_nb.settings import dotted
from mlops_nb.tuning import storage
from mlops_nb.types import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlops_nb.settings import Config
    from mlops_nb.types import Earlier, Snapshot

# https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
_QUANTITY = re.compile(r"\d+(\.\d+)?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?")
_PUSH = "push it with the run: --push, or run.push = true in mlops.toml"
_UNENFORCED = "{} has no effect on a run on this machine"


@dataclass(frozen=True)
class Places:
    """Where a cluster gets what was pinned.

    Attributes:
        code: URL of the code repository.
        data: URL of the data repository, "" for none.
    """

    code: str
    data: str


@dataclass(frozen=True)
class Needs:
    """What a run needs beside code, data and environment of its snapshot.

    Attributes:
        models: URIs of the models that it loads.
        earlier: Datasets as they were once, None for none.
        fetches: Whether its pods get code and data.
        study: Where workers share a study, as `tuning.storage` has it; None where there is none.
    """

    models: tuple[str, ...] = ()
    earlier: Earlier | None = None
    fetches: bool = True
    study: str | None = None


NOTHING = Needs()


def places(snapshot: Snapshot) -> Places:
    """Return where a cluster gets code and data.

    Raises:
        PreflightError: A repository is on this machine alone.
    """
    code = _url(snapshot.code.repo, snapshot.code.remote)
    first = next(iter(snapshot.datasets), None)
    if first is None or first.repo == snapshot.code.repo:
        return Places(code, code if first else "")
    return Places(code, _url(first.repo, _remote_of(first.repo)))


def addressed(
    arguments: Mapping[str, str], config: Config, snapshot: Snapshot, found: Iterable[Finding]
) -> dict[str, str]:
    """Return a pipeline's parameters with the addresses at which a cluster gets code and data.

    Args:
        arguments: The parameters, with the places of both on this machine.
        config: The settings; where they name no cluster nothing changes.
        snapshot: What was pinned.
        found: What is to be said about its reach; where there is an error it has no address.
    """
    if not config.on_cluster or any(finding.severity == "error" for finding in found):
        return dict(arguments)
    where = places(snapshot)
    return {**arguments, "code_repo": where.code, "data_repo": where.data}


def must_be_reached(
    config: Config, snapshot: Snapshot, needs: Needs = NOTHING
) -> tuple[Finding, ...]:
    """Check that a cluster can see all of a run, after everything was pushed that is to be.

    Returns:
        What is to be said about it all the same.

    Raises:
        MlopsError: A pod would lack something.
    """
    found = tuple(findings(config, snapshot, pushed=config.run_push, needs=needs))
    errors = [finding for finding in found if finding.severity == "error"]
    if errors:
        raise PreflightError(errors[0].message, hint=errors[0].hint)
    return found


def findings(
    config: Config, snapshot: Snapshot, *, pushed: bool, needs: Needs = NOTHING
) -> Iterator[Finding]:
    """Yield what is to be said about running this where the settings say.

    Args:
        config: The settings.
        snapshot: What was pinned.
        pushed: Whether code and data are, or will be, pushed for this run.
        needs: What it needs beside.
    """
    if not config.on_cluster:
        yield from _of_this_machine(config)
        return
    yield from _of_settings(config, snapshot)
    yield from _of_models(needs.models)
    if needs.study is not None:
        yield from _of_study(needs.study, Platform.of(config), snapshot)
    try:
        environments.must_have_an_index(snapshot.environment)
        if not needs.fetches:
            return
        target = places(snapshot)
        firing = occasion.current()
        fetched = firing is not None and firing.published
        if not pushed and not fetched:
            yield from _of_unpushed(config, snapshot, needs.earlier)
    except MlopsError as error:
        yield Finding(severity="error", message=error.message, hint=error.hint)
        return
    for what, url in (("the code", target.code), ("the data", target.data)):
        if url and _is_here(url):
            yield _warning(
                f"pods would get {what} from {url}, which is this machine's, and may not reach it",
                "git remote set-url origin URL, of a server that the cluster reaches",
            )


def _of_this_machine(config: Config) -> Iterator[Finding]:
    for name in ("resources_cpu", "resources_memory", "resources_accelerator"):
        if config.sources.get(name, "default") != "default":
            yield Finding(
                severity="info",
                message=_UNENFORCED.format(dotted(name)),
                hint="it is what pods get: train --backend kubeflow",
            )


def _of_settings(config: Config, snapshot: Snapshot) -> Iterator[Finding]:
    yield from _of_resources(config)
    yield from _of_tracking(config)
    yield from _of_platform(Platform.of(config), snapshot)
    try:
        authentication.of(config).headers()
    except MlopsError as error:
        yield _error(error.message, error.hint)


def _of_resources(config: Config) -> Iterator[Finding]:
    for name in ("resources_cpu", "resources_memory"):
        value = getattr(config, name)
        if not _QUANTITY.fullmatch(value):
            yield _error(
                f"{dotted(name)} is {value!r}, which Kubernetes does not read",
                "write it as Kubernetes does, such as 500m or 2 for cores, 512Mi or 8Gi for memory",
            )


def _of_tracking(config: Config) -> Iterator[Finding]:
    if config.embedded_tracking or "://" not in config.tracking_uri:
        yield _error(
            "tracking.uri is a store on this machine, where no pod can write",
            "set tracking.uri in mlops.toml to an MLflow server that the cluster reaches",
        )
    elif urlsplit(config.tracking_uri).scheme in ("file", "sqlite"):
        yield _error(
            f"tracking.uri is a file ({config.tracking_uri}), which a pod has of its own",
            "set tracking.uri in mlops.toml to an MLflow server that the cluster reaches",
        )
    elif _is_here(config.tracking_uri):
        yield _warning(
            f"tracking.uri is this machine itself ({config.tracking_uri}); pods have another",
            "set it to an address that the cluster reaches as well",
        )


def _of_platform(platform: Platform, snapshot: Snapshot) -> Iterator[Finding]:
    known = platform.secrets["train"]
    for name in snapshot.secrets:
        if name not in known:
            yield _error(
                f"the secret {name} of environment.secrets is in no Kubernetes secret",
                f'name it: [kubeflow.secrets_notebook] {name} = "secret/key" in mlops.toml',
            )
    tags = sorted({image for image in platform.images.values() if "@sha256:" not in image})
    if tags:
        yield _warning(
            f"{len(tags)} of the stage images are named by tag, not by digest, as {tags[0]} is; "
            "what they hold may change between runs",
            "build and push them: jupyter mlops images build --push REGISTRY",
        )


def _of_study(address: str, platform: Platform, snapshot: Snapshot) -> Iterator[Finding]:
    try:
        storage.must_be_shared(address, snapshot.environment.packages.__contains__)
    except MlopsError as error:
        yield _error(error.message, error.hint)
        return
    name = storage.variable(address)
    if name and name not in platform.secrets["worker"]:
        yield _error(
            f"tuning.storage is the variable {name}, which is in no Kubernetes secret",
            f'name it: [kubeflow.secrets_tuning] {name} = "secret/key" in mlops.toml',
        )


def _of_unpushed(config: Config, snapshot: Snapshot, earlier: Earlier | None) -> Iterator[Finding]:
    repository = Repository.find(config.root)
    for sha in publication.commits(snapshot, earlier):
        if not repository.is_pushed(sha):
            yield _error(f"the snapshot {sha[:12]} is not at origin, where pods fetch it", _PUSH)
    for path, sha in publication.unpushed(config, snapshot, earlier):
        when = f"as it was at {sha[:12]}" if earlier and sha == earlier.sha else "as it is now"
        yield _error(f"{path} {when} is not on DVC's remote, where pods fetch it", _PUSH)


def _of_models(models: tuple[str, ...]) -> Iterator[Finding]:
    for uri in models:
        if uri and (urlsplit(uri).scheme == "file" or ("://" not in uri and ":/" not in uri)):
            yield _error(
                f"the model {uri} is on this machine, where pods do not see it",
                "log it to the MLflow server, and name it by its run or its version",
            )


def _url(repo: str, remote: str | None) -> str:
    if not Path(repo).is_dir():
        return repo
    if remote is None:
        raise PreflightError(
            f"{repo} is on this machine alone: it has no remote `origin`",
            hint=f"name one: git -C {repo} remote add origin URL",
        )
    return remote


def _remote_of(repo: str) -> str | None:
    return Repository.find(Path(repo)).remote() if Path(repo).is_dir() else None


def _is_here(url: str) -> bool:
    """Whether an address is a file or a port of this machine."""
    parts = urlsplit(url)
    if "://" not in url:
        # git@host:path is a machine, a path is not.
        return ":" not in url
    if parts.scheme == "file":
        return True
    try:
        return ipaddress.ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return parts.hostname == "localhost"


def _error(message: str, hint: str) -> Finding:
    return Finding(severity="error", message=message, hint=hint)


def _warning(message: str, hint: str) -> Finding:
    return Finding(severity="warning", message=message, hint=hint)
