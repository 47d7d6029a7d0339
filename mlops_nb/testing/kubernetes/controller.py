"""KServe's controller: it makes pods of services, moves the traffic, and reports the status."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubernetes.pods import Pod
from mlops_nb.testing.kubernetes.store import MODE, RAW

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_nb.testing.kubernetes.store import Store

KIND = "InferenceService"
STOP = "serving.kserve.io/stop"
_ALL = 100
# What is changed without new pods.
_ROUTING = ("canaryTrafficPercent",)


class _Revision:
    """A version of what a service runs, with its pod."""

    def __init__(self, name: str, predictor: dict[str, Any], pod: Pod) -> None:
        self.name, self.predictor, self.pod = name, predictor, pod
        self.was_ready = False

    @property
    def ready(self) -> bool:
        return self.pod.ready


class _Service:
    """What the controller knows of one service; oldest revision first."""

    def __init__(self) -> None:
        self.revisions: list[_Revision] = []
        self.made = 0
        # How often the Knative service behind it was changed, which starts anew with that service.
        self.changed = 0
        self.wanted: dict[str, Any] = {}
        self.parts: list[dict[str, Any]] = []
        # The last revision that had all requests, and the one before it.
        self.rolled: str | None = None
        self.before: str | None = None

    @property
    def latest(self) -> _Revision | None:
        """The newest revision."""
        return self.revisions[-1] if self.revisions else None

    @property
    def latest_ready(self) -> _Revision | None:
        """The newest revision that was ever ready: where requests to the latest one go."""
        return next((one for one in reversed(self.revisions) if one.was_ready), None)

    def revision(self, name: str | None) -> _Revision | None:
        return next((one for one in self.revisions if one.name == name), None)


class Controller:
    """Brings pods and status to what is asked, one step at a time.

    Args:
        store: The objects.
        folder: Where the pods' output is.
        images: Command of each image that can be pulled.
        secrets: Secrets of the namespace.
        claims: Folder of each volume claim of the namespace.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        images: Mapping[str, Sequence[str]],
        secrets: Mapping[str, Mapping[str, str]],
        claims: Mapping[str, Path],
    ) -> None:
        self.store, self.folder, self.images, self.secrets = store, folder, images, secrets
        self.claims = claims
        self._services: dict[str, _Service] = {}
        self._pods = 0

    def step(self) -> None:
        """Do what is due for every service."""
        wanted = {one["metadata"]["name"]: one for one in self.store.list(KIND, {})}
        for name in set(self._services) - set(wanted):
            self._end(self._services.pop(name).revisions)
        for name, service in wanted.items():
            if "deletionTimestamp" not in service["metadata"]:
                self._reconcile(service, self._services.setdefault(name, _Service()))
            elif name in self._services:
                # The next step takes it out: whoever looks sees that it ends.
                self._end(self._services.pop(name).revisions)
            else:
                self.store.drop(KIND, name)

    def close(self) -> None:
        """End all pods."""
        for service in self._services.values():
            self._end(service.revisions)
        self._services.clear()

    def port(self, host: str) -> int | None:
        """Return where a request for a host goes, by the traffic; None where nothing answers."""
        name = host.partition(".")[0]
        with self.store.lock:
            service = self._services.get(name)
            if service is None:
                return None
            found = [
                (service.revision(one["revisionName"]), one["percent"]) for one in service.parts
            ]
            ready = [(one, percent) for one, percent in found if one is not None and one.ready]
            if not sum(percent for _, percent in ready):
                return None
            chosen = random.choices(  # noqa: S311  (no secret)
                [one for one, _ in ready], [percent for _, percent in ready]
            )
            return chosen[0].pod.port

    def pod(self, name: str) -> Pod | None:
        """Return the pod of a name."""
        with self.store.lock:
            known = [one.pod for s in self._services.values() for one in s.revisions]
        return next((pod for pod in known if pod.name == name), None)

    def _reconcile(self, wanted: dict[str, Any], service: _Service) -> None:
        metadata = wanted["metadata"]
        if metadata.get("annotations", {}).get(STOP) == "true":
            self._end(service.revisions)
            service.revisions, service.parts, service.changed, service.wanted = [], [], 0, {}
            self._say(wanted, service, [], stopped=True)
            return
        predictor = wanted["spec"]["predictor"]
        if predictor != service.wanted:
            service.wanted, service.changed = copy.deepcopy(predictor), service.changed + 1
        latest = service.latest
        if latest is None or _template(latest.predictor) != _template(predictor):
            # One with an older one's template is a new one for all that, as in Knative.
            latest = self._revise(metadata["name"], predictor, service)
        for one in service.revisions:
            one.pod.step()
            one.was_ready = one.was_ready or one.ready
            self.store.put("Pod", one.pod.object(self.store.namespace))
        raw = metadata.get("annotations", {}).get(MODE) in RAW
        parts = _traffic(service, None if raw else predictor.get("canaryTrafficPercent"))
        service.parts = parts
        kept = {one["revisionName"] for one in parts} | {latest.name}
        idle = [one for one in service.revisions if one.name not in kept]
        self._end(idle)
        service.revisions = [one for one in service.revisions if one not in idle]
        self._say(wanted, service, parts, stopped=False)

    def _revise(self, name: str, predictor: dict[str, Any], service: _Service) -> _Revision:
        service.made += 1
        self._pods += 1
        revision = f"{name}-predictor-{service.made:05d}"
        pod = Pod(
            f"{revision}-{self._pods:05x}",
            name,
            copy.deepcopy(predictor),
            images=self.images,
            secrets=self.secrets,
            claims=self.claims,
            log=self.folder / f"{revision}-{self._pods:05x}.log",
        )
        made = _Revision(revision, copy.deepcopy(predictor), pod)
        service.revisions.append(made)
        return made

    def _end(self, revisions: list[_Revision]) -> None:
        for one in revisions:
            one.pod.stop()
            self.store.drop("Pod", one.pod.name)

    def _say(
        self,
        wanted: dict[str, Any],
        service: _Service,
        parts: list[dict[str, Any]],
        *,
        stopped: bool,
    ) -> None:
        name, namespace = wanted["metadata"]["name"], self.store.namespace
        annotations = wanted["metadata"].get("annotations", {})
        latest = service.latest
        ready = latest is not None and latest.ready and bool(parts)
        waiting = latest.pod.waiting if latest is not None else None
        condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
        if stopped:
            condition |= {"status": "False", "reason": "Stopped", "message": "Service is stopped"}
        elif latest is not None and latest.pod.last is not None and not ready:
            condition |= {"status": "False", "reason": "RevisionFailed"}
        elif waiting is not None:
            condition |= {"reason": waiting["reason"]}
        raw = annotations.get(MODE) in RAW
        status: dict[str, Any] = {
            # That of what KServe has made of it, as in KServe.
            "observedGeneration": service.changed,
            "deploymentMode": self.store.mode(annotations),
            "conditions": [condition],
            "components": {"predictor": {} if raw else _component(service, parts)},
        }
        if parts:
            status["url"] = f"http://{name}.{namespace}.example.com"
            status["address"] = {"url": f"http://{name}.{namespace}.svc.cluster.local"}
        self.store.say(KIND, name, status)


