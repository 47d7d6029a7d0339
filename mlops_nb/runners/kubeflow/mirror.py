"""Copy what a cluster's run does into the run's folder here, where any session finds it.

A stage in a pod prints its events, and the server gives a pod's log from its start each time. What
is new in it is told by where the last copy ended; a log that the cluster has cut at its head is
taken up behind the end of what was copied, if that is still in it.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import time
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding, journal
from mlops_nb.drawing import monitoring as windows
from mlops_nb.drawing import report as reports
from mlops_nb.files import replace_file
from mlops_nb.journal import (
    AnyEvent,
    EvaluationReported,
    PointsLogged,
    RunFinished,
    RunFolder,
    RunTracked,
    StageFinished,
    StageStarted,
    TrialChanged,
    TrialSaid,
    WindowReported,
)
from mlops_nb.journal.points_file import PointsFile, encode
from mlops_nb.pipelines import WORKER
from mlops_nb.runners.ending import end_tracking
from mlops_nb.runners.kubeflow import nodes
from mlops_nb.runners.kubeflow.client import RefusedError
from mlops_nb.stages import SOME_RUN, trials
from mlops_nb.types import Failure, Point, Record, RunState, Stage, StageState, TrialState

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from mlops_nb.runners.kubeflow.server import Server

_DONE = (StageState.SUCCEEDED, StageState.SKIPPED, StageState.FAILED, StageState.CANCELED)
CACHED = "unchanged: the cluster's cache had its outputs"
_HEAD_BYTES = 4096
_EXECUTOR, _INPUTS = b"[KFP Executor ", b"Got executor_input:"
# Long enough to be nowhere else in a log: one line may come often.
_TAIL_BYTES = 512


class Copied(Record, frozen=True, kw_only=True):
    """How far a pod's log is copied.

    Attributes:
        pod: Its name.
        size: Bytes of the log that were read.
        head: Hash of the log's beginning, as much of it as was read.
        tail: The end of what was read.
        ended: Whether the pod had ended when it was read.
        inside: Whether the last line was within the inputs that KFP's executor prints.
        before: When the stage ended before the run was resumed, None where it was not. A pod of
            the next try has the name of the one before, and the server may show that one's end.
    """

    pod: str
    size: int = 0
    head: str = ""
    tail: str = ""
    ended: bool = False
    inside: bool = False
    before: str | None = None


class Said:
    """What a stage has printed, without what KFP's executor prints around it.

    That is a line or two about itself, and all inputs of the stage, which are the run's record.

    Args:
        inside: Whether the log begins within those inputs.
    """

    def __init__(self, inside: bool) -> None:
        self.inside = inside

    def by_the_stage(self, log: bytes) -> Iterator[bytes]:
        """Yield the lines of a log that are the stage's own."""
        lines = log.splitlines(keepends=True)
        for line, following in itertools.zip_longest(lines, lines[1:], fillvalue=b""):
            if self.inside:
                self.inside = line.rstrip() != b"}"
            elif line.startswith(_EXECUTOR):
                self.inside = line.rstrip().endswith(_INPUTS)
            elif line.strip() or journal.event_of_line(following.rstrip()) is None:
                # An event begins on a line of its own, and so after an empty one.
                yield line


