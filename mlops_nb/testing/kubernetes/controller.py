"""KServe's controller: it makes pods of services, moves the traffic, and reports the status."""

from __future__ import annotations

import copy
import random
from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubernetes.pods import Pod
from mlops_nb.testing.kubernetes.store import MODE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops_nb.testing.kubernetes.store import Store

KIND = "InferenceService"
STOP = "serving.kserve.io/stop"
_ALL = 100
# What is changed without new pods.
_ROUTING = ("canaryTrafficPercent", "minReplicas", "maxReplicas")


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
        # The last revision that had all requests, and the one before it.
        self.rolled: str | None = None
        self.before: str | None = None

    def revision(self, name: str | None) -> _Revision | None:
        return next((one for one in self.revisions if one.name == name), None)


class Controller:
    """Brings pods and status to what is asked, one step at a time.

    Args:
        store: The objects.
        folder: Where the pods' output is.
        images: Command of each image that can be pulled.
        secrets: Secrets of the namespace.
    """

    def __init__(
        self,
        store: Store,
        folder: Path,
        images: Mapping[str, Sequence[str]],
        secrets: Mapping[str, Mapping[str, str]],
    ) -> None:
        self.store, self.folder, self.images, self.secrets = store, folder, images, secrets
        self._services: dict[str, _Service] = {}
        self._pods = 0

    def step(self) -> None:
        """Do what is due for every service."""
        wanted = {one["metadata"]["name"]: one for one in self.store.list(KIND, {})}
        for name in set(self._services) - set(wanted):
            self._end(self._services.pop(name).revisions)
        for name, service in wanted.items():
            self._reconcile(service, self._services.setdefault(name, _Service()))

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
            status = self.store.get(KIND, name).get("status", {})
            parts = status.get("components", {}).get("predictor", {}).get("traffic", [])
            found = [(service.revision(one["revisionName"]), one["percent"]) for one in parts]
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
            service.revisions = []
            self._say(wanted, service, [], stopped=True)
            return
        predictor = wanted["spec"]["predictor"]
        latest = service.revisions[-1] if service.revisions else None
        if latest is None or _template(latest.predictor) != _template(predictor):
            # One with an older one's template is a new one for all that, as in Knative.
            latest = self._revise(metadata["name"], predictor, service)
        for one in service.revisions:
            one.pod.step()
            one.was_ready = one.was_ready or one.ready
            self.store.put("Pod", one.pod.object(self.store.namespace))
        raw = metadata.get("annotations", {}).get(MODE) == "RawDeployment"
        parts = _traffic(service, latest, None if raw else predictor.get("canaryTrafficPercent"))
        kept = {name for name, _ in parts} | {latest.name}
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
        parts: list[tuple[str, int]],
        *,
        stopped: bool,
    ) -> None:
        name, namespace = wanted["metadata"]["name"], self.store.namespace
        latest = service.revisions[-1] if service.revisions else None
        ready = latest is not None and latest.ready and bool(parts)
        waiting = latest.pod.waiting if latest is not None else None
        condition = {"type": "Ready", "status": "True" if ready else "Unknown"}
        if stopped:
            condition |= {"status": "False", "reason": "Stopped", "message": "Service is stopped"}
        elif latest is not None and latest.pod.last is not None and not ready:
            condition |= {"status": "False", "reason": "RevisionFailed"}
        elif waiting is not None:
            condition |= {"reason": waiting["reason"]}
        predictor: dict[str, Any] = {
            "traffic": [{"revisionName": n, "percent": p} for n, p in parts]
        }
        if latest is not None:
            predictor["latestCreatedRevision"] = latest.name
            known = [one.name for one in service.revisions if one.was_ready]
            predictor |= {"latestReadyRevision": known[-1]} if known else {}
            predictor |= {"latestRolledoutRevision": service.rolled} if service.rolled else {}
        status: dict[str, Any] = {
            "observedGeneration": wanted["metadata"]["generation"],
            "conditions": [condition],
            "components": {"predictor": predictor},
        }
        if parts:
            status["url"] = f"http://{name}.{namespace}.example.com"
            status["address"] = {"url": f"http://{name}.{namespace}.svc.cluster.local"}
        self.store.say(KIND, name, status)


def _template(predictor: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in predictor.items() if name not in _ROUTING}


def _traffic(service: _Service, latest: _Revision, canary: int | None) -> list[tuple[str, int]]:
    """Return the parts: nothing moves to a revision that is not ready."""
    # The latest one is its own canary where it had all before: then the one before has the rest.
    other = service.before if service.rolled == latest.name else service.rolled
    old = service.revision(other)
    if not latest.was_ready:
        return [(old.name, _ALL)] if old is not None else []
    if canary is None or canary == _ALL or old is None:
        if service.rolled != latest.name:
            service.before, service.rolled = service.rolled, latest.name
        return [(latest.name, _ALL)]
    return [(latest.name, canary), (old.name, _ALL - canary)]
