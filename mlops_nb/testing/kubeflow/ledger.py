"""The folder of one run, which its engine and the server share: what to do, and what happened.

Events are lines, each appended with one write. The engine holds a lock on the folder for as long as
it lives, so a server that starts later knows which runs go on.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import locks
from mlops_nb.testing.kubeflow.pod import Pod

if TYPE_CHECKING:
    from pathlib import Path

PENDING, RUNNING, SUCCEEDED, FAILED = "PENDING", "RUNNING", "SUCCEEDED", "FAILED"
SKIPPED, CANCELING, CANCELED = "SKIPPED", "CANCELING", "CANCELED"
ENDED = (SUCCEEDED, FAILED, CANCELED)


class Event(msgspec.Struct, frozen=True):
    """The run, or a node of it, is in another state.

    Args:
        state: The state of the API's enumeration.
        node: Name in the workflow's tree; empty for the run itself.
        template: What makes the node, a part of its pod's name.
        error: Why it failed.
    """

    state: str
    time: float
    node: str = ""
    template: str = ""
    error: str = ""


class Job(msgspec.Struct, frozen=True):
    """All that the engine needs; it is read once, and never again from the server."""

    run_id: str
    workflow: str
    namespace: str
    service_account: str
    package: str
    kubernetes: dict[str, Any]
    workspace: bool
    arguments: dict[str, Any]
    secrets: dict[str, dict[str, str]]
    claims: tuple[str, ...]
    environment: dict[str, str]
    images: tuple[str, ...] | None
    container: tuple[str, ...] | str
    root: str
    terminated_state: str


class Ledger:
    """One run's folder.

    Args:
        path: The folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outputs = path / "outputs"
        self.workspace = path / "workspace"

    def create(self, job: Job) -> None:
        """Make the folder; nobody else reads it, for it holds the secrets' values."""
        self.path.mkdir(mode=0o700, parents=True)
        self._file("job.json").write_bytes(msgspec.json.encode(job))
        self.append(PENDING)

    def job(self) -> Job:
        """Return what the engine is to do."""
        return msgspec.json.decode(self._file("job.json").read_bytes(), type=Job)

    def append(self, state: str, node: str = "", template: str = "", error: str = "") -> None:
        """Note a change."""
        event = Event(state=state, time=time.time(), node=node, template=template, error=error)
        with self._file("events.jsonl").open("ab", buffering=0) as file:
            file.write(msgspec.json.encode(event) + b"\n")

    def events(self) -> list[Event]:
        """List all changes, those of the run and those of its nodes."""
        lines = self._file("events.jsonl").read_bytes().splitlines()
        return [msgspec.json.decode(line, type=Event) for line in lines]

    def history(self) -> list[Event]:
        """List the states of the run, with an end where its engine has died without one."""
        free = not locks.is_held(self._file("lock"))
        found: list[Event] = []
        for event in self.events():
            if not event.node and (not found or event.state != found[-1].state):
                found.append(event)
        if free and found[-1].state not in ENDED:
            asked = found[-1].state == CANCELING
            self.end(self.job().terminated_state if asked else FAILED)
            return self.history()
        return found

    def state(self) -> str:
        """Return the run's state."""
        return self.history()[-1].state

    def end(self, state: str) -> None:
        """Note the end of the run; nodes that have not ended fail with it."""
        latest = {event.node: event for event in self.events() if event.node}
        for node, event in latest.items():
            if event.state not in (*ENDED, SKIPPED):
                self.append(FAILED, node, event.template, "the workflow has ended before it")
        self.append(state)

    def lock(self) -> int:
        """Take the lock that the engine will inherit."""
        return locks.wait_for(self._file("lock"))

    def write_pod(self, pod: Pod) -> None:
        """Note what a task's pod is made of."""
        place = self._file("pods")
        place.mkdir(exist_ok=True)
        (place / f"{pod.task}.json").write_bytes(msgspec.json.encode(pod))

    def pod(self, task: str) -> Pod:
        """Return what a task's pod is made of; KeyError if it has had none."""
        path = self._file("pods") / f"{task}.json"
        if not path.is_file():
            raise KeyError(task)
        return msgspec.json.decode(path.read_bytes(), type=Pod)

    def pods(self) -> list[Pod]:
        """List the pods of all tasks."""
        return [self.pod(path.stem) for path in sorted(self._file("pods").glob("*.json"))]

    def home(self, pod: str) -> Path:
        """Return the folder that is a pod's own."""
        return self._file("homes") / pod

    def log(self, pod: str) -> Path:
        """Return the file of what a pod prints."""
        return self._file("logs") / f"{pod}.log"

    def evicted(self, pod: str) -> Path:
        """Return the file that says that a pod is evicted."""
        return self._file("evicted") / pod

    def engine_log(self) -> Path:
        """Return the file of what the engine prints."""
        return self._file("engine.log")

    def write_pid(self, pid: int) -> None:
        """Note the engine's process."""
        self._file("pid").write_text(str(pid))

    def pid(self) -> int:
        """Return the engine's process."""
        return int(self._file("pid").read_text())

    def _file(self, name: str) -> Path:
        return self.path / name
