"""Runs on a Kubeflow Pipelines server, with a folder here that holds what was seen of them.

The folder is the record that all sessions read, also of a run whose pods are long gone. Whoever
looks at a run brings its folder up to date first.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from mlops_nb import crash, encoding, locks
from mlops_nb.exceptions import BackendError, LoginError, RunError
from mlops_nb.files import replace_file
from mlops_nb.journal import (
    RUNS,
    RunFolder,
    RunQueued,
    RunSubmitted,
    fold,
    new_run,
)
from mlops_nb.pipelines import ON_CLUSTER, PIPELINES, WORKER
from mlops_nb.runners.kubeflow import authentication, publishing
from mlops_nb.runners.kubeflow.client import Client, RefusedError, UnreachableError
from mlops_nb.runners.kubeflow.look import Look
from mlops_nb.runners.kubeflow.mirror import Mirror
from mlops_nb.runners.kubeflow.server import Server
from mlops_nb.runners.records import Records, must_be_resumable, must_be_whole
from mlops_nb.types import Record

if TYPE_CHECKING:
    import builtins
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops_nb.settings import Config
    from mlops_nb.types import Point, Published, Run, RunRequest

NAME = "kubeflow"
POLL_S = 1.0
# A look may take a tenth of the time between looks, for the server's sake.
_SHARE = 10
_PATIENCE_S = 600.0
_CANCEL_TIMEOUT_S = 120.0


class Place(Record, frozen=True, kw_only=True):
    """Where a run was submitted to; the settings may name another place by now."""

    url: str
    namespace: str
    context: str


class KubeflowRunner:
    """Runs pipelines on a Kubeflow Pipelines server.

    Args:
        config: The project's settings.
        poll_s: Least time between two looks at the server.
    """

    def __init__(self, config: Config, *, poll_s: float = POLL_S) -> None:
        self.records = Records(config.state_folder / RUNS)
        self._config, self._poll_s = config, poll_s
        self._servers: dict[Place, Server] = {}

    def submit(self, request: RunRequest) -> Run:
        """Have the server start the run.

        Raises:
            BackendError: The server refuses, or gives no answer.
        """
        place = self.here()
        folder = self.records.new(request)
        replace_file(_place_file(folder), encoding.record(place).encode())
        try:
            kfp_run_id = self._submit(self.server(place), request)
        except UnreachableError as error:
            kfp_run_id = self._taken(place, folder, error)
        except BaseException:
            self.records.discard(request.id)
            raise
        crash.point("cluster asked")
        page = self.server(place).page(kfp_run_id)
        folder.append(RunSubmitted(kfp_run_id=kfp_run_id, kfp_url=page))
        return folder.load()

    def adopt(self, request: RunRequest, kfp_run_id: str, place: Place) -> None:
        """Keep a record of a run that somebody else has submitted, unless there is one.

        Args:
            request: What it was asked for.
            kfp_run_id: The server's id of it.
            place: The server.
        """
        try:
            folder = self.records.new(request)
        except RunError:
            return
        replace_file(_place_file(folder), encoding.record(place).encode())
        page = self.server(place).page(kfp_run_id)
        folder.append(RunSubmitted(kfp_run_id=kfp_run_id, kfp_url=page))

    def ids(self) -> tuple[str, ...]:
        """Return the ids of all runs, newest first."""
        return self.records.of(NAME)

    def list(self) -> tuple[Run, ...]:
        """Return all runs, newest first."""
        return tuple(self.get(run_id) for run_id in self.ids())

    def get(self, run_id: str) -> Run:
        """Return a run as it is now, or as it was last seen and what the trouble is."""
        folder = self.records.folder(run_id)
        try:
            return self._look(folder)
        except BackendError as error:
            return structs.replace(folder.load(), trouble=error.message)

    def request(self, run_id: str) -> RunRequest:
        """Return what a run was asked for."""
        return self.records.folder(run_id).load_request()

    def watch(
        self, run_id: str, *, interval_s: float = 0.2, ticking: bool = False
    ) -> Iterator[Run]:
        """Yield the run now, and whenever something is known to have happened, to its end.

        Raises:
            LoginError: The server does not know any longer who asks. The run goes on.
            BackendError: It has given no answer for ten minutes. The run may go on.
        """
        folder = self.records.folder(run_id)
        looks = _Looks(self._poll_s)
        run, offset = new_run(folder.load_request()), 0
        before: Run | None = None
        while True:
            if looks.due():
                looks.took(lambda: self._look(folder))
            events, offset = folder.read(offset)
            run = folder.with_files(structs.replace(fold(run, events), trouble=looks.trouble))
            if run != before or ticking:
                yield run
            if run.state.terminal:
                return
            before = run
            time.sleep(interval_s)

    def points(self, run_id: str, offset: int = 0) -> tuple[builtins.list[Point], int]:
        """Return the metric points after a byte offset, and the offset to go on from."""
        return self.records.points(run_id, offset)

    def logs(self, run_id: str, stage: str | None = None, *, last_bytes: int | None = None) -> str:
        """Return the log of a stage, or of all stages."""
        return self.records.logs(run_id, stage, last_bytes=last_bytes)

    def cancel(self, run_id: str) -> Run:
        """Have the server end the run, and wait until it has.

        Raises:
            BackendError: The server refuses, or has not ended it in two minutes.
        """
        must_be_whole(run_id)
        folder = self.records.folder(run_id)
        run = self._look(folder)
        if run.state.terminal:
            return run
        server = self.server(self._place(folder))
        if run.kfp_run_id is not None:
            server.terminate(run.kfp_run_id)
        deadline = time.monotonic() + _CANCEL_TIMEOUT_S
        while not run.state.terminal:
            if time.monotonic() > deadline:
                raise BackendError(
                    f"the server was told to cancel run {run_id}, and has not done it yet",
                    hint=f"look again later: jupyter mlops show {run_id}",
                )
            time.sleep(self._poll_s)
            run = self._look(folder)
        return run

    def delete(self, run_id: str) -> None:
        """Delete an ended run: here, on the server, and in MLflow."""
        folder = self.records.folder(run_id)
        run = self.get(run_id)
        # One that was imported is another project's to delete there.
        own = _place_file(folder).is_file()
        if own and run.kfp_run_id is not None and run.state.terminal:
            self.server(self._place(folder)).delete(run.kfp_run_id)
        self.records.delete(run)

    def resume(self, run_id: str) -> Run:
        """Have the server go on from the stage that failed.

        Raises:
            RunError: The run goes on or has succeeded, or the server cannot go on with it.
        """
        must_be_whole(run_id)
        folder = self.records.folder(run_id)
        run = self._look(folder)
        must_be_resumable(run)
        if run.kfp_run_id is None:
            raise _not_resumable(run, "it never reached the server")
        server = self.server(self._place(folder))
        before = server.run(run.kfp_run_id)
        try:
            server.retry(run.kfp_run_id)
        except RefusedError as error:
            raise _not_resumable(run, error.message) from error
        Mirror(server, folder).reopen(before, tuple(stage.name for stage in run.stages))
        folder.append(RunQueued(pid=0))
        return folder.load()

    def publish(self) -> tuple[Published, ...]:
        """Upload all pipelines for the platform of the settings, where the server lacks them."""
        server = self.server(self.here())
        return tuple(publishing.publish(server, p, self._config) for p in ON_CLUSTER)

    def _submit(self, server: Server, request: RunRequest) -> str:
        pipeline = PIPELINES[request.pipeline]
        # The request has the last word: it may be that of another session, or of an earlier run.
        config = self._config.override(
            run_cache=request.cache,
            run_timeout_s=request.timeout_s,
            run_stage_timeout_s=request.stage_timeout_s,
            tuning_parallel=sum(s.startswith(WORKER) for s in request.stages) or None,
        )
        experiment_id = server.experiment(config.experiment)

        def create(version: publishing.Version) -> str:
            return server.create_run(
                request.id,
                experiment_id=experiment_id,
                pipeline_id=version.pipeline_id,
                version_id=version.version_id,
                description=_described(request),
                parameters=request.arguments,
                service_account=config.kubeflow_service_account,
            )

        version = publishing.version_for(server, pipeline, config)
        try:
            return create(version)
        except RefusedError:
            # Somebody may have deleted the version that was remembered; the server does not say
            # it, and answers as to a fault of its own.
            if server.has_version(version.pipeline_id, version.version_id):
                raise
        publishing.forget(pipeline, config)
        return create(publishing.version_for(server, pipeline, config))

    def _taken(self, place: Place, folder: RunFolder, error: UnreachableError) -> str:
        """Return the server's id of a run of which it is not known whether it was taken."""
        run_id = folder.path.name
        try:
            found = self.server(place).find_run(run_id)
        except BackendError:
            raise UnreachableError(
                f"{error.message}; run {run_id} may have been taken all the same",
                hint=f"look later: jupyter mlops show {run_id}",
            ) from error
        if found is None:
            self.records.discard(run_id)
            raise error
        return str(found["run_id"])

    def _look(self, folder: RunFolder) -> Run:
        """Bring a run's folder up to date, unless another session is about to.

        That of a trial is brought up to date with its tuning's.
        """
        run, whole = folder.load(), folder.whole
        if not run.state.terminal and not whole.load().state.terminal:
            with locks.held_if_free(whole.lock) as own:
                if own:
                    Look(self.server(self._place(whole)), whole).bring_up_to_date()
        return folder.load()

    def here(self) -> Place:
        """Return where the settings send runs."""
        config = self._config
        return Place(
            url=config.kubeflow_url,
            namespace=config.kubeflow_namespace,
            context=config.kubeflow_context,
        )

    def _place(self, folder: RunFolder) -> Place:
        path = _place_file(folder)
        if not path.is_file():
            # Who submitted it was killed before it could note where to.
            return self.here()
        return msgspec.convert(encoding.loads(path.read_bytes()), Place)

    def server(self, place: Place) -> Server:
        """Return the server of a place."""
        if place not in self._servers:
            config = self._config.override(
                kubeflow_url=place.url,
                kubeflow_namespace=place.namespace,
                kubeflow_context=place.context,
            )
            self._servers[place] = Server(Client(authentication.of(config)), place.namespace)
        return self._servers[place]


