"""The process of a firing in a pod: it pins a commit, and submits the run to the pod's own server.

Nothing is kept here from one firing to the next. What the earlier ones came to is asked of the
server: their runs are in the schedule's experiment, and what each of them has started has an id
that is made of the schedule and of the time when it was due.
"""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import encoding, occasion, pipelines
from mlops_nb.exceptions import BackendError, MlopsError
from mlops_nb.scheduling.firing import UnchangedError, unchanged
from mlops_nb.scheduling.recurring import due_of
from mlops_nb.scheduling.starts import start_of
from mlops_nb.scheduling.store import run_id
from mlops_nb.settings import Config
from mlops_nb.stages import failure_of
from mlops_nb.stages.volume import KFP_RUN_ID
from mlops_nb.types import RunState, Schedule, Snapshot, Surroundings

if TYPE_CHECKING:
    from mlops_nb.runners.kubeflow.server import Server

_STAGE = pipelines.SCHEDULED.stages[0]
_AT_A_TIME = 50
# The server may list the run of a pod a while after the pod has begun.
_PATIENCE_S = 120.0


class NotNowError(MlopsError):
    """Something of the schedule goes on that this firing may not run beside."""


@dataclass(frozen=True)
class Before:
    """What the firings before this one came to.

    Attributes:
        going_on: When one was due whose run has not ended, None where all have.
        due: When the newest was due whose run has succeeded, "" where none has.
        snapshot: Id of what that had pinned.
    """

    going_on: str | None = None
    due: str = ""
    snapshot: str = ""


def fire(asked: dict[str, Any]) -> str:
    """Pin and submit the run of this firing, unless that was done, and return its id.

    Args:
        asked: `root`, the project's folder in a checkout of the commit `sha`; `schedule`,
            `surroundings`, `settings` and `versions`, as the stage has them.

    Raises:
        UnchangedError: The last firing that succeeded had the same pins.
        NotNowError: The one before goes on.
        MlopsError: Something cannot be pinned, or the server refuses.
    """
    from mlops_nb.runners.kubeflow import KubeflowRunner

    schedule = msgspec.convert(asked["schedule"], Schedule)
    config = Config.load(asked["root"]).with_settings(asked["settings"])
    runner = KubeflowRunner(config)
    server = runner.server(runner.here())
    own = _own_run(server)
    due = due_of(own)
    firing = run_id(schedule.id, due)
    if server.find_run(firing) is not None:
        print(f"run {firing} was started by an earlier try of this firing")
        return firing
    before = _before(server, schedule, own)
    if schedule.overlap == "skip" and before.going_on is not None:
        raise NotNowError(f"the firing of {before.going_on} was still going on", hint="wait for it")
    _take_versions(server, config, schedule, asked["versions"])
    start = start_of(schedule.pipeline)

    def accept(pins: Snapshot) -> None:
        if not schedule.even_if_unchanged and before.snapshot == pins.id:
            raise unchanged(schedule, pins, before.due)

    at = occasion.Occasion(
        run_id=firing,
        commit=asked["sha"],
        branch=schedule.branch,
        surroundings=msgspec.convert(asked["surroundings"], Surroundings),
        published=True,
        accept=accept,
    )
    given = dict(schedule.arguments)
    given["settings"] = {**(given.get("settings") or {}), **asked["settings"]}
    with occasion.on(at):
        start.call(**given, project=asked["root"])
    print(f"run {firing}, due at {due}")
    return firing


def _own_run(server: Server) -> dict[str, Any]:
    """Return the run that this pod is of."""
    from mlops_nb.runners.kubeflow.client import RefusedError

    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return server.run(os.environ[KFP_RUN_ID])
        except RefusedError as error:
            if error.status != 404 or time.monotonic() > deadline:
                raise
        time.sleep(2)


def _before(server: Server, schedule: Schedule, own: dict[str, Any]) -> Before:
    """Look back, to the newest firing whose run has succeeded."""
    from mlops_nb.runners.kubeflow import nodes

    going_on = None
    fired = server.runs_of(own["experiment_id"])
    while part := [due_of(one) for one in islice(fired, _AT_A_TIME)]:
        dues = {run_id(schedule.id, due): due for due in part}
        runs = server.runs_named(list(dues))
        for name in sorted(runs, key=lambda name: dues[name], reverse=True):
            state = nodes.state(runs[name])
            if not state.terminal:
                going_on = going_on or dues[name]
            elif state is RunState.SUCCEEDED:
                pins = runs[name]["runtime_config"]["parameters"]["snapshot"]
                snapshot = msgspec.convert(encoding.loads(pins), Snapshot)
                return Before(going_on, dues[name], snapshot.id)
    return Before(going_on)


def _take_versions(
    server: Server, config: Config, schedule: Schedule, versions: dict[str, dict[str, str]]
) -> None:
    """Have the run be of the version that was published with the schedule: a pod compiles none.

    Raises:
        BackendError: The server does not have it any more.
    """
    from mlops_nb.runners.kubeflow import publishing

    for name, ids in versions.items():
        pipeline_id, version_id = ids["pipeline_id"], ids["version_id"]
        if not server.has_version(pipeline_id, version_id):
            raise BackendError(
                f"the version {ids['name']} of the pipeline {name} is gone from the server",
                hint=f"publish it again: jupyter mlops reschedule {schedule.name} --repair",
            )
        version = publishing.Version(pipeline_id=pipeline_id, version_id=version_id)
        publishing.remember(version, pipelines.PIPELINES[name], config)


def main(given: str, taken: str) -> int:
    """Fire, and leave what came of it in a file: the run, the reason of none, or the failure."""
    asked = encoding.loads(Path(given).read_bytes())
    try:
        answer: dict[str, Any] = {"run": fire(asked), "reason": None}
    except (UnchangedError, NotNowError) as nothing:
        answer = {"run": "", "reason": nothing.message}
    except Exception as error:
        if not isinstance(error, MlopsError):
            # The stage says it; what a person wants to see of an unplanned one is in the log.
            sys.excepthook(type(error), error, error.__traceback__)
        answer = {"failure": msgspec.to_builtins(failure_of(_STAGE, error))}
    Path(taken).write_text(json.dumps(answer), encoding="utf-8")
    return int("failure" in answer)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
