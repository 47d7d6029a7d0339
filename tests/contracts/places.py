"""The table of back-ends, and the runs that each is asked for."""

from __future__ import annotations

import itertools
import secrets
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from msgspec import structs

from mlops_nb import api, backends, testing
from mlops_nb.capture.repository import REF_PREFIX
from mlops_nb.exceptions import RunError
from mlops_nb.orders import reach
from mlops_nb.settings import Config
from mlops_nb.testing import Script
from mlops_nb.types import Failure, RunState

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops_nb.runners import Runner
    from mlops_nb.types import Point, Run, RunRequest

NAMES = ("memory", "local", "kubeflow")
STAGES = ("provision-code", "provision-data", "train", "evaluate", "register")
VALUES = (0.25, 0.5, 0.75)
# What each attempt does is in a file named by the run, for the notebook is pinned.
CELLS = (
    "import mlflow, os, sys, time\n"
    "does = open(os.path.join(plans, os.environ['MLOPS_RUN_ID'])).read()\n"
    f"for step, value in enumerate({VALUES}):\n"
    "    mlflow.log_metric('answer', value, step=step)\n"
    "print('said to the log', file=sys.stderr)",
    "if does == 'fail':\n    raise ValueError('not this time')\n"
    "while does == 'stay':\n    time.sleep(0.1)",
)
_LOGGED = {
    "metrics": {"answer": VALUES},
    "logs": {"provision-code": "the code is there\n", "train": "said to the log\n"},
}
_ERROR = Failure(
    type="ValueError", message="not this time", hint="mend the cell, and resume", cell=3
)
SCRIPTS = {
    "succeed": Script(**_LOGGED),
    "fail": Script(**_LOGGED, fails_at="train", error=_ERROR),
    "stay": Script(**_LOGGED, stays_at="train"),
}


@dataclass
class Followed:
    """A run that was followed to the end of an attempt."""

    seen: list[Run] = field(default_factory=list)
    points: list[Point] = field(default_factory=list)
    offset: int = 0
    tracked: str | None = None

    @property
    def run(self) -> Run:
        return self.seen[-1]


@dataclass(frozen=True)
class Story:
    """A run that fails, is resumed, is canceled as it goes on, and is resumed to its end."""

    failed: Followed
    running: Run
    refused: dict[str, RunError]
    canceled: Run
    again: Run
    ended: Followed


@dataclass
class Place:
    """A back-end and its runs, each made when a test first asks for it.

    Args:
        name: Its name.
        runner: Its runner.
        template: A request to make others of.
        will: Says what the next attempt of a run does.
    """

    name: str
    runner: Runner
    template: RunRequest
    will: Callable[[str, str], object]
    numbers: itertools.count[int]

    def request(self) -> RunRequest:
        # Nobody else's: what ends a run ends all processes of the machine that have its id.
        run_id = f"20260101-{next(self.numbers):06d}-{self.name}-{secrets.token_hex(4)}"
        pins, arguments = self.template.snapshot, self.template.arguments
        code = structs.replace(pins.code, ref=REF_PREFIX + run_id)
        return structs.replace(
            self.template,
            id=run_id,
            backend=self.name,
            snapshot=structs.replace(pins, code=code),
            arguments={**arguments, "code_ref": code.ref},
        )

    def submit(self, does: str, request: RunRequest | None = None) -> Run:
        asked = request or self.request()
        self.will(asked.id, does)
        return self.runner.submit(asked)

    def resume(self, run_id: str, does: str) -> Run:
        self.will(run_id, does)
        return self.runner.resume(run_id)

    def follow(self, run_id: str) -> Followed:
        """Watch a run to its end, and read its points as they come."""
        found = Followed()
        for run in self.runner.watch(run_id):
            if run.mlflow_run_id != found.tracked:
                found = Followed(seen=found.seen, tracked=run.mlflow_run_id)
            points, found.offset = self.runner.points(run_id, found.offset)
            found.points += points
            found.seen.append(run)
        return found

    @cached_property
    def asked(self) -> RunRequest:
        return self.request()

    @cached_property
    def submitted(self) -> Run:
        return self.submit("succeed", self.asked)

    @cached_property
    def succeeded(self) -> Followed:
        return self.follow(self.submitted.id)

    @cached_property
    def story(self) -> Story:
        failed = self.follow(self.submit("fail").id)
        run_id = failed.run.id
        self.resume(run_id, "stay")
        running = next(run for run in self.runner.watch(run_id) if _has_logged(run, failed.run))
        acts = {"resume": self.runner.resume, "delete": self.runner.delete}
        refused = {name: refusal(act, run_id) for name, act in acts.items()}
        canceled, again = self.runner.cancel(run_id), self.runner.cancel(run_id)
        self.resume(run_id, "succeed")
        return Story(failed, running, refused, canceled, again, self.follow(run_id))


def _has_logged(run: Run, earlier: Run) -> bool:
    """Whether the attempt after an earlier one has come as far as its metrics."""
    return run.mlflow_run_id != earlier.mlflow_run_id and bool(run.metrics)


def refusal(act: Callable[[str], object], run_id: str) -> RunError:
    """Return how a runner refuses to do something."""
    try:
        act(run_id)
    except RunError as error:
        return error
    raise AssertionError(f"{act} was not refused")


def places(root: Path, plans: Path) -> dict[str, Place]:
    """Return all back-ends of a project, with requests for one and the same notebook."""
    config = Config.load(root)
    testing.play(project=root)
    first = api.train(
        "train.ipynb", params={"plans": str(plans)}, backend="memory", cache=False, project=root
    )
    request = testing.MemoryRunner(config).request(first.id)
    testing.MemoryRunner(config).cancel(first.id)
    testing.MemoryRunner(config).delete(first.id)
    reached = reach.places(request.snapshot)
    outside = {"code_repo": reached.code, "data_repo": reached.data}
    templates = {
        "memory": request,
        "local": request,
        "kubeflow": structs.replace(request, arguments={**request.arguments, **outside}),
    }

    def scripted(_: str, does: str) -> None:
        testing.play(SCRIPTS[does], project=root)

    def planned(run_id: str, does: str) -> None:
        (plans / run_id).write_text(does)

    numbers = itertools.count(1)
    return {
        name: Place(
            name=name,
            runner=backends.runner(config.override(run_backend=name)),
            template=templates[name],
            will={"memory": scripted}.get(name, planned),
            numbers=numbers,
        )
        for name in NAMES
    }


ORDER = dict.fromkeys(RunState, 2) | {RunState.PENDING: 0, RunState.RUNNING: 1}
