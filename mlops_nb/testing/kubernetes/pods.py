"""Pods as processes of this machine: they are pulled, started, probed, and started again."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

_PAUSE_S = 0.5


class Pod:
    """One pod, and the process that stands for its container.

    Args:
        name: Its name.
        service: The InferenceService that it belongs to.
        predictor: What it runs.
        images: Command of each image that can be pulled.
        secrets: Secrets of the namespace.
        claims: Folder of each volume claim of the namespace; arguments that name a place where one
            is mounted name that folder for the process.
        log: File that gets what it prints.
    """

    def __init__(
        self,
        name: str,
        service: str,
        predictor: dict[str, Any],
        *,
        images: Mapping[str, Sequence[str]],
        secrets: Mapping[str, Mapping[str, str]],
        claims: Mapping[str, Path],
        log: Path,
    ) -> None:
        self.name, self.service, self.log = name, service, log
        self.container: dict[str, Any] = predictor["containers"][0]
        self.images, self.secrets = images, secrets
        self.claims = claims
        self.volumes: list[dict[str, Any]] = predictor.get("volumes", [])
        self.port = 0
        self.restarts = 0
        self.ready = False
        self.waiting: dict[str, str] | None = {"reason": "ContainerCreating"}
        self.unscheduled = ""
        self.last: dict[str, Any] | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._again = 0.0

    def step(self) -> None:
        """Do what is due."""
        if self._process is None:
            if time.monotonic() >= self._again:
                self._start()
            return
        code = self._process.poll()
        if code is None:
            self.ready = self._answers()
            return
        reason = "OOMKilled" if code == -signal.SIGKILL else "Error"
        self.last = {"exitCode": code if code >= 0 else 128 - code, "reason": reason}
        self.ready, self._process = False, None
        self.restarts += 1
        self.waiting = {
            "reason": "CrashLoopBackOff",
            "message": "back-off restarting failed container",
        }
        self._again = time.monotonic() + _PAUSE_S * 2**self.restarts

    def stop(self) -> None:
        """End it as the kubelet does: ask, then kill."""
        self.ready = False
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def object(self, namespace: str) -> dict[str, Any]:
        """Return it as the API has it."""
        state = {"waiting": self.waiting} if self.waiting else {"running": {}}
        status: dict[str, Any] = {
            "name": self.container["name"],
            "ready": self.ready,
            "restartCount": self.restarts,
            "state": state,
        }
        if self.last:
            status["lastState"] = {"terminated": self.last}
        return {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {
                "name": self.name,
                "namespace": namespace,
                "labels": {"serving.kserve.io/inferenceservice": self.service},
            },
            "spec": {"containers": [self.container]},
            "status": {
                "phase": "Pending" if self.waiting else "Running",
                "conditions": [self._scheduled()],
                "containerStatuses": [] if self.unscheduled else [status],
            },
        }

    def _scheduled(self) -> dict[str, Any]:
        if not self.unscheduled:
            return {"type": "PodScheduled", "status": "True"}
        said = {
            "reason": "Unschedulable",
            "message": f"0/1 nodes are available: {self.unscheduled}",
        }
        return {"type": "PodScheduled", "status": "False", **said}

    def _start(self) -> None:
        command = self.images.get(self.container["image"])
        if command is None:
            said = f'Back-off pulling image "{self.container["image"]}"'
            self.waiting = {"reason": "ImagePullBackOff", "message": said}
            return
        environment, folders = self._environment(), self._folders()
        if environment is None or folders is None:
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        environment["MLOPS_SERVING_PORT"] = str(self.port)
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *(_placed(a, folders) for a in self.container.get("args", []))],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        self.waiting = None

    def _environment(self) -> dict[str, str] | None:
        """Return the variables of the container, None where a secret is missing."""
        found = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        for one in self.container.get("env", []):
            wanted = one.get("valueFrom", {}).get("secretKeyRef")
            if wanted is None:
                found[one["name"]] = one.get("value", "")
                continue
            value = self.secrets.get(wanted["name"], {}).get(wanted["key"])
            if value is None:
                said = f'secret "{wanted["name"]}" not found'
                self.waiting = {"reason": "CreateContainerConfigError", "message": said}
                return None
            found[one["name"]] = value
        return found

    def _folders(self) -> dict[str, Path] | None:
        """Return what is mounted where, None where a claim is missing."""
        found = {}
        for mount in self.container.get("volumeMounts", []):
            (volume,) = (one for one in self.volumes if one["name"] == mount["name"])
            claim = volume.get("persistentVolumeClaim", {}).get("claimName")
            if claim is not None and claim not in self.claims:
                self.unscheduled = f'persistentvolumeclaim "{claim}" not found'
                return None
            if claim is not None:
                found[mount["mountPath"]] = self.claims[claim]
        return found

    def _answers(self) -> bool:
        path = self.container["readinessProbe"]["httpGet"]["path"]
        asked = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
        try:
            asked.request("GET", path)
            answer = asked.getresponse()
            answer.read()
            return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            asked.close()


def _placed(argument: str, folders: Mapping[str, Path]) -> str:
    for path, folder in folders.items():
        if argument.startswith(f"{path}/"):
            return f"{folder}{argument.removeprefix(path)}"
    return argument
