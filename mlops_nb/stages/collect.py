"""Stage: count a window of the requests that a revision has answered."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding
from mlops_nb.deployment import Requests, targets
from mlops_nb.deployment.building import PACKAGES
from mlops_nb.exceptions import DeploymentError, StageError
from mlops_nb.monitoring import health, reference, windows
from mlops_nb.settings import Config
from mlops_nb.stages import volume as volumes
from mlops_nb.tracking.store import Store
from mlops_nb.types import Profile, Span, Window

if TYPE_CHECKING:
    from mlops_nb.deployment import Target

# What the later stages of a monitoring run read, in a folder of the volume.
WINDOW, PAIRS, PROFILE = "window.json", "pairs.json", "profile.json"


def run(
    *, volume: str, deployment: str, target: str, revision: str, package: str, origin: str,
    reference_run: str, span: str, tracking_uri: str, project: str, settings: str,
    log: str, sample: str, snapshot: str,
) -> dict[str, str]:  # fmt: skip
    """Read the inference log and count it in the bins of the reference.

    Args:
        volume: What the stages of the run share.
        deployment: Its name.
        target: Where it is served.
        revision: Number of the revision whose requests are looked at.
        package: Digest of its package, which has the reference.
        origin: The run that trained its model, "" for one from elsewhere.
        reference_run: A run whose reference is to be taken instead, "" for the model's own.
        span: Which requests, as JSON.
        tracking_uri: Where MLflow keeps the references of runs.
        project: The project's folder.
        settings: JSON object of the settings that targets need.
        log: Place of the log in the volume, for a pod; "" where the target knows it.
        sample: Part of the requests that such a log has.
        snapshot: Has the environment that a pod works in.

    Returns:
        `window`, the place of the counts in the volume.

    Raises:
        DeploymentError: The log is not on this machine.
        StageError: It is not on the volume.
    """
    store = Store(tracking_uri)
    served, profile = None, None
    if log:
        requests = Requests(_existing(volume, log), float(sample))
    else:
        config = Config.given(Path(project), encoding.loads(settings))
        served = targets.target(config, target)
        profile = _own(config, package) if not reference_run else None
        requests = served.requests(deployment, int(revision))
    if profile is None and (reference_run or origin):
        profile = reference.of_run(store, reference_run or origin)
    window, pairs = windows.collect(
        requests.folder,
        profile or Profile(dataset="", rows=0),
        msgspec.convert(encoding.loads(span), Span),
        deployment=deployment,
        revision=int(revision),
    )
    window = _with_health(served, window, requests.sample)
    print(f"{window.rows:,} rows of {window.health.requests:,} requests")
    place = f"windows/{os.environ.get(volumes.KFP_RUN_ID) or 'local'}"
    folder = volumes.folder(volume) / place
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WINDOW).write_bytes(msgspec.json.encode(window))
    (folder / PAIRS).write_bytes(msgspec.json.encode(pairs))
    if profile is not None:
        (folder / PROFILE).write_bytes(msgspec.json.encode(profile))
    return {"window": place}


def _existing(volume: str, log: str) -> Path:
    folder = volumes.folder(volume) / log
    if not folder.is_dir():
        raise StageError(
            f"there is no inference log at {log} in the volume",
            hint="nothing was asked yet, or service and monitoring mount different claims: "
            "kserve.log_claim in the descriptor, kubeflow.volume_claim in mlops.toml",
        )
    return folder


def _own(config: Config, package: str) -> Profile | None:
    return reference.of_package(config.state_folder / PACKAGES / package)


def _with_health(target: Target | None, window: Window, sample: float) -> Window:
    found = msgspec.structs.replace(window.health, rate=window.health.rate / (sample or 1.0))
    if target is None:
        # A pod knows no cluster: what its log says is what there is.
        return msgspec.structs.replace(window, health=found)
    try:
        endpoint = target.endpoint(window.deployment, window.revision)
    except DeploymentError as error:
        # Its log is there all the same.
        print(f"no metrics: {error.message}")
        return msgspec.structs.replace(window, health=found)
    return msgspec.structs.replace(window, health=health.asked(endpoint, found))
