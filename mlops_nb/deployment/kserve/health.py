"""How an InferenceService is: whether it serves what was applied, and what its pods complain of."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_nb.deployment.kserve.cluster import PODS, SERVICES
from mlops_nb.exceptions import DeploymentError
from mlops_nb.journal import Preparing, emit

if TYPE_CHECKING:
    from mlops_nb.deployment.kserve.cluster import Cluster

_LOOK_S = 1.0
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
    "Unschedulable": "ask for less under resources, or see kserve.node_selector and tolerations",
}


class Complaint(NamedTuple):
    """What a pod has: the reason as Kubernetes has it, its words, and whether waiting helps."""

    reason: str
    message: str
    is_final: bool


def args_of(service: dict[str, Any]) -> list[str]:
    """Return the command line that a service was given."""
    found: list[str] = service["spec"]["predictor"]["containers"][0]["args"]
    return found


def number_of(service: dict[str, Any]) -> int:
    """Return which revision a service is."""
    given = args_of(service)
    return int(given[given.index("--revision") + 1])


def is_ready(service: dict[str, Any]) -> bool:
    """Return whether a service answers, as it was applied last."""
    status = service.get("status", {})
    generation = service["metadata"].get("generation", 0)
    if status.get("observedGeneration", generation) < generation:
        return False
    predictor = status.get("components", {}).get("predictor", {})
    created = predictor.get("latestCreatedRevision")
    if created is not None and created != predictor.get("latestReadyRevision"):
        return False
    return condition(service, "Ready").get("status") == "True"


def condition(service: dict[str, Any], kind: str) -> dict[str, str]:
    """Return a condition of a service, {} where it has none of the kind."""
    found = service.get("status", {}).get("conditions", [])
    return next((one for one in found if one["type"] == kind), {})


def wait(cluster: Cluster, name: str, seconds: float) -> dict[str, Any]:
    """Wait until a service is ready as it was applied last, and return it.

    Raises:
        DeploymentError: It does not become ready; the message has the pod's own error.
    """
    deadline = time.monotonic() + seconds
    told = ""
    while True:
        service = cluster.get(SERVICES, name)
        if service is None:
            raise DeploymentError(f"{name} was deleted meanwhile", hint="deploy again")
        pods = pods_of(cluster, service)
        if is_ready(service) and (any(map(_is_ready, pods)) or _may_sleep(service, pods)):
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
        time.sleep(_LOOK_S)


def pods_of(cluster: Cluster, service: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the pods of a service that run what it was given, newest first."""
    wanted = args_of(service)
    pods = cluster.list(PODS, {_LABEL: service["metadata"]["name"]})
    mine = [pod for pod in pods if wanted in map(_args, pod["spec"]["containers"])]
    return sorted(mine, key=lambda pod: str(pod["metadata"]["creationTimestamp"]), reverse=True)


def complaint_of(pod: dict[str, Any]) -> Complaint | None:
    """Return what keeps a pod from being ready, None where it only takes its time."""
    status = pod.get("status", {})
    for one in status.get("containerStatuses", []):
        ended = one.get("lastState", {}).get("terminated") or one["state"].get("terminated")
        if ended:
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
