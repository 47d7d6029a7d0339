"""Deployments on Kubernetes: an InferenceService of KServe for each, and one for its candidate.

A new revision starts as a service of its own without anybody's requests. Once it is verified the
deployment's service is changed to it, and KServe lets the old pods serve until the new ones do.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from msgspec import structs

from mlops_nb.deployment import Endpoint, Requests, SharedLog, log_place
from mlops_nb.deployment.kserve import claim, health, manifest, records
from mlops_nb.deployment.kserve.cluster import SERVICES, Cluster
from mlops_nb.deployment.kserve.records import Kept, KeptRevision
from mlops_nb.exceptions import AbsentDeploymentError, DeploymentError, UsageError
from mlops_nb.types import Deployment, DeploymentState, Failure, Revision, RevisionState

if TYPE_CHECKING:
    import builtins
    from contextlib import AbstractContextManager

    from mlops_nb.deployment import Built
    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.settings import Config
    from mlops_nb.types import Origin, Traffic

NAME = "kserve"
KEPT = 3
_CANDIDATE = "-candidate"
_ALL = 100
_LOG_LINES = 1000
# What it may take to end a pod, beside what its requests may take.
_ENDING_S = 60
# A label of a name in the DNS, with room for what is put behind it.
_LONGEST = 40


class KServeTarget:
    """Puts revisions up on a cluster.

    Args:
        config: The project's settings; `kserve.*` says which cluster and how.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self._cluster: Cluster | None = None

    @property
    def cluster(self) -> Cluster:
        """The cluster, found when it is first needed."""
        if self._cluster is None:
            self._cluster = Cluster(self.config.kserve_context, self.config.kserve_namespace)
        return self._cluster

    def claim(self, name: str) -> AbstractContextManager[None]:
        """Keep other deploys of the name out for as long as the block lasts."""
        return claim.held(self.cluster, name)

    def check(self, descriptor: Descriptor) -> None:
        """Refuse what cannot be had here, before anything is built."""
        if len(descriptor.name) > _LONGEST or not descriptor.name[:1].isalpha():
            raise UsageError(
                f"{descriptor.name!r} cannot be the name of a service",
                hint=f"it starts with a letter and has {_LONGEST} characters at the most",
            )
        if not self.config.container_registry:
            raise UsageError(
                "a cluster pulls images, and no registry is named for them",
                hint="set container.registry, such as host/team",
            )
        strategy = descriptor.traffic.strategy
        if strategy == "shadow":
            raise _no_shadow()
        if strategy == "canary" and manifest.mode(descriptor, self.config) == manifest.RAW:
            raise _no_canary()
        manifest.service(
            descriptor, self.config, name=descriptor.name, namespace="", number=1, image=""
        )

    def create(self, descriptor: Descriptor, built: Built, origin: Origin) -> Revision:
        """Put a new revision up without traffic and wait until it is ready."""
        if built.image is None:
            raise UsageError("KServe runs images, and none was built", hint="deploy again")
        name = descriptor.name
        kept = records.read(self.cluster, name) or Kept()
        wanted = manifest.mode(descriptor, self.config)
        manifest.mode_name(wanted, health.mode_of(self._service(name)))
        revision = KeptRevision(
            number=kept.last + 1,
            package=built.package,
            image=built.image,
            descriptor=descriptor,
            origin=origin,
            created_at=datetime.now(timezone.utc).isoformat("T", "seconds"),
        )
        proven = tuple(one for one in kept.revisions if self._is_known(name, kept, one.number))
        records.write(
            self.cluster,
            name,
            structs.replace(kept, last=revision.number, revisions=(*proven, revision)),
        )
        try:
            self._put(name + _CANDIDATE, revision, canary=None, candidate=True)
        except BaseException:
            self.discard(name, revision.number)
            raise
        return self.get(name).revision(revision.number)

    def endpoint(self, name: str, number: int | None = None) -> Endpoint:
        """Return where a revision answers without traffic of its own; the deployment if None."""
        service = self._service(name)
        if number is None:
            # Old pods answer while new ones start: it need not be ready as it was applied.
            answers = service is not None and "url" in service.get("status", {})
        else:
            candidate = self._service(name + _CANDIDATE)
            found = [one for one in (candidate, service) if one is not None]
            service = next((one for one in found if health.number_of(one) == number), None)
            answers = service is not None and health.is_ready(service)
        if service is None or not answers:
            what = f"revision {number} of {name}" if number is not None else name
            raise DeploymentError(
                f"{what} is not ready", hint=f"see how it is: jupyter mlops deployments {name}"
            )
        return self._endpoint(service)

    def route(self, name: str, traffic: Traffic) -> Deployment:
        """Give revisions their parts of the traffic, and return once it is so."""
        if traffic.shadow is not None:
            raise _no_shadow()
        kept = self._kept(name)
        service = self._service(name)
        now = self._percent(kept, service)
        asked = {number: percent for number, percent in traffic.percent.items() if percent}
        if asked != now:
            number, canary = self._plan(kept, service, asked)
            revision = kept.revision(number)
            if revision is None:
                raise DeploymentError(
                    f"{name} has no revision {number}", hint=f"jupyter mlops deployments {name}"
                )
            if canary is not None and self._mode(revision) == manifest.RAW:
                raise _no_canary()
            self._change(name, kept, service, revision, canary)
            whole = next((n for n, percent in asked.items() if percent == _ALL), kept.rolled)
            kept = structs.replace(kept, rolled=whole)
        self._retire(name, kept, asked)
        return self.get(name)

    def discard(self, name: str, number: int) -> None:
        """Take a revision down that has no traffic; the deployment too where it was the first."""
        kept = self._kept(name)
        service = self._service(name)
        if self._percent(kept, service).get(number):
            raise DeploymentError(
                f"revision {number} of {name} has traffic",
                hint="give it to another one first: jupyter mlops rollback",
            )
        candidate = self._service(name + _CANDIDATE)
        if candidate is not None and health.number_of(candidate) == number:
            self.cluster.delete(SERVICES, name + _CANDIDATE)
        others = tuple(one for one in kept.revisions if one.number != number)
        if service is None and not others:
            records.forget(self.cluster, name)
        else:
            records.write(self.cluster, name, structs.replace(kept, revisions=others))

    def get(self, name: str) -> Deployment:
        """Return a deployment as it is now."""
        kept = self._kept(name)
        service = self._service(name)
        candidate = self._service(name + _CANDIDATE)
        percent = self._percent(kept, service)
        revisions = tuple(
            Revision(
                number=one.number,
                package=one.package,
                image=one.image,
                origin=one.origin,
                created_at=one.created_at,
                percent=percent.get(one.number, 0),
                state=_state_of(one.number, percent, service, candidate),
            )
            for one in reversed(kept.revisions)
        )
        answers = service is not None and "url" in service.get("status", {})
        place = self._endpoint(service) if service is not None and answers else None
        return Deployment(
            name=name,
            target=NAME,
            state=_state(service, candidate),
            revisions=revisions,
            url=place.url if place else None,
            host=place.headers.get("Host") if place else None,
            error=_error(service),
        )

    def list(self) -> tuple[Deployment, ...]:
        """Return all deployments of the namespace, by name."""
        return tuple(self.get(name) for name in self.names())

    def names(self) -> builtins.list[str]:
        """Return the names of all deployments."""
        return records.names(self.cluster)

    def logs(self, name: str, number: int | None = None, *, last_bytes: int | None = None) -> str:
        """Return what a revision has printed; the one with the most traffic if None."""
        self._kept(name)
        found = [self._service(name), self._service(name + _CANDIDATE)]
        services = [one for one in found if one is not None]
        if number is not None:
            services = [one for one in services if health.number_of(one) == number]
        pods = [pod for one in services for pod in health.pods_of(self.cluster, one)]
        text = self.cluster.log(pods[0]["metadata"]["name"], lines=_LOG_LINES) if pods else ""
        return text if last_bytes is None else text.encode()[-last_bytes:].decode(errors="replace")

    def requests(self, name: str, number: int) -> Requests:
        """Refuse: what a pod logs is not on this machine.

        Raises:
            DeploymentError: Always.
        """
        raise DeploymentError(
            f"the inference log of {name} is in its pods, and not on this machine",
            hint="let pods share it with monitoring: kserve.log_claim in the descriptor; or let "
            "KServe send the requests to a collector: kserve.logger_url",
        )

    def shared_log(self, name: str, number: int) -> SharedLog | None:
        """Return where pods find the log of a revision: on the claim that its descriptor names."""
        kept = self._kept(name)
        found = (one.descriptor for one in kept.revisions if one.number == number)
        descriptor = next(found, None)
        if descriptor is None or not descriptor.kserve.log_claim:
            return None
        sample = descriptor.service.log_sample
        return SharedLog(descriptor.kserve.log_claim, log_place(name, number), sample)

    def start(self, name: str) -> Deployment:
        """Start a deployment again as it was, after a stop."""
        service = self._service(name)
        if service is not None and not _is_stopped(service):
            return self.get(name)
        return self._stop(name, stopped=False)

    def stop(self, name: str) -> Deployment:
        """End all pods; `start` brings back the revision that had all requests last."""
        return self._stop(name, stopped=True)

    def delete(self, name: str) -> None:
        """Take a deployment down with all its revisions."""
        kept = self._kept(name)
        both = (name + _CANDIDATE, name)
        for one in both:
            self.cluster.delete(SERVICES, one)
        drain_s = max((one.descriptor.service.drain_s for one in kept.revisions), default=0.0)
        for one in both:
            health.wait_gone(self.cluster, one, drain_s + _ENDING_S)
        records.forget(self.cluster, name)

    def _kept(self, name: str) -> Kept:
        kept = records.read(self.cluster, name)
        if kept is None:
            raise AbsentDeploymentError(
                f"there is no deployment {name} in the namespace {self.cluster.namespace}",
                hint="see which there are: jupyter mlops deployments",
            )
        return kept

    def _service(self, name: str) -> dict[str, Any] | None:
        """Return a service, None where there is none or it is being deleted."""
        found = self.cluster.get(SERVICES, name)
        return None if found is None or health.is_ending(found) else found

    def _mode(self, revision: KeptRevision) -> str:
        return manifest.mode(revision.descriptor, self.config)

    def _is_known(self, name: str, kept: Kept, number: int) -> bool:
        """Return whether a revision was ever verified: what a killed deploy has left was not."""
        service = self._service(name)
        latest = health.number_of(service) if service else 0
        return number <= max(latest, kept.rolled or 0)

    def _percent(self, kept: Kept, service: dict[str, Any] | None) -> dict[int, int]:
        """Return the traffic by what is applied: of a killed deploy the record is older."""
        if service is None:
            return {}
        number = health.number_of(service)
        canary = service["spec"]["predictor"].get("canaryTrafficPercent")
        if canary is None or kept.rolled in (None, number):
            return {number: _ALL}
        parts = {number: canary, kept.rolled: _ALL - canary}
        return {one: percent for one, percent in parts.items() if percent and one is not None}

    def _plan(
        self, kept: Kept, service: dict[str, Any] | None, asked: dict[int, int]
    ) -> tuple[int, int | None]:
        """Return which revision the service is to be; its part, if another one has the rest."""
        latest = health.number_of(service) if service else None
        if len(asked) == 1:
            (number,) = asked
            back = number == kept.rolled and latest not in (None, number)
            serverless = service is not None and "canaryTrafficPercent" in _predictor(service)
            # The old pods are there still: no new ones have to start for a way back.
            return (latest, 0) if back and serverless and latest is not None else (number, None)
        others = {number: percent for number, percent in asked.items() if number != kept.rolled}
        if kept.rolled not in asked or len(others) != 1:
            raise DeploymentError(
                "KServe shares the traffic between the revision that had all of it and one other",
                hint=f"the one that had all of it is {kept.rolled}",
            )
        ((number, percent),) = others.items()
        return number, percent

    def _change(
        self,
        name: str,
        kept: Kept,
        service: dict[str, Any] | None,
        revision: KeptRevision,
        canary: int | None,
    ) -> None:
        """Change the deployment's service; to what it was, where the new one does not get ready."""
        try:
            if service is not None and self._is_shared(kept, service, revision):
                # Without this the canary of before had all requests until the new pods are ready.
                self._put(name, revision, canary=0)
            self._put(name, revision, canary=canary)
        except BaseException:
            before = kept.revision(health.number_of(service)) if service else None
            if service is None:
                self.cluster.delete(SERVICES, name)
            elif before is not None:
                was = _predictor(service).get("canaryTrafficPercent")
                self.cluster.apply(SERVICES, self._manifest(name, before, canary=was))
            raise

    def _is_shared(self, kept: Kept, service: dict[str, Any], revision: KeptRevision) -> bool:
        """Return whether another revision than a new one is a canary, or was one."""
        latest = health.number_of(service)
        return kept.rolled not in (None, latest) and revision.number != latest

    def _put(
        self, name: str, revision: KeptRevision, *, canary: int | None, candidate: bool = False
    ) -> None:
        seconds = revision.descriptor.service.start_s
        health.wait_gone(self.cluster, name, revision.descriptor.service.drain_s + _ENDING_S)
        before = self._service(name)
        wanted = self._manifest(name, revision, canary=canary, candidate=candidate)
        self.cluster.apply(SERVICES, wanted)
        is_new = before is not None and health.args_of(before) != health.args_of(wanted)
        replaced = health.created(before) if before is not None and is_new else ""
        health.wait(self.cluster, name, seconds, replaced=replaced)

    def _manifest(
        self,
        name: str,
        revision: KeptRevision,
        *,
        canary: int | None,
        stopped: bool = False,
        candidate: bool = False,
    ) -> dict[str, Any]:
        return manifest.service(
            revision.descriptor,
            self.config,
            name=name,
            namespace=self.cluster.namespace,
            number=revision.number,
            image=revision.image,
            canary=canary,
            stopped=stopped,
            candidate=candidate,
            reported_mode=health.mode_of(self._service(name)),
        )

    def _retire(self, name: str, kept: Kept, asked: dict[int, int]) -> None:
        """Take the candidate down that serves now, and forget what is too old for a rollback."""
        candidate = self._service(name + _CANDIDATE)
        if candidate is not None and health.number_of(candidate) in asked:
            self.cluster.delete(SERVICES, name + _CANDIDATE)
        latest = health.number_of(candidate) if candidate else None
        idle = [r.number for r in kept.revisions if r.number not in (*asked, kept.rolled, latest)]
        gone = set(idle[:-KEPT])
        rest = tuple(one for one in kept.revisions if one.number not in gone)
        records.write(self.cluster, name, structs.replace(kept, revisions=rest))

    def _stop(self, name: str, *, stopped: bool) -> Deployment:
        kept = self._kept(name)
        revision = kept.revision(kept.rolled) if kept.rolled is not None else None
        if revision is None:
            raise DeploymentError(f"{name} serves nothing yet", hint="deploy it again")
        # KServe deletes the pods that the rest of a canary's requests would go to.
        body = self._manifest(name, revision, canary=None, stopped=stopped)
        self.cluster.apply(SERVICES, body)
        service = revision.descriptor.service
        if stopped:
            health.wait_empty(self.cluster, name, service.drain_s + _ENDING_S)
        else:
            health.wait(self.cluster, name, service.start_s)
        return self.get(name)

    def _endpoint(self, service: dict[str, Any]) -> Endpoint:
        status = service["status"]
        if self.cluster.inside and status.get("address", {}).get("url"):
            return Endpoint(status["address"]["url"].rstrip("/"), {})
        if self.config.kserve_ingress:
            host = urlsplit(status["url"]).netloc
            return Endpoint(self.config.kserve_ingress.rstrip("/"), {"Host": host})
        return Endpoint(status["url"].rstrip("/"), {})


