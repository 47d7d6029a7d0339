"""The monitoring pipeline's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.pipelines.arguments import pins as pinned
from mlops_nb.pipelines.arguments import plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_nb.deployment import SharedLog
    from mlops_nb.settings import Config
    from mlops_nb.types import Deployment, Revision, Snapshot, Span


def arguments(
    deployment: Deployment,
    revision: Revision,
    span: Span,
    config: Config,
    *,
    pins: Snapshot,
    reference: str,
    on_drift: str,
    follow: Sequence[str],
    log: SharedLog | None,
) -> dict[str, str]:
    """Return the monitoring pipeline's parameters.

    Args:
        deployment: The deployment.
        revision: The revision whose requests are looked at.
        span: Which requests.
        config: The settings, of which the targets' go along.
        pins: What was pinned for this run.
        reference: The run whose reference is taken, "" for the model's own.
        on_drift: What follows drift.
        follow: The words of that verb.
        log: Where pods find the log; None for a run on this machine.
    """
    here = {"project": str(config.root), "settings": config.for_targets} if log is None else {}
    return {
        "deployment": deployment.name,
        "target": deployment.target,
        "revision": str(revision.number),
        "package": revision.package,
        "origin": revision.origin.run_id or "",
        "reference_run": reference,
        "span": encoding.dumps(plain(span), name="the window"),
        "on_drift": on_drift,
        "follow": encoding.dumps(list(follow), name="what follows drift"),
        "tracking_uri": config.resolved_tracking_uri,
        "experiment": f"{config.experiment} monitoring",
        "run_id": pins.code.pinned_for,
        "snapshot": encoding.dumps(pinned(pins), name="the snapshot's records"),
        "project": str(here.get("project", "")),
        "settings": encoding.dumps(here.get("settings", {}), name="the settings of targets"),
        "log": log.place if log is not None else "",
        "sample": f"{log.sample:g}" if log is not None else "1",
    }
