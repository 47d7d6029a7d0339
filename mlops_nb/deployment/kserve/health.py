"""How an InferenceService is: whether it serves what was applied, and what its pods complain of.

Its `observedGeneration` is no help: KServe puts in that of the Knative service or the Deployment
behind it, which counts by itself.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_nb.deployment.kserve.cluster import PODS, SERVICES
from mlops_nb.exceptions import DeploymentError
from mlops_nb.journal import Preparing, emit

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.deployment.kserve.cluster import Cluster

_FIRST_LOOK_S, _LOOK_S = 0.1, 1.0
_LINES = 20
_LABEL = "serving.kserve.io/inferenceservice"
# What a pod waits for and will not get by itself.
_HOPELESS = (
    *("ImagePullBackOff", "ErrImagePull", "InvalidImageName", "ErrImageNeverPull"),
    *(
        "CreateContainerConfigError",
        "CreateContainerError",
        "CrashLoopBackOff",
        "RunContainerError",
    ),
)
_HINTS = {
    "ImagePullBackOff": "see container.registry, and kserve.pull_secrets for a private one",
    "ErrImagePull": "see container.registry, and kserve.pull_secrets for a private one",
    "CreateContainerConfigError": "see that the secrets of the descriptor are in the namespace",
    "OOMKilled": "raise resources.memory",
    "Unschedulable": "ask for less under resources, or see kserve.node_selector, tolerations and "
    "log_claim",
}


class Complaint(NamedTuple):
    """What a pod has: the reason as Kubernetes has it, its words, and whether waiting helps."""

    reason: str
    message: str
    is_final: bool


def args_of(service: dict[str, Any]) -> list[str]:
    """Return the command line that a service was given."""
    return list(service["spec"]["predictor"]["containers"][0]["args"])


def number_of(service: dict[str, Any]) -> int:
    """Return which revision a service is."""
    given = args_of(service)
    return int(given[given.index("--revision") + 1])


def created(service: dict[str, Any]) -> str:
    """Return the newest revision as Knative calls it, "" in raw mode."""
    return str(_reported(service).get("latestCreatedRevision") or "")


def mode_of(service: dict[str, Any] | None) -> str:
    """Return what the server calls the mode of a service, "" where it says nothing yet."""
    return str(service.get("status", {}).get("deploymentMode") or "") if service else ""


def is_ending(service: dict[str, Any]) -> bool:
    """Return whether a service is being deleted."""
    return "deletionTimestamp" in service["metadata"]


def is_ready(service: dict[str, Any]) -> bool:
    """Return whether a service answers with the newest of its revisions."""
    newest = created(service)
    if newest and newest != _reported(service).get("latestReadyRevision"):
        return False
    return condition(service, "Ready").get("status") == "True"


def condition(service: dict[str, Any], kind: str) -> dict[str, str]:
    """Return a condition of a service, {} where it has none of the kind."""
    found = service.get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == kind), {})


def wait(cluster: Cluster, name: str, seconds: float, *, replaced: str = "") -> dict[str, Any]:
    """Wait until a service is ready as it was applied last, and return it.

    Args:
        cluster: Where it is.
        name: The service.
        seconds: How long to wait.
        replaced: The newest revision as Knative called it before the change, "" where what is
            applied makes no new one.

    Raises:
        DeploymentError: It does not become ready; the message has the pod's own error.
    """
    deadline = time.monotonic() + seconds
    told = ""
    pauses = _pauses()
    while True:
        service = cluster.get(SERVICES, name)
        if service is None or is_ending(service):
            raise DeploymentError(f"{name} was deleted meanwhile", hint="deploy again")
        every = _live(cluster, name)
        pods = [pod for pod in every if _runs(pod, service)]
        # A status may be older than what was applied.
        if (not replaced or created(service) != replaced) and _serves(service, pods, every):
            return service
        complaint = next(filter(None, map(complaint_of, pods)), None)
        if complaint is not None and (complaint.is_final or time.monotonic() > deadline):
            raise _failure(cluster, name, pods, complaint)
        if time.monotonic() > deadline:
            raise _late(cluster, name, service, pods, seconds)
        now = complaint.reason if complaint else condition(service, "Ready").get("reason", "")
        if now and now != told:
            told = now
            emit(Preparing(what=f"{name}: {now}"))
        time.sleep(next(pauses))


def wait_gone(cluster: Cluster, name: str, seconds: float) -> None:
    """Wait until a service that is being deleted has ended its pods.

    Raises:
        DeploymentError: It has not after that time.
    """
    deadline = time.monotonic() + seconds
    pauses = _pauses()
    while (service := cluster.get(SERVICES, name)) is not None and is_ending(service):
        if time.monotonic() > deadline:
            raise DeploymentError(
                f"{name} is being deleted, and is still there after {seconds:g} s",
                hint=f"kubectl describe inferenceservice {name}",
            )
        time.sleep(next(pauses))


def wait_empty(cluster: Cluster, name: str, seconds: float) -> None:
    """Wait until a service that was stopped has no pods.

    Raises:
        DeploymentError: It has some after that time.
    """
    deadline = time.monotonic() + seconds
    pauses = _pauses()
    while _live(cluster, name):
        if time.monotonic() > deadline:
            raise DeploymentError(
                f"{name} was stopped, and has pods still after {seconds:g} s",
                hint="KServe before 0.16 does not stop services: undeploy it without --keep",
            )
        time.sleep(next(pauses))


def pods_of(cluster: Cluster, service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pods of a service that run what it was given, newest first."""
    return [pod for pod in _live(cluster, service["metadata"]["name"]) if _runs(pod, service)]


