"""The trials of a tuning: each is a run of the training notebook in a process of its own.

A trial is the train stage, told to work in the trial's folder and in the tuning's checkout and
data. Its record is a training run's, with the same pins and its own hyperparameters: so it is
shown, compared and reproduced as one.
"""

from __future__ import annotations

import math
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding, journal, locks
from mlops_nb.exceptions import StageError
from mlops_nb.files import replace_file
from mlops_nb.journal import RunFinished, RunStarted, StageKilled, executed
from mlops_nb.journal.points_file import PointsFile, latest
from mlops_nb.stages import failure_of, host, reuse, volume
from mlops_nb.types import Failure, RunState, Stop, Trial, TrialState

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops_nb.journal import RunFolder
    from mlops_nb.tuning.search import Asked
    from mlops_nb.types import Plan, Point, Run, RunRequest

STAGE = "train"
SOURCE = "trial"
PRUNED, OVERDUE, ABANDONED = "TrialPruned", "TrialOverdue", "TrialAbandoned"
# What a trial's train stage takes as the tuning has it.
_OF_BOTH = (
    "volume", "code", "data", "code_paths", "notebook", "environment", "variables", "secrets",
    "cell_timeout_s", "tracking_uri", "experiment", "autolog",
)  # fmt: skip
# What a tuning takes and no training.
_OF_TUNING = ("tuning", "training", "storage")
# When so many trials have failed and none has come to its end, the others would fail too.
_MOST_FAILURES = 3
# Who ends a run ends this process as well, a moment later: such a trial was not killed by itself.
_ENDED_TOO_S = 1.0


class Running:
    """A trial at work; it is the driver of the trial's run.

    Args:
        tuning: Folder of the tuning.
        asked: What is asked for, the request of the trial.
        trial: What is tried.
        plan: What the tuning is to do.
        inputs: Those of the train stage, but for what differs from trial to trial.
    """

    def __init__(
        self,
        tuning: RunFolder,
        asked: RunRequest,
        trial: Trial,
        plan: Plan,
        inputs: Mapping[str, str],
    ) -> None:
        self.trial, self.plan = trial, plan
        self.folder = tuning.trial(trial.number)
        self.stopped = False
        self._offset, self._step, self._began = 0, -1, time.monotonic()
        self._lock = _begin(self.folder, asked)
        arguments = {name: asked.arguments[name] for name in ("hyperparameters", "snapshot")}
        artifact = str(self.folder.path / "executed.ipynb")
        environment = {
            journal.RUN_FOLDER: str(self.folder.path),
            volume.SHARED: str(volume.folder(inputs["volume"])),
            # What another run has done is not nested in this one.
            reuse.FOLDER: "",
        }
        self.connection = host.ask(
            STAGE, {**inputs, **arguments, "executed": artifact}, environment
        )

    def fileno(self) -> int:
        """Return what becomes readable when the trial has ended."""
        return self.connection.fileno()

    def reports(self) -> list[tuple[int, float]]:
        """Return the values of the objective that are new, each with a step that grows."""
        points, self._offset = self.folder.read_points(self._offset)
        found = []
        for point in points:
            if point.name == self.plan.objective:
                # A loop that gives no step logs all at step 0.
                self._step = max(point.step, self._step + 1)
                found.append((self._step, point.value))
        return found

    def look(self, search: Asked, *, overdue: bool) -> None:
        """Hand what the trial has logged to the pruner, and stop it where that or the time says so.

        Args:
            search: Who gave it out.
            overdue: Whether the tuning has come to its deadline.
        """
        for step, value in self.reports():
            if not self.stopped and search.prune(self.trial.number, step, value):
                name = self.plan.objective
                message = f"pruned at step {step}: {name} was {value:.6g}, others did better"
                self.stop(PRUNED, message)
        if overdue:
            message = f"the tuning came to its deadline of {self.plan.deadline_s} s"
            self.stop(OVERDUE, message)

    def stop(self, kind: str, message: str) -> None:
        """Have the notebook's kernel ended, and its notebook kept as far as it came."""
        if not self.stopped:
            self.stopped = True
            asked = encoding.record(Stop(type=kind, message=message))
            replace_file(self.folder.stop, asked.encode())

    def end(self) -> Trial:
        """Return the trial as it ended, which is recorded when this returns."""
        error = self._failure()
        run = self.folder.load()
        error = error or _without_value(run, self.plan.objective)
        state = RunState.SUCCEEDED if error is None else RunState.FAILED
        if error is not None and error.type in (PRUNED, OVERDUE):
            state = RunState.CANCELED
        seconds = time.monotonic() - self._began
        executed.close(self.folder.notebook)
        self.folder.append(RunFinished(state=state, seconds=seconds, error=error))
        os.close(self._lock)
        return recorded(self.folder, self.plan)

    def abandon(self) -> None:
        """End the trial with no result, as the tuning ends."""
        self.stop(ABANDONED, "the tuning ended")
        with suppress(StageError), self.connection:
            host.answer(self.connection, STAGE)
        self.folder.append(RunFinished(state=RunState.LOST))
        os.close(self._lock)

    def _failure(self) -> Failure | None:
        try:
            with self.connection:
                host.answer(self.connection, STAGE)
        except host.KilledError:
            time.sleep(_ENDED_TOO_S)
            return _killed(self.folder)
        except StageError as error:
            return self.folder.load().error or failure_of(STAGE, error)
        (self.folder.path / "executed.ipynb").unlink(missing_ok=True)
        return None