def _predictor(service: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = service["spec"]["predictor"]
    return found


def _state_of(
    number: int,
    percent: dict[int, int],
    service: dict[str, Any] | None,
    candidate: dict[str, Any] | None,
) -> RevisionState:
    own = next(
        (one for one in (service, candidate) if one and health.number_of(one) == number), None
    )
    if own is None:
        # The rest of a canary is with pods that KServe keeps, and says no more of.
        return RevisionState.READY if percent.get(number) else RevisionState.STOPPED
    if _is_stopped(own):
        return RevisionState.STOPPED
    return RevisionState.READY if health.is_ready(own) else RevisionState.STARTING


def _state(service: dict[str, Any] | None, candidate: dict[str, Any] | None) -> DeploymentState:
    if service is None:
        return DeploymentState.UPDATING
    if _is_stopped(service):
        return DeploymentState.STOPPED
    if health.is_ready(service):
        return DeploymentState.UPDATING if candidate else DeploymentState.READY
    failed = health.condition(service, "Ready").get("status") == "False"
    return DeploymentState.FAILED if failed else DeploymentState.DEGRADED


def _is_stopped(service: dict[str, Any]) -> bool:
    annotations = service["metadata"].get("annotations", {})
    return bool(annotations.get(manifest.STOP) == "true")


def _error(service: dict[str, Any] | None) -> Failure | None:
    ready = health.condition(service, "Ready") if service and not _is_stopped(service) else {}
    if ready.get("status") != "False":
        return None
    said = ready.get("message") or ready.get("reason") or "it is not ready"
    return Failure(type="NotReady", message=said, hint="jupyter mlops logs has what it printed")


def _no_shadow() -> DeploymentError:
    return DeploymentError(
        "KServe sends no copies of requests", hint="use a canary, or the target local"
    )


def _no_canary() -> DeploymentError:
    return DeploymentError(
        "KServe in raw mode gives a revision all requests or none",
        hint='set kserve.mode to "serverless" for a canary, or replace the revision',
    )