class _Looks:
    """When to look at a server that may be slow or away."""

    def __init__(self, poll_s: float) -> None:
        self._poll_s, self._next, self._answered = poll_s, 0.0, time.monotonic()
        self.trouble: str | None = None

    def due(self) -> bool:
        """Whether it is time for another look."""
        return time.monotonic() >= self._next

    def took(self, look: Callable[[], object]) -> None:
        """Look, and note how it went.

        Raises:
            BackendError: The server wants a login, refuses, or has long given no answer.
        """
        start = time.monotonic()
        try:
            look()
        except (LoginError, RefusedError):
            raise
        except BackendError as error:
            if time.monotonic() - self._answered > _PATIENCE_S:
                raise
            self.trouble = error.message
        else:
            self._answered, self.trouble = time.monotonic(), None
        now = time.monotonic()
        self._next = now + max(self._poll_s, _SHARE * (now - start))


def _described(request: RunRequest) -> str:
    """Return what the server's pages say of a run."""
    code = request.snapshot.code
    dirty = ", with uncommitted changes" if code.dirty else ""
    return f"{request.snapshot.notebook} at {code.sha[:12]} on {code.branch or 'no branch'}{dirty}"


def _not_resumable(run: Run, why: str) -> RunError:
    return RunError(
        f"run {run.id} cannot be resumed: {why}",
        hint="train again; stages that are unchanged are skipped",
    )


def _place_file(folder: RunFolder) -> Path:
    return folder.path / "kubeflow.json"
