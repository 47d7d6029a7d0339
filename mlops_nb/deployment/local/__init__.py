"""Deployments on this machine: a process or container for each revision, one stable URL for all.

The verbs write what is wanted; a supervisor, which outlives every session, makes it so.
"""

from __future__ import annotations

import os
import re
import time
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import crash, lease
from mlops_nb.deployment import Endpoint, Requests, SharedLog
from mlops_nb.deployment.local import launch, standby
from mlops_nb.deployment.local.records import (
    FOLDER,
    Place,
    Seen,
    Wanted,
    WantedRevision,
    control,
    make,
    names,
    tail,
)
from mlops_nb.exceptions import AbsentDeploymentError, DeploymentError, UsageError
from mlops_nb.types import Deployment, DeploymentState, Revision, RevisionState

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator

    from mlops_nb.deployment import Built
    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.settings import Config
    from mlops_nb.types import Origin, Traffic

NAME, CONTAINER = "local", "container"
KEPT = 3
_LOOK_S = 0.05
_REACT_S = 30.0
_NAME = re.compile(r"[a-z]([-a-z0-9]{0,51}[a-z0-9])?")


class LocalTarget:
    """Serves on this machine.

    Args:
        config: The project's settings.
    """

    def __init__(self, config: Config) -> None:
        self.config = config
        self.root = config.state_folder / FOLDER

    @contextmanager
    def claim(self, name: str) -> Iterator[None]:
        """Keep other deploys of the name out for as long as the block lasts."""
        make(self.root)
        path = control(self.root) / f"{_named(name)}.claim"
        taken = lease.take(path)
        if taken is None:
            who = lease.holder(path)
            by = f", process {who.pid} since {who.since}" if who else ""
            raise DeploymentError(
                f"another deploy of {name} is at it{by}",
                hint="wait until it is done, then try again",
            )
        try:
            yield
        finally:
            os.close(taken)

    def check(self, descriptor: Descriptor) -> None:
        """Refuse what cannot be had here, before anything is built."""
        _named(descriptor.name)
        _secrets(descriptor)
        if descriptor.target == CONTAINER:
            self._engine()

    def create(self, descriptor: Descriptor, built: Built, origin: Origin) -> Revision:
        """Put a new revision up without traffic and wait until it is ready."""
        engine = self._engine() if built.image else ""
        place = Place(self.root, _named(descriptor.name))
        values = _secrets(descriptor)
        place.make_token()
        made: list[WantedRevision] = []

        def add(wanted: Wanted) -> Wanted:
            number = wanted.last + 1
            revision = WantedRevision(
                number=number,
                package=built.package,
                folder=str(built.folder or ""),
                python=str(built.python or ""),
                image=built.image or "",
                engine=engine,
                descriptor=descriptor,
                origin=origin,
                created_at=datetime.now(timezone.utc).isoformat("T", "seconds"),
            )
            made.append(revision)
            place.keep_secrets(number, values)
            # What a deploy that was killed has left was never verified.
            proven = tuple(r for r in wanted.revisions if r.routed or r.number in wanted.routed)
            return structs.replace(
                wanted, last=number, revisions=(*proven, revision), stopped=False, deleted=False
            )

        place.change(add)
        crash.point("revision wanted")
        number = made[0].number
        try:
            self._until_ready(place, number, descriptor.service.start_s)
        except BaseException:
            self.discard(descriptor.name, number)
            raise
        return self.get(descriptor.name).revision(number)

    def endpoint(self, name: str, number: int | None = None) -> Endpoint:
        """Return where a revision answers without traffic of its own; the deployment if None."""
        place, _ = self._existing(name)
        seen = place.seen()
        port = seen.port
        if number is not None:
            revision = seen.revision(number)
            if revision is None or revision.state is not RevisionState.READY:
                raise _not_ready(name, number)
            port = revision.port
        token = place.token.read_text(encoding="utf-8")
        return Endpoint(_url(port), {"Authorization": f"Bearer {token}"})

    def route(self, name: str, traffic: Traffic) -> Deployment:
        """Give revisions their parts of the traffic, and return once it is so."""
        place, wanted = self._existing(name)
        asked = {number for number, percent in traffic.percent.items() if percent}
        if sum(traffic.percent.values()) != 100 or min(traffic.percent.values()) < 0:
            raise UsageError(
                f"the parts of the traffic are {traffic.percent}", hint="let them add up to 100"
            )
        numbers = asked | ({traffic.shadow} if traffic.shadow is not None else set())
        for number in numbers:
            self._must_have(wanted, number)
        started = [number for number in numbers if not self._is_up(wanted, number)]
        place.change(lambda w: _with(w, started, up=True))
        try:
            for number in sorted(numbers):
                revision = self._must_have(wanted, number)
                self._until_ready(place, number, revision.descriptor.service.start_s)
        except BaseException:
            place.change(lambda w: _with(w, started, up=False))
            raise
        crash.point("revision ready")
        after = place.change(lambda w: _routed(w, traffic))
        crash.point("traffic wanted")
        self._until(place, lambda seen: seen.routed >= after.generation, "take the traffic over")
        return self.get(name)

    def discard(self, name: str, number: int) -> None:
        """Take a revision down that has no traffic; the deployment too where it was the first."""
        place, wanted = self._existing(name)
        if number in wanted.routed:
            raise DeploymentError(
                f"revision {number} of {name} has traffic",
                hint=f"give it to another one first: jupyter mlops rollback {name}",
            )

        def without(wanted: Wanted) -> Wanted:
            left = tuple(r for r in wanted.revisions if r.number != number)
            return structs.replace(wanted, revisions=left, deleted=not left, keep_logs=not left)

        after = place.change(without)
        if after.deleted:
            self._until_gone(place)
        else:
            self._until(place, lambda seen: seen.revision(number) is None, "end the revision")

    def get(self, name: str) -> Deployment:
        """Return a deployment as it is now."""
        place, wanted = self._existing(name)
        seen = place.seen()
        if not wanted.stopped:
            standby.ensure_supervisor(self.root)
        revisions = tuple(_revision(wanted, seen, r) for r in reversed(wanted.revisions))
        errors = (r.error for r in revisions if r.error and r.number in wanted.routed)
        return Deployment(
            name=name,
            target=CONTAINER if wanted.revisions and wanted.revisions[-1].image else NAME,
            state=_state(wanted, revisions),
            revisions=revisions,
            url=_url(seen.port) if seen.port else None,
            token_file=str(place.token),
            error=seen.error or next(errors, None),
        )

    def list(self) -> tuple[Deployment, ...]:
        """Return all deployments of the project, by name."""
        return tuple(self.get(name) for name in self.names())

    def names(self) -> builtins.list[str]:
        """Return the names of all deployments."""
        found = ((name, Place(self.root, name).wanted()) for name in names(self.root))
        return [name for name, wanted in found if wanted is not None and not wanted.deleted]

    def logs(self, name: str, number: int | None = None, *, last_bytes: int | None = None) -> str:
        """Return what a revision has printed; the one with the most traffic if None."""
        place, wanted = self._existing(name)
        if number is None:
            most = max(wanted.percent, key=lambda n: wanted.percent[n], default=wanted.last)
            number = most
        self._must_have(wanted, number)
        return tail(place.log(number), last_bytes)

    def requests(self, name: str, number: int) -> Requests:
        """Return where the inference log of a revision is."""
        place, wanted = self._existing(name)
        service = self._must_have(wanted, number).descriptor.service
        return Requests(place.requests(number), service.log_sample)

    def shared_log(self, name: str, number: int) -> SharedLog | None:
        """Return None: the log is on this machine."""

    def start(self, name: str) -> Deployment:
        """Start a deployment again as it was, after a stop or a reboot; it may be running."""
        place, wanted = self._existing(name)
        after = place.change(lambda w: structs.replace(_with(w, w.routed, up=True), stopped=False))
        for number in sorted(wanted.routed):
            service = self._must_have(wanted, number).descriptor.service
            self._until_ready(place, number, service.start_s)
        self._until(place, lambda seen: _is_open(seen, after.generation), "open its port")
        return self.get(name)

    def stop(self, name: str) -> Deployment:
        """End all revisions once they have answered what they have; `start` brings them back."""
        place, _ = self._existing(name)
        place.change(lambda w: structs.replace(w, stopped=True))
        self._until(place, _is_down, "end its revisions")
        return self.get(name)

    def delete(self, name: str) -> None:
        """Take a deployment down with all its revisions, once they have answered what they have."""
        place, _ = self._existing(name)
        place.change(lambda w: structs.replace(w, deleted=True))
        self._until_gone(place)

    def _engine(self) -> str:
        from mlops_nb.deployment.local import container
        from mlops_nb.images import engine

        log = self.config.state_folder / engine.LOG
        return engine.find(self.config.container_engine or None, log, among=container.ENGINES).name

    def _existing(self, name: str) -> tuple[Place, Wanted]:
        place = Place(self.root, _named(name))
        wanted = place.wanted()
        if wanted is None or wanted.deleted:
            known = ", ".join(self.names()) or "none yet; deploy a run: jupyter mlops deploy RUN"
            raise AbsentDeploymentError(
                f"there is no deployment {name!r}", hint=f"there are: {known}"
            )
        return place, wanted

    def _must_have(self, wanted: Wanted, number: int) -> WantedRevision:
        revision = wanted.revision(number)
        if revision is None:
            known = ", ".join(str(r.number) for r in wanted.revisions)
            raise DeploymentError(
                f"{wanted.name} has no revision {number}", hint=f"there are: {known or 'none'}"
            )
        return revision

    def _is_up(self, wanted: Wanted, number: int) -> bool:
        revision = wanted.revision(number)
        return revision is not None and wanted.up(revision)

    def _until_ready(self, place: Place, number: int, start_s: float) -> None:
        deadline = time.monotonic() + start_s + _REACT_S
        while True:
            standby.ensure_supervisor(self.root)
            seen, wanted = place.seen(), place.wanted()
            found = seen.revision(number)
            asked = wanted.revision(number) if wanted else None
            if asked is None:
                raise DeploymentError(
                    f"revision {number} of {place.name} was taken away by another deploy",
                    hint="deploy it again once that one is done",
                )
            if found is not None and found.attempt == asked.attempt:
                if found.state is RevisionState.READY:
                    return
                if found.state is RevisionState.FAILED and found.error is not None:
                    raise DeploymentError(found.error.message, hint=found.error.hint)
            if time.monotonic() > deadline:
                raise _not_ready(place.name, number)
            time.sleep(_LOOK_S)

    def _until(self, place: Place, is_so: Callable[[Seen], bool], doing: str) -> None:
        drains = [
            r.descriptor.service.drain_s for r in (place.wanted() or Wanted(name="")).revisions
        ]
        deadline = time.monotonic() + 2 * max(drains, default=0.0) + _REACT_S
        while not is_so(place.seen()):
            standby.ensure_supervisor(self.root)
            if time.monotonic() > deadline:
                raise DeploymentError(
                    f"the supervisor of {place.name} does not {doing}",
                    hint=f"see its log: {control(self.root) / 'supervisor.log'}",
                )
            time.sleep(_LOOK_S)

    def _until_gone(self, place: Place) -> None:
        self._until(place, lambda _: place.wanted() is None, "take it down")


