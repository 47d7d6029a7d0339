"""The supervisor: the process that makes what is wanted so, for all deployments of a project.

    python -m mlops_nb.deployment.local.supervisor FOLDER

There is one, which holds the lease. It may be killed at any time: revisions and front go on without
it, the front starts another one, and that takes over what runs.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import crash, lease
from mlops_nb.deployment.local import channel, launch, standby, tree
from mlops_nb.deployment.local.channel import Answer, Question
from mlops_nb.deployment.local.container import Container
from mlops_nb.deployment.local.process import Process
from mlops_nb.deployment.local.records import (
    Place,
    Wanted,
    control,
    identity,
    names,
    signature,
)
from mlops_nb.deployment.local.revision import Keeper
from mlops_nb.deployment.local.routing import Route, Table, Upstream
from mlops_nb.types import Failure, RevisionState

if TYPE_CHECKING:
    from mlops_nb.deployment.local.launch import Form

_LOOK_S = 0.05
_ASK_S = 0.25
# With nothing to do for so long it ends; a next verb starts another one.
_IDLE_S = 3.0
_MB = 1_000_000


class Deployed:
    """One deployment in the supervisor's hands.

    Args:
        place: Its folder.
        project: The project's id on this machine.
    """

    def __init__(self, place: Place, project: str) -> None:
        self.place, self.project = place, project
        self.signature: tuple[int, int] | None = None
        self.wanted = place.wanted() or Wanted(name=place.name)
        self.seen = self.recorded = place.seen()
        self.keepers: dict[int, Keeper] = {}
        self.listener: socket.socket | None = None
        self.routed: set[int] = set()
        self.in_flight: set[int] = set()
        self.asked = 0

    @property
    def is_down(self) -> bool:
        """Whether nothing of it runs, and nothing is to."""
        idle = all(not k.is_running and k.seen.pid is None for k in self.keepers.values())
        return (self.wanted.stopped or self.wanted.deleted) and idle and not self.routed

    @property
    def is_open(self) -> bool:
        """Whether its port is to be open."""
        return not self.wanted.stopped and not self.wanted.deleted

    def follow(self, signature: tuple[int, int] | None) -> None:
        """Start and stop revisions as they are wanted now.

        Args:
            signature: The one of what is wanted, from before this call; what has the one of the
                last call is not read again.
        """
        if signature is None or signature != self.signature:
            self.signature, self.wanted = signature, self.place.wanted() or self.wanted
        known = {revision.number: revision for revision in self.wanted.revisions}
        for number, revision in known.items():
            self._keeper(number).want(revision, up=self.wanted.up(revision))
        for number in [*self.keepers]:
            keeper = self.keepers[number]
            keeper.check()
            if number not in known:
                keeper.want(keeper.wanted, up=False)
                if not keeper.is_running and keeper.seen.pid is None:
                    self.place.forget(number)
                    del self.keepers[number]

    def _keeper(self, number: int) -> Keeper:
        if number not in self.keepers:
            wanted = self.wanted.revision(number)
            assert wanted is not None  # noqa: S101  (who asks has it from there)
            self.keepers[number] = Keeper(
                self.place,
                wanted,
                self._form(number, wanted.engine),
                self.seen.revision(number),
                lambda: number in self.routed or number in self.in_flight,
            )
        return self.keepers[number]

    def _form(self, number: int, engine: str) -> Form:
        mark = tree.mark(self.project, self.place.name, number)
        return Container(self.place, mark, engine) if engine else Process(self.place, mark)

    def end_strays(self) -> None:
        """End what an earlier supervisor has left of revisions that nobody wants any more."""
        for seen in self.seen.revisions:
            if self.wanted.revision(seen.number) is None:
                self._form(seen.number, seen.engine).kill()
                self.place.forget(seen.number)

    def listen(self) -> None:
        """Open the port, the one that it had before if that is free."""
        if self.listener is not None:
            return
        try:
            self.listener = launch.bind(self.seen.port)
        except OSError as error:
            self.seen = structs.replace(
                self.seen, listening=False, error=_port_is_taken(self.seen.port, error)
            )
            return
        port = self.listener.getsockname()[1]
        self.seen = structs.replace(self.seen, port=port, listening=True, error=None)

    def close(self) -> None:
        """Close the port; the number is kept for later."""
        if self.listener is not None:
            self.listener.close()
            self.listener = None
            self.seen = structs.replace(self.seen, listening=False)

    def route(self) -> Route | None:
        """Return what the front is to do for it, None where nothing."""
        if not self.is_open or self.listener is None:
            return None
        ready = {
            number: Upstream(
                number=number,
                port=keeper.seen.port,
                percent=self.wanted.percent.get(number, 0),
            )
            for number, keeper in self.keepers.items()
            if keeper.seen.state is RevisionState.READY and not keeper.stopping
        }
        services = [revision.descriptor.service for revision in self.wanted.revisions]
        return Route(
            name=self.place.name,
            upstreams=tuple(upstream for upstream in ready.values() if upstream.percent),
            shadow=ready.get(self.wanted.shadow) if self.wanted.shadow is not None else None,
            body_limit_bytes=max((s.body_limit_mb for s in services), default=10) * _MB,
            timeout_s=max((s.timeout_s for s in services), default=30.0),
        )

    def acknowledge(self, route: Route | None, generation: int, in_flight: set[int]) -> None:
        """Take note of what the front does now."""
        upstreams = route.upstreams if route else ()
        self.routed = {upstream.number for upstream in upstreams}
        if route is not None and route.shadow is not None:
            self.routed.add(route.shadow.number)
        self.in_flight = in_flight
        self.seen = structs.replace(self.seen, routed=generation)

    def record(self) -> None:
        """Write what is so, where that has changed."""
        revisions = tuple(keeper.seen for _, keeper in sorted(self.keepers.items()))
        seen = structs.replace(self.seen, generation=self.wanted.generation, revisions=revisions)
        if seen != self.recorded:
            self.place.record(seen)
        self.seen = self.recorded = seen


class Supervisor:
    """The process's state.

    Args:
        root: The folder of all deployments.
        taken: Descriptor of the lease.
    """

    def __init__(self, root: Path, taken: int) -> None:
        self.root, self.taken = root, taken
        self.project = identity(root)
        self.deployed: dict[str, Deployed] = {}
        self.table = Table(number=0)
        self.asked_at = 0.0
        self.busy_at = time.monotonic()

    async def run(self) -> None:
        """Make what is wanted so, until nothing is, or nothing says any more what is."""
        try:
            self._take_over()
            while not self._is_lost() and not await self._is_done():
                self._follow()
                await self._tell_front()
                self._finish()
                await asyncio.sleep(_LOOK_S)
        except FileNotFoundError:
            if not self._is_lost():
                raise
        if self._is_lost():
            self._abandon()

    def _is_lost(self) -> bool:
        return lease.is_lost(control(self.root) / standby.SUPERVISOR_LEASE, self.taken)

    def _take_over(self) -> None:
        """Find what an earlier supervisor has left: records, the front's sockets, orphans."""
        for name in names(self.root):
            self.deployed[name] = Deployed(Place(self.root, name), self.project)
            self.deployed[name].end_strays()
        try:
            answer, sockets = channel.ask(Question(hand_over=True), [])
        except OSError:
            return
        self.table = structs.replace(self.table, number=answer.number)
        for name, descriptor in zip(answer.listening, sockets, strict=True):
            if name in self.deployed:
                self.deployed[name].listener = socket.socket(fileno=descriptor)
            else:
                os.close(descriptor)

    def _follow(self) -> None:
        signatures = signature(self.root)
        for name in signatures:
            if name not in self.deployed:
                self.deployed[name] = Deployed(Place(self.root, name), self.project)
        for name, deployed in self.deployed.items():
            deployed.follow(signatures.get(name))
            if deployed.is_open:
                deployed.listen()
            deployed.record()

    async def _tell_front(self) -> None:
        routes = {name: deployed.route() for name, deployed in self.deployed.items()}
        generations = {name: d.wanted.generation for name, d in self.deployed.items()}
        given = tuple(route for route in routes.values() if route is not None)
        changed = given != self.table.routes
        late = any(d.seen.routed != d.wanted.generation for d in self.deployed.values())
        if not changed and not late and time.monotonic() - self.asked_at < _ASK_S:
            return
        if changed:
            self.table = Table(number=self.table.number + 1, routes=given)
        answer = await self._asked()
        if answer is None:
            return
        if changed:
            crash.point("front told")
        self.asked_at = time.monotonic()
        for name, deployed in self.deployed.items():
            prefix = f"{name}/"
            flying = {
                int(key.removeprefix(prefix)) for key in answer.in_flight if key.startswith(prefix)
            }
            deployed.acknowledge(routes[name], generations[name], flying)

    async def _asked(self) -> Answer | None:
        """Give the front the table, and the sockets that it lacks; start one where none answers."""
        try:
            answer, _ = await asyncio.to_thread(channel.ask, Question(table=self.table), [])
            lacking = [
                (name, deployed.listener)
                for name, deployed in self.deployed.items()
                if deployed.listener is not None and deployed.is_open
                and name not in answer.listening
            ]  # fmt: skip
            if lacking:
                question = Question(table=self.table, given=tuple(name for name, _ in lacking))
                sockets = [listener.fileno() for _, listener in lacking]
                answer, _ = await asyncio.to_thread(channel.ask, question, sockets)
        except OSError:
            await asyncio.to_thread(standby.ensure_front, self.root)
            return None
        return answer

    def _abandon(self) -> None:
        """End all that runs, while no keeper can start anything anew."""
        for deployed in self.deployed.values():
            for keeper in deployed.keepers.values():
                keeper.form.kill()
        tree.kill_all(f"{self.project}/", but=os.getpid())

    def _finish(self) -> None:
        """Let go of what is down."""
        for name in [*self.deployed]:
            deployed = self.deployed[name]
            if not deployed.is_open and not deployed.routed:
                deployed.close()
            if deployed.is_down and deployed.wanted.deleted:
                tree.kill_all(f"{self.project}/{name}/")
                deployed.place.remove(keep_logs=deployed.wanted.keep_logs)
                del self.deployed[name]
            else:
                deployed.record()

    async def _is_done(self) -> bool:
        if any(not deployed.is_down for deployed in self.deployed.values()):
            self.busy_at = time.monotonic()
        if time.monotonic() - self.busy_at < _IDLE_S:
            return False
        await asyncio.to_thread(standby.end_front, self.root)
        return True


def _port_is_taken(port: int, error: OSError) -> Failure:
    return Failure(
        type="PortTaken",
        message=f"port {port}, where the deployment answered before, is another program's: {error}",
        hint="end that program, or delete the deployment and deploy it anew",
    )


def main(folder: str) -> None:
    """Be the supervisor, unless there is one."""
    root = Path(folder)
    taken = lease.take(control(root) / standby.SUPERVISOR_LEASE)
    if taken is None:
        return
    os.chdir(control(root))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(Supervisor(root, taken).run())


if __name__ == "__main__":
    main(sys.argv[1])
