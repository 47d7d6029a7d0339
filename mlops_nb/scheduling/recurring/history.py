"""What the server's firings have come to, taken over into our record of them."""

from __future__ import annotations

import contextlib
import time
from datetime import datetime, timezone
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import structs

from mlops_nb import encoding, pipelines
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import MlopsError
from mlops_nb.journal import StageFinished, event_of_line
from mlops_nb.scheduling import notices, timing
from mlops_nb.scheduling.recurring.kept import place_of, recurring_of
from mlops_nb.scheduling.recurring.sayable import KUBEFLOW
from mlops_nb.scheduling.store import new_firing
from mlops_nb.types import (
    Failure,
    Firing,
    FiringState,
    RunRequest,
    RunState,
    Snapshot,
    StageState,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.runners.kubeflow import KubeflowRunner
    from mlops_nb.runners.kubeflow.server import Server
    from mlops_nb.scheduling.store import Store
    from mlops_nb.settings import Config
    from mlops_nb.types import Schedule

_STAGE = pipelines.SCHEDULED.stages[0]
_STATES = {
    RunState.PENDING: FiringState.RUNNING,
    RunState.RUNNING: FiringState.RUNNING,
    RunState.SUCCEEDED: FiringState.SUCCEEDED,
    RunState.CANCELED: FiringState.CANCELED,
    RunState.FAILED: FiringState.FAILED,
    RunState.LOST: FiringState.FAILED,
}
_AT_A_TIME = 50
# What ended longer ago, before anybody looked, is history and no news.
_NEWS_S = 86_400.0


class History:
    """The firings of the server, in the store of a project.

    Args:
        config: The project's settings.
        runner: Whose records the runs of the firings become.
        store: That of the project's schedules and firings.
    """

    def __init__(self, config: Config, runner: KubeflowRunner, store: Store) -> None:
        self._config = config
        self._runner = runner
        self._store = store

    def read(self, server: Server, schedule: Schedule) -> None:
        """Take over what the server's firings have come to."""
        waiting = {f.due: f for f in self._store.open() if f.schedule_id == schedule.id}
        runs = server.runs_of(recurring_of(schedule).experiment_id)
        while part := list(islice(runs, _AT_A_TIME)):
            open_ones = [(one, firing) for one in part if (firing := self._open(schedule, one))]
            for one in part:
                waiting.pop(due_of(one), None)
            if not open_ones and not waiting:
                return
            named = server.runs_named([firing.run_id for _, firing in open_ones])
            for one, firing in open_ones:
                began, decided = firing.started_at, self._store.decided(schedule)
                seen = self._seen(server, schedule, one, firing, named.get(firing.run_id))
                if began is None:
                    begun = structs.replace(seen, state=FiringState.RUNNING)
                    self._store.claim(schedule, [begun], decided)
                self._note(schedule, seen)
        for firing in waiting.values():
            gone = Failure(
                type="RunDeleted",
                message="somebody has deleted its run on the server",
                hint=f"fire it again: jupyter mlops reschedule {schedule.name} --now",
            )
            self._note(schedule, structs.replace(firing, state=FiringState.FAILED, error=gone))

    def _note(self, schedule: Schedule, firing: Firing) -> None:
        """Keep a firing as it is now; who closes it tells of it."""
        if not firing.state.closed:
            self._store.save(firing)
        elif self._store.close(firing) and (firing.ended_at or 0) > time.time() - _NEWS_S:
            known = self._runner.records.has(firing.run_id)
            run = self._runner.get(firing.run_id) if known else None
            told = notices.tell(self._config, schedule, firing, run)
            if told:
                self._store.save(structs.replace(firing, notices=told))

    def _open(self, schedule: Schedule, fired: dict[str, Any]) -> Firing | None:
        """Return the firing that a run of the server is, None where that is closed."""
        due = due_of(fired)
        known = self._store.firing(schedule, due)
        if known is not None:
            return None if known.state.closed else known
        return new_firing(schedule, due, kfp_run_id=fired["run_id"])

    def _seen(
        self,
        server: Server,
        schedule: Schedule,
        fired: dict[str, Any],
        firing: Firing,
        run: dict[str, Any] | None,
    ) -> Firing:
        """Return a firing as it is now.

        Args:
            server: The server.
            schedule: The schedule.
            fired: The run that pins.
            firing: The firing, as it is known.
            run: The run that was started of the pins, None where there is none.
        """
        from mlops_nb.runners.kubeflow import nodes
        from mlops_nb.runners.kubeflow.look import seconds

        firing = structs.replace(firing, tries=1, started_at=seconds(fired["created_at"]))
        if run is not None:
            return self._of_run(schedule, firing, run)
        state = nodes.state(fired)
        if not state.terminal:
            return structs.replace(firing, state=FiringState.RUNNING)
        firing = structs.replace(firing, ended_at=seconds(fired["finished_at"]))
        if state is RunState.CANCELED:
            return structs.replace(firing, state=FiringState.CANCELED)
        said = _said(server, server.run(fired["run_id"]))
        if state is RunState.FAILED:
            return structs.replace(firing, state=FiringState.FAILED, error=_error(said))
        reason = "its run was deleted on the server"
        if said is None:
            reason = "why is not known: the log of its pod is gone"
        elif said.state is StageState.SKIPPED:
            reason = said.note or ""
        return structs.replace(firing, state=FiringState.SKIPPED, reason=reason)

    def _of_run(self, schedule: Schedule, firing: Firing, run: dict[str, Any]) -> Firing:
        """Return a firing whose run there is, and keep a record of the run."""
        request = self._request(schedule, run)
        self._runner.adopt(request, run["run_id"], place_of(recurring_of(schedule)))
        with contextlib.suppress(MlopsError):
            Repository.find(self._config.root).keep(request.snapshot.code.sha, request.id)
        now = self._runner.get(request.id)
        ended = now.state.terminal
        return structs.replace(
            firing,
            state=_STATES[now.state],
            code=request.snapshot.code.sha,
            snapshot=request.snapshot.id,
            ended_at=(firing.started_at or 0) + (now.seconds or 0) if ended else None,
            error=now.error,
        )

    def _request(self, schedule: Schedule, run: dict[str, Any]) -> RunRequest:
        """Return what a run was asked for, as far as the server knows it."""
        arguments = run["runtime_config"]["parameters"]
        there = msgspec.convert(encoding.loads(arguments["snapshot"]), Snapshot)
        top = str(Repository.find(self._config.root).root)
        datasets = tuple(
            structs.replace(d, repo=top) if d.repo == there.code.repo else d for d in there.datasets
        )
        code = structs.replace(there.code, repo=top, ref=arguments.get("code_ref", ""))
        pipeline = pipelines.PIPELINES[schedule.pipeline]
        return RunRequest(
            id=run["display_name"],
            pipeline=pipeline.name,
            pipeline_digest=pipeline.digest,
            stages=pipeline.stages,
            backend=KUBEFLOW,
            snapshot=structs.replace(there, code=code, datasets=datasets),
            arguments=arguments,
            created_at=run["created_at"].removesuffix("Z") + "+00:00",
            cache=self._config.run_cache,
            timeout_s=self._config.run_timeout_s,
            stage_timeout_s=self._config.run_stage_timeout_s,
        )


def due_of(run: dict[str, Any]) -> str:
    """Return when a run of the server was due."""
    from mlops_nb.runners.kubeflow.look import seconds

    moment = seconds(run.get("scheduled_at") or run["created_at"])
    return timing.iso(datetime.fromtimestamp(moment, timezone.utc))


def _said(server: Server, fired: dict[str, Any]) -> StageFinished | None:
    """Return what the pod that pins has said of its end, None where its log is gone."""
    return next(_ends(server, fired), None)


def _ends(server: Server, fired: dict[str, Any]) -> Iterator[StageFinished]:
    from mlops_nb.runners.kubeflow import nodes
    from mlops_nb.runners.kubeflow.client import RefusedError

    for pod in nodes.of_stage(fired, _STAGE).pods:
        with contextlib.suppress(RefusedError):
            for line in server.log(fired["run_id"], pod).splitlines():
                event = event_of_line(line)
                if isinstance(event, StageFinished):
                    yield event


def _error(said: StageFinished | None) -> Failure:
    if said is not None and said.error is not None:
        return said.error
    return Failure(
        type="FiringFailed",
        message="the pod that pins has failed, and has not said why",
        hint="see the run on the server's pages; often an image or a secret is not there",
    )