def _with(wanted: Wanted, numbers: builtins.list[int] | set[int], *, up: bool) -> Wanted:
    """Return what is wanted, with these revisions up for another try, or down."""
    return structs.replace(
        wanted,
        revisions=tuple(
            structs.replace(r, up=up, attempt=r.attempt + up) if r.number in numbers else r
            for r in wanted.revisions
        ),
    )


def _routed(wanted: Wanted, traffic: Traffic) -> Wanted:
    """Return what is wanted with this traffic; of the revisions without any the newest stay."""
    percent = {number: part for number, part in traffic.percent.items() if part}
    used = set(percent) | ({traffic.shadow} if traffic.shadow is not None else set())
    unused = [r.number for r in wanted.revisions if r.number not in used]
    gone = set(unused[:-KEPT])
    revisions = tuple(
        structs.replace(r, up=r.number in used, routed=r.routed or r.number in used)
        for r in wanted.revisions
        if r.number not in gone
    )
    return structs.replace(
        wanted, percent=percent, shadow=traffic.shadow, revisions=revisions, stopped=False
    )


def _is_open(seen: Seen, generation: int) -> bool:
    """Whether the port is open.

    Raises:
        DeploymentError: The supervisor has tried, and could not open it.
    """
    if seen.error is not None and seen.generation >= generation:
        raise DeploymentError(seen.error.message, hint=seen.error.hint)
    return seen.listening