class Mirror:
    """The copy of one run.

    Args:
        server: Where the run is.
        folder: Its folder here.
    """

    def __init__(self, server: Server, folder: RunFolder) -> None:
        self._server, self.folder = server, folder
        self._path = folder.path / "pods.json"
        self._copied = self._load()

    def update(self, run: dict[str, Any], stages: tuple[str, ...], *, canceled: bool) -> None:
        """Copy what the run's stages have done since the last time.

        Args:
            run: The run as the server has it.
            stages: The stages of its pipeline.
            canceled: Whether somebody has ended it: its pods were then killed on purpose.
        """
        for stage in stages:
            node = nodes.of_stage(run, stage)
            known = self._copied.get(stage)
            if known is not None and known.before == node.end:
                continue
            if node.pods:
                self._copy(run["run_id"], stage, node)
            if not canceled:
                self._say_end(stage, node)

    def reopen(self, run: dict[str, Any], stages: tuple[str, ...]) -> None:
        """Expect another try of the stages that have not succeeded.

        Args:
            run: The run as the server has it before.
            stages: The stages of its pipeline.
        """
        for stage in stages:
            known, node = self._copied.get(stage), nodes.of_stage(run, stage)
            if known is not None and node.state is not StageState.SUCCEEDED:
                again = msgspec.structs.replace(known, ended=False, before=node.end)
                self._copied[stage] = again
        self._keep()

    def _copy(self, kfp_run_id: str, stage: str, node: nodes.Node) -> None:
        known = self._copied.get(stage)
        if known is not None and known.ended and known.pod in node.pods:
            return
        found = self._fetch(kfp_run_id, node, known)
        if found is None:
            return
        pod, log = found
        if known is None or known.pod != pod or known.before is not None:
            known = Copied(pod=pod)
        ended = node.state in _DONE
        # A line that is still being written is read the next time.
        whole = log if ended else log[: log.rfind(b"\n") + 1]
        said = Said(known.inside)
        text = [
            line for line in said.by_the_stage(_after(whole, known)) if self._is_text(stage, line)
        ]
        _append(self.folder.log(stage), b"".join(text))
        self._copied[stage] = Copied(
            pod=pod,
            size=len(whole),
            head=_hash(whole[:_HEAD_BYTES]),
            tail=_text(whole[-_TAIL_BYTES:]),
            ended=ended,
            inside=said.inside,
        )
        self._keep()

    def _fetch(
        self, kfp_run_id: str, node: nodes.Node, known: Copied | None
    ) -> tuple[str, bytes] | None:
        """Return a pod's name and its log; None where there is none yet, or no more."""
        names = node.pods
        if known is not None and known.pod in names:
            names = (known.pod,)
        for pod in names:
            with contextlib.suppress(RefusedError):
                return pod, self._server.log(kfp_run_id, pod)
        return None

    def _is_text(self, stage: str, line: bytes) -> bool:
        """Take a line that is an event, and return whether it is none."""
        event = journal.event_of_line(line.rstrip(b"\r\n"))
        if event is not None:
            if isinstance(event, RunTracked):
                PointsFile(self.folder.points).begin()
            take(self.folder, self._at_home(event, stage))
        return event is None

    def _at_home(self, event: AnyEvent, stage: str) -> AnyEvent:
        """Return an event with what a pod does not know.

        That is the run's id, where its log is here, and which of several tasks of a kind it is.
        """
        if isinstance(event, (StageStarted, StageFinished)):
            event = msgspec.structs.replace(event, stage=stage)
        if isinstance(event, StageFinished) and event.error is not None:
            words = event.error.hint.split(" ")
            hint = " ".join(self.folder.path.name if word == SOME_RUN else word for word in words)
            log = str(self.folder.log(stage))
            error = msgspec.structs.replace(event.error, hint=hint, log=log, stage=stage)
            return msgspec.structs.replace(event, error=error)
        return event

    def _say_end(self, stage: str, node: nodes.Node) -> None:
        """Journal the end of a stage that could not say it itself."""
        if node.state not in (StageState.SUCCEEDED, StageState.SKIPPED, StageState.FAILED):
            return
        here = self.folder.load().stage(stage)
        if here.state in _DONE:
            return
        error, note, state = None, None, node.state
        if state is StageState.FAILED:
            # First: what a killed stage has left open is told by its state. Other workers go on.
            if not stage.startswith(WORKER):
                end_tracking(self.folder, RunState.FAILED)
            error = self._failure(here, node)
        elif here.state is StageState.PENDING:
            state, note = StageState.SKIPPED, CACHED
        if here.state is StageState.PENDING:
            self.folder.append(StageStarted(stage=stage))
        self.folder.append(StageFinished(stage=stage, state=state, note=note, error=error))

    def _failure(self, here: Stage, node: nodes.Node) -> Failure:
        said = f": {node.message}" if node.message else ""
        limit_s = self.folder.load_request().stage_timeout_s
        if here.state is not StageState.RUNNING:
            kind, what = "PodFailed", f"the pod of stage {here.name} did not start{said}"
            hint = "check images, secrets and volumes: jupyter mlops config"
        elif limit_s and time.time() - (here.started_at or 0) >= limit_s:
            kind, what = "StageTimeout", f"stage {here.name} took longer than {limit_s} s"
            hint = "make it faster, or raise run.stage_timeout_s in mlops.toml"
        else:
            kind, what = "StageKilled", f"the pod of stage {here.name} was killed or evicted{said}"
            hint = "often it was out of memory: raise resources.memory in mlops.toml"
        log = str(self.folder.log(here.name))
        return Failure(type=kind, message=what, hint=hint, stage=here.name, log=log)

    def _load(self) -> dict[str, Copied]:
        try:
            data = encoding.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        return msgspec.convert(data, dict[str, Copied])

    def _keep(self) -> None:
        replace_file(self._path, encoding.record(self._copied).encode())


def take(folder: RunFolder, event: AnyEvent) -> None:
    """Put what a pod says where a run on this machine has it: into the journal, or a file."""
    match event:
        case PointsLogged(lines=lines):
            _append(folder.points, lines.encode())
        case EvaluationReported(report=report):
            folder.keep_report(reports.page(report), report)
        case WindowReported(report=window):
            folder.keep_report(windows.page(window), window)
        case TrialSaid(number=number, events=events, points=points, log=log):
            _append(folder.trial(number).points, points.encode())
            _append(folder.trial(number).log(trials.STAGE), log.encode())
            for said in journal.events_of(events.encode()):
                folder.trial(number).append(_of_trial(said, folder.trial(number)))
        case TrialChanged(trial=trial):
            if trial.state is TrialState.RUNNING:
                trials.begun(folder.trial(trial.number), folder.load_request(), trial)
            folder.append(event)
            if trial.state is TrialState.SUCCEEDED:
                _append(folder.points, _best_so_far(folder))
        case _:
            folder.append(event)


def _of_trial(event: AnyEvent, folder: RunFolder) -> AnyEvent:
    """Return an event of a trial's own record with the place of its log here."""
    if isinstance(event, (StageFinished, RunFinished)) and event.error is not None:
        error = msgspec.structs.replace(event.error, log=str(folder.log(trials.STAGE)))
        return msgspec.structs.replace(event, error=error)
    return event


def _best_so_far(folder: RunFolder) -> bytes:
    """Return the best value after the trials that have come to their end, as a point."""
    study = folder.load().study
    if study is None or study.best is None or study.best.value is None:
        return b""
    at = max(trial.ended_at or 0.0 for trial in study.ranked)
    name = f"best_{study.plan.objective}"
    return encode([Point(name, len(study.ranked), at, study.best.value)])


def _after(log: bytes, known: Copied) -> bytes:
    """Return what is new in a log."""
    head = _hash(log[: min(known.size, _HEAD_BYTES)])
    if not known.size or (known.size <= len(log) and known.head == head):
        return log[known.size :]
    tail = _bytes(known.tail)
    place = log.find(tail)
    if place >= 0:
        return log[place + len(tail) :]
    return b"[the cluster has cut this log here]\n" + log


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]


def _text(data: bytes) -> str:
    """Return bytes of any kind as text of as many characters."""
    return data.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _append(path: Path, data: bytes) -> None:
    if data:
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "ab") as file:
            file.write(data)
