"""The life of a pod: admitted, started, watched, ended with all of its processes."""

from __future__ import annotations

import contextlib
import subprocess
import threading
import time
from typing import TYPE_CHECKING

from mlops_nb.testing.kubeflow import launch, nodes
from mlops_nb.testing.kubeflow.ledger import FAILED, PENDING, RUNNING, SUCCEEDED

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psutil

    from mlops_nb.testing.kubeflow.ledger import Job, Ledger
    from mlops_nb.testing.kubeflow.pod import Pod

_LOOK_S = 0.02


class Kubelet:
    """Executes the pods of one run.

    Args:
        ledger: The run's folder.
        job: What the run is.
    """

    def __init__(self, ledger: Ledger, job: Job) -> None:
        self._ledger = ledger
        self._job = job
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End all pods, and let none begin."""
        self._stopping.set()
        for pod in self._ledger.pods():
            kill(pod.name)

    def run(self, pod: Pod, node: str) -> bool:
        """Execute a pod to its end; return whether it succeeded."""
        self._note(PENDING, node)
        try:
            error = self._execute(pod, node)
        except ValueError as refused:
            error = str(refused)
        self._note(FAILED if error else SUCCEEDED, node, error)
        return not error

    def _note(self, state: str, node: str, error: str = "") -> None:
        self._ledger.append(state, node, nodes.EXECUTOR, error)
        group = node.partition("(")[0]
        if group != node:
            self._ledger.append(state, group, nodes.EXECUTOR, error)

    def _execute(self, pod: Pod, node: str) -> str:
        """Return the error of a pod, empty if there is none."""
        if self._job.images is not None and pod.image not in self._job.images:
            return f'ErrImagePull: failed to pull image "{pod.image}": not found'
        start = launch.start(pod, self._job, self._ledger)
        made = launch.link(start)
        try:
            return self._watch(pod, node, start)
        finally:
            kill(pod.name)
            launch.unlink(made)

    def _watch(self, pod: Pod, node: str, start: launch.Start) -> str:
        log = self._ledger.log(pod.name)
        log.parent.mkdir(exist_ok=True)
        with log.open("wb") as file:
            if self._stopping.is_set():
                return "the workflow is terminated"
            process = subprocess.Popen(
                start.argv,
                env=start.environment,
                cwd=start.folder,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._note(RUNNING, node)
        try:
            code = process.wait(pod.deadline_s)
        except subprocess.TimeoutExpired:
            kill(pod.name)
            process.wait()
            return "Pod was active on the node longer than the specified deadline"
        return self._said(pod, code)

    def _said(self, pod: Pod, code: int) -> str:
        """Say an exit code as Kubernetes does: a signal counts from 128."""
        if self._ledger.evicted(pod.name).exists():
            self._ledger.evicted(pod.name).unlink()
            return "Evicted: The node was low on resource: memory."
        if code == 0:
            return ""
        number = 128 - code if code < 0 else code
        killed = "OOMKilled " if number == 137 else "Error "
        return f"{killed}(exit code {number})"


def kill(pod: str) -> None:
    """End all processes of a pod at once: what has its name in its environment is of it."""
    import psutil

    while found := list(_of_pod(pod)):
        for process in found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        # Not waited for: who started a pod would then not learn how it ended.
        time.sleep(_LOOK_S)


def _of_pod(pod: str) -> Iterator[psutil.Process]:
    import psutil

    for process in psutil.process_iter():
        # Any of them may end while it is looked at.
        with contextlib.suppress(psutil.Error, OSError):
            ended = process.status() == psutil.STATUS_ZOMBIE
            if not ended and process.environ().get(launch.POD_NAME) == pod:
                yield process