def complaint_of(pod: dict[str, Any]) -> Complaint | None:
    """Return what keeps a pod from being ready, None where it only takes its time."""
    status = pod.get("status", {})
    containers = (*status.get("initContainerStatuses", []), *status.get("containerStatuses", []))
    for one in containers:
        if one.get("ready"):
            continue
        ended = one.get("lastState", {}).get("terminated") or one["state"].get("terminated")
        # What prepares a pod ends well with 0.
        if ended and ended.get("exitCode") != 0:
            code = ended.get("exitCode")
            reason = ended.get("reason", "Error")
            return Complaint(reason, f"it ended with exit code {code} ({reason})", is_final=True)
        waiting = one["state"].get("waiting", {})
        if waiting.get("reason") in _HOPELESS:
            reason = waiting["reason"]
            said = waiting.get("message") or "no more is said"
            return Complaint(reason, f"{reason}: {said}", is_final=True)
    for one in status.get("conditions", []):
        if one["type"] == "PodScheduled" and one["status"] == "False":
            reason = one.get("reason", "Unschedulable")
            # Nodes may be on their way.
            return Complaint(reason, f"{reason}: {one.get('message', '')}", is_final=False)
    return None


def _args(container: dict[str, Any]) -> list[str]:
    found: list[str] = container.get("args", [])
    return found


def _pauses() -> Iterator[float]:
    """Yield how long to wait between looks: shortly at first, for what is there already."""
    pause_s = _FIRST_LOOK_S
    while True:
        yield pause_s
        pause_s = min(pause_s * 1.5, _LOOK_S)


def _reported(service: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service.get("status", {}).get("components", {}).get("predictor", {})
    return found


def _live(cluster: Cluster, name: str) -> list[dict[str, Any]]:
    """Return the pods of a service that are not being ended, newest first."""
    pods = [pod for pod in cluster.list(PODS, {_LABEL: name}) if not is_ending(pod)]
    return sorted(pods, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)


def _runs(pod: dict[str, Any], service: dict[str, Any]) -> bool:
    return args_of(service) in map(_args, pod["spec"]["containers"])


def _serves(
    service: dict[str, Any], pods: list[dict[str, Any]], every: list[dict[str, Any]]
) -> bool:
    """Return whether a service is as it was applied, given its pods of now and all of its pods."""
    if not is_ready(service) or not _is_routed(service):
        return False
    if not created(service) and len(pods) < len(every):
        # A Deployment still answers with old pods beside the new ones.
        return False
    return any(map(_is_ready, pods)) or _may_sleep(service, pods)


def _is_routed(service: dict[str, Any]) -> bool:
    """Return whether the newest revision has the part that was applied; raw mode has no parts."""
    parts = _reported(service).get("traffic")
    if not parts:
        return True
    wanted = service["spec"]["predictor"].get("canaryTrafficPercent", 100)
    return sum(one.get("percent") or 0 for one in parts if one.get("latestRevision")) == int(wanted)


def _may_sleep(service: dict[str, Any], pods: list[dict[str, Any]]) -> bool:
    return not pods and service["spec"]["predictor"]["minReplicas"] == 0


def _is_ready(pod: dict[str, Any]) -> bool:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    return bool(statuses) and all(one.get("ready") for one in statuses)


def _failure(
    cluster: Cluster, name: str, pods: list[dict[str, Any]], complaint: Complaint
) -> DeploymentError:
    log = _log(cluster, pods)
    return DeploymentError(
        "\n".join([f"{name}: {complaint.message}", *log]),
        hint=_HINTS.get(complaint.reason, f"kubectl describe inferenceservice {name}"),
    )


def _late(
    cluster: Cluster, name: str, service: dict[str, Any], pods: list[dict[str, Any]], seconds: float
) -> DeploymentError:
    said = condition(service, "Ready").get("message") or "no more is said"
    return DeploymentError(
        "\n".join([f"{name} was not ready after {seconds:g} s: {said}", *_log(cluster, pods)]),
        hint="raise service.start_s, if it only takes long",
    )


def _log(cluster: Cluster, pods: list[dict[str, Any]]) -> list[str]:
    for pod in pods:
        name = pod["metadata"]["name"]
        text = cluster.log(name, lines=_LINES, previous=True) or cluster.log(name, lines=_LINES)
        if text:
            return text.splitlines()[-_LINES:]
    return []