def _template(predictor: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in predictor.items() if name not in _ROUTING}


def _component(service: _Service, parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return what the status says of the predictor."""
    latest, ready = service.latest, service.latest_ready
    said: dict[str, Any] = {"traffic": parts}
    said |= {"latestCreatedRevision": latest.name} if latest else {}
    said |= {"latestReadyRevision": ready.name} if ready else {}
    said |= {"latestRolledoutRevision": service.rolled} if service.rolled else {}
    return said


def _traffic(service: _Service, canary: int | None) -> list[dict[str, Any]]:
    """Return the parts as Knative has them: "latest" is the newest revision that was ever ready.

    A canary that has had all requests is rolled back where it is the newest revision still, and
    the rest goes to the one before it.
    """
    target = service.latest_ready
    if target is None:
        return []
    is_newest = target is service.latest
    other = service.before if is_newest and service.rolled == target.name else service.rolled
    old = service.revision(other)
    if canary is None or canary == _ALL or old is None:
        if service.rolled != target.name:
            service.before, service.rolled = service.rolled, target.name
        return [_part(target.name, _ALL, latest=True)]
    return [_part(target.name, canary, latest=True), _part(old.name, _ALL - canary, latest=False)]


def _part(revision: str, percent: int, *, latest: bool) -> dict[str, Any]:
    tag = {} if latest else {"tag": "prev"}
    return {"revisionName": revision, "percent": percent, "latestRevision": latest, **tag}