def _is_down(seen: Seen) -> bool:
    return not seen.listening and all(revision.pid is None for revision in seen.revisions)


def _revision(wanted: Wanted, seen: Seen, revision: WantedRevision) -> Revision:
    found = seen.revision(revision.number)
    state = found.state if found is not None else RevisionState.STARTING
    if not wanted.up(revision) and state is not RevisionState.FAILED:
        state = RevisionState.STOPPED
    return Revision(
        number=revision.number,
        package=revision.package,
        image=revision.image or None,
        origin=revision.origin,
        created_at=revision.created_at,
        state=state,
        percent=wanted.percent.get(revision.number, 0),
        shadow=revision.number == wanted.shadow,
        url=_url(found.port) if found and found.port and state is RevisionState.READY else None,
        restarts=found.restarts if found else 0,
        error=found.error if found else None,
    )


def _state(wanted: Wanted, revisions: tuple[Revision, ...]) -> DeploymentState:
    if wanted.stopped:
        return DeploymentState.STOPPED
    serving = [r.state is RevisionState.READY for r in revisions if r.percent]
    if serving and not any(serving):
        starting = any(r.percent and r.state is RevisionState.STARTING for r in revisions)
        return DeploymentState.DEGRADED if starting else DeploymentState.FAILED
    if not all(serving):
        return DeploymentState.DEGRADED
    new = any(not r.percent and r.state is not RevisionState.STOPPED for r in revisions)
    return DeploymentState.UPDATING if new or not serving else DeploymentState.READY


def _secrets(descriptor: Descriptor) -> dict[str, str]:
    missing = [name for name in descriptor.secrets if name not in os.environ]
    if missing:
        raise UsageError(
            f"the secret {missing[0]} is not in the environment",
            hint=f"set it where you deploy: export {missing[0]}=...",
        )
    return {name: os.environ[name] for name in descriptor.secrets}


def _named(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise UsageError(
            f"{name!r} is no name of a deployment", hint="it takes a-z, 0-9 and -, such as tumours"
        )
    return name


def _not_ready(name: str, number: int) -> DeploymentError:
    return DeploymentError(
        f"revision {number} of {name} is not ready",
        hint=f"see how it is: jupyter mlops deployments {name}",
    )


def _url(port: int) -> str:
    return f"http://{launch.HOST}:{port}"