def inputs(tuning: Mapping[str, str], *, train: str, parent: str) -> dict[str, str]:
    """Return the inputs of the train stage, but for what differs from trial to trial.

    Args:
        tuning: Those of the tuning's own stage.
        train: Path of the training dataset, "" where there is none.
        parent: The tuning's run in MLflow.
    """
    own = {"train": train, "parent": parent, "lineage": "", "update_key": ""}
    return {name: tuning[name] for name in _OF_BOTH} | own


def training(tuning: RunRequest, rest: Mapping[str, str]) -> RunRequest:
    """Return a tuning's request as that of a training.

    Args:
        tuning: What was asked for.
        rest: The parameters that a training takes beside.
    """
    shared = {k: v for k, v in tuning.arguments.items() if k not in _OF_TUNING}
    return msgspec.structs.replace(
        tuning,
        pipeline="training",
        pipeline_digest="",
        stages=(STAGE,),
        arguments={**shared, **rest},
        findings=(),
    )


def request(training: RunRequest, trial: Trial) -> RunRequest:
    """Return the request of a trial: a training with the trial's hyperparameters."""
    values = trial.parameters
    hyperparameters = tuple(
        msgspec.structs.replace(p, value=values[p.name], source=SOURCE) if p.name in values else p
        for p in training.snapshot.hyperparameters
    )
    snapshot = msgspec.structs.replace(training.snapshot, hyperparameters=hyperparameters)
    arguments = training.arguments
    passed = {**encoding.loads(arguments["hyperparameters"]), **values}
    pins = encoding.loads(arguments["snapshot"])
    pins["hyperparameters"] = msgspec.to_builtins(hyperparameters)
    changed = {
        "hyperparameters": encoding.dumps(passed, name="hyperparameters"),
        "snapshot": encoding.dumps(pins, name="the snapshot's records"),
    }
    return msgspec.structs.replace(
        training,
        id=f"{training.id}/{trial.number}",
        snapshot=snapshot,
        arguments={**arguments, **changed},
    )


def begun(folder: RunFolder, tuning: RunRequest, trial: Trial) -> None:
    """Make the record of a trial that a pod has begun, or open that of an interrupted one.

    Args:
        folder: Where it is to be.
        tuning: What was asked for, the request of the tuning.
        trial: What is tried.
    """
    if not folder.request.is_file():
        asked = training(tuning, encoding.loads(tuning.arguments["training"]))
        folder.create(request(asked, trial))
    _put_aside(folder)


def hopeless(ended: Sequence[TrialState], plan: Plan) -> bool:
    """Whether trials fail as they are, and not for the values that they try.

    Args:
        ended: How those that have ended did.
        plan: What is to be done.
    """
    return len(ended) >= min(_MOST_FAILURES, plan.trials) and set(ended) == {TrialState.FAILED}


def decided(folder: RunFolder) -> bool:
    """Whether a trial came to an end of its own, and not with the tuning's."""
    state = folder.load().state
    return state.terminal and state is not RunState.LOST


def recorded(folder: RunFolder, plan: Plan) -> Trial:
    """Return a trial that has ended, by its record."""
    run, points = folder.load(), folder.read_points()[0]
    ends = [event.at for event in folder.read()[0] if isinstance(event, RunFinished)]
    return Trial(
        number=int(folder.path.name),
        state=_state(run),
        parameters={d.name: run.snapshot.parameters[d.name] for d in plan.space},
        value=_value(points, run, plan.objective),
        reports=sum(point.name == plan.objective for point in points),
        seconds=run.seconds,
        ended_at=ends[-1],
        mlflow_run_id=run.mlflow_run_id,
        note=run.error.message if run.error is not None else None,
    )


def _state(run: Run) -> TrialState:
    if run.state is RunState.SUCCEEDED:
        return TrialState.SUCCEEDED
    pruned = run.error is not None and run.error.type == PRUNED
    return TrialState.PRUNED if pruned else TrialState.FAILED


def _value(points: list[Point], run: Run, objective: str) -> float | None:
    known: dict[str, Point] = {}
    latest([point for point in points if point.name == objective], known)
    if objective in known:
        return known[objective].value
    # It came another way to MLflow, as from a child process.
    return run.metrics.get(objective)


def _begin(folder: RunFolder, asked: RunRequest) -> int:
    """Make the folder of a trial, or open that of an interrupted one; return its lock."""
    if not folder.request.is_file():
        folder.create(asked)
    folder.stop.unlink(missing_ok=True)
    _put_aside(folder)
    # Who looks whether the trial goes on has it for a moment.
    lock = locks.wait_for(folder.lock)
    folder.append(RunStarted(pid=os.getpid()))
    return lock


def _put_aside(folder: RunFolder) -> None:
    """Put away what an interrupted attempt has logged."""
    if folder.points.exists():
        PointsFile(folder.points).begin()
        folder.points.unlink()


def _without_value(run: Run, objective: str) -> Failure | None:
    value = run.metrics.get(objective)
    if value is None:
        listed = ", ".join(sorted(run.metrics)) or "none"
        message = f"the notebook logged no metric {objective!r}"
        return _failure("NoObjective", message, f"name one that it logs: {listed}")
    if not math.isfinite(value):
        message = f"the objective {objective!r} is {value}"
        return _failure("NoObjective", message, "narrow the search space to where it is a number")
    return None


def _failure(kind: str, message: str, hint: str) -> Failure:
    return Failure(type=kind, message=message, hint=hint, stage=STAGE)


def _killed(folder: RunFolder) -> Failure:
    how = ""
    for event in folder.read()[0]:
        if isinstance(event, StageKilled):
            held = f"{event.peak_memory_bytes / 1e6:,.0f} MB"
            how = f" by {event.signal}; it held {held} at the most"
    message = f"the process of the trial was killed{how}"
    hint = "often the machine was out of memory: try fewer at once, with --parallel"
    return _failure("TrialKilled", message, hint)
