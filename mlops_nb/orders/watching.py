"""From a deployment's name to the request of a monitoring run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from mlops_nb import encoding, pipelines
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import ConfigError, DeploymentError, UsageError
from mlops_nb.orders import rollout, terms
from mlops_nb.pipelines.arguments import monitoring
from mlops_nb.types import Labels, Span

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from mlops_nb.capture.snapshot import Captured
    from mlops_nb.deployment import SharedLog
    from mlops_nb.settings import Config
    from mlops_nb.types import Deployment, Finding, Revision, Run, RunRequest

_CLUSTER = "kubeflow"
ON_DRIFT = ("nothing", "train", "update")
_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
_LAST = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
# What the notebook's cell says by itself need not be said again.
_SAID = ("session", "argument")


def span(
    *, last: str | None, since: str | None, until: str | None, rows: int | None, now: float
) -> Span:
    """Return which requests are meant.

    Args:
        last: Such as "24h", "30m" or "7d".
        since: A time in ISO 8601; UTC where it names no zone.
        until: Likewise.
        rows: The newest so many.
        now: Seconds since the epoch.

    Raises:
        UsageError: It is none, or says the beginning twice.
    """
    if last is not None and since is not None:
        raise UsageError("a window has one beginning", hint="give --last or --since, not both")
    if rows is not None and rows < 1:
        raise UsageError(f"a window of {rows} rows is none", hint="such as: --rows 2000")
    begin = now - _seconds(last) if last is not None else _moment("--since", since)
    end = _moment("--until", until)
    if begin is not None and end is not None and begin >= end:
        raise UsageError("the window ends before it begins", hint="give --until a later time")
    return Span(since=begin, until=end, rows=rows)


@dataclass(frozen=True)
class Watched:
    """A revision that is looked at.

    Attributes:
        deployment: The deployment.
        revision: The revision that most of its requests go to.
        log: Where pods find its inference log; None where that is on this machine.
    """

    deployment: Deployment
    revision: Revision
    log: SharedLog | None


def find(name: str, backend: str | None, config: Config) -> Watched:
    """Find what is to be looked at, where its inference log is.

    Args:
        name: The deployment.
        backend: Where somebody wants the run to go; where the log is if None.
        config: The project's settings.

    Raises:
        DeploymentError: There is none of the name, it serves nothing, or its log is elsewhere.
        ConfigError: Pods of a monitoring run do not mount the volume of the log.
    """
    target = rollout.target_of(name, config)
    deployment = target.get(name)
    revision = _serving(deployment)
    log = target.shared_log(name, revision.number)
    if log is None:
        target.requests(name, revision.number)
        if backend == _CLUSTER:
            raise DeploymentError(
                f"the inference log of {name} is on this machine, where no pod sees it",
                hint="look at it here: --backend local; or deploy it to KServe with "
                "kserve.log_claim in the descriptor",
            )
    elif not config.on_cluster:
        raise DeploymentError(
            f"the inference log of {name} is on the claim {log.claim}, which pods alone see",
            hint="let pods look at it: --backend kubeflow",
        )
    elif log.claim != config.kubeflow_volume_claim:
        mounted = config.kubeflow_volume_claim or "none"
        raise ConfigError(
            f"the inference log of {name} is on the claim {log.claim}, and pods of a run mount "
            f"{mounted}",
            hint=f'set kubeflow.volume_claim = "{log.claim}" in mlops.toml',
        )
    return Watched(deployment, revision, log)


def request(
    watched: Watched,
    wanted: Span,
    config: Config,
    run_of: Callable[[str], Run],
    captured: Captured,
    reached: tuple[Finding, ...],
    *,
    reference: str | None,
    on_drift: str,
    follow: list[str],
    run_id: str,
    created_at: str,
) -> RunRequest:
    """Return the request of a monitoring run.

    Args:
        watched: What is looked at.
        wanted: Which requests.
        config: The project's settings.
        run_of: Returns the training run of an id or of its beginning.
        captured: What was pinned for it.
        reached: What is to be said of its reach.
        reference: The run whose data the window is compared with; the model's own if None.
        on_drift: What follows drift.
        follow: The words of that verb.
        run_id: The new run's id.
        created_at: ISO 8601, UTC.
    """
    arguments = monitoring.arguments(
        watched.deployment,
        watched.revision,
        wanted,
        config,
        pins=captured.snapshot,
        reference=run_of(reference).id if reference else "",
        on_drift=on_drift,
        follow=follow,
        log=watched.log,
    )
    return terms.request(
        pipelines.MONITORING,
        config,
        captured.snapshot,
        arguments,
        run_id=run_id,
        created_at=created_at,
        findings=(*captured.findings, *reached),
        # It runs no code of the project.
        rebuild=False,
    )


def label(name: str, labels: Mapping[str, Any], config: Config) -> Labels:
    """Add labels to the inference logs of all revisions of a deployment.

    Raises:
        DeploymentError: There is none of the name, or its log is elsewhere.
    """
    from mlops_nb.monitoring import labelling
    from mlops_nb.serving import inference_log

    target = rollout.target_of(name, config)
    folders = [target.requests(name, r.number).folder for r in target.get(name).revisions]
    known: set[str] = set()
    for folder in folders:
        mine = inference_log.ids(folder) & labels.keys()
        known |= mine
        labelling.label(folder, {id_: labels[id_] for id_ in labels if id_ in mine})
    unknown = {id_: told for id_, told in labels.items() if id_ not in known}
    if unknown and folders:
        # The log is written by a thread of its own, and may not have them yet.
        labelling.label(folders[0], unknown)
    return Labels(told=len(labels), unknown=len(unknown))


def _serving(deployment: Deployment) -> Revision:
    revision = deployment.serving
    if revision is None:
        raise DeploymentError(
            f"no revision of {deployment.name} has any traffic",
            hint=f"see how it is: jupyter mlops deployments {deployment.name}",
        )
    return revision


def follow(
    on_drift: str, revision: Revision, config: Config, run_of: Callable[[str], Run]
) -> list[str]:
    """Return the words of the verb that follows drift."""
    if on_drift not in ON_DRIFT:
        raise UsageError(
            f"what follows drift is {on_drift!r}", hint=f"it is one of {', '.join(ON_DRIFT)}"
        )
    if on_drift == ON_DRIFT[0]:
        return []
    if config.on_cluster:
        raise UsageError(
            f"a pod has no project that it could start {on_drift} in",
            hint=f"leave out --on-drift, and start it when you are told: jupyter mlops {on_drift}",
        )
    if revision.origin.run_id is None:
        raise UsageError(
            f"no run of ours has trained the model of revision {revision.number}",
            hint="train it by a notebook, or say --on-drift nothing",
        )
    pins = run_of(revision.origin.run_id).snapshot
    said = [p for p in pins.hyperparameters if p.source in _SAID]
    words = [f"{p.name}={_typed(p.value)}" for p in said]
    place = Repository.find(config.root).root / pins.notebook
    parent = ["--parent", revision.origin.run_id] if on_drift == "update" else []
    return [str(place), *parent, *(word for text in words for word in ("--param", text))]


def _typed(value: Any) -> str:
    return value if isinstance(value, str) else encoding.plain(value)


def _seconds(last: str) -> float:
    match = _LAST.fullmatch(last)
    if match is None:
        raise UsageError(f"{last!r} is no length of time", hint="such as 24h, 30m or 7d")
    return float(match[1]) * _UNITS_S[match[2]]


def _moment(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise UsageError(
            f"{option} {text} is no time", hint="such as 2025-03-01T12:00:00+00:00"
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=timezone.utc)).timestamp()
