"""A revision as a container of this machine.

What the supervisor watches is the engine's client, which stays for as long as the container runs,
hands signals on to it, and ends with its exit code.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from mlops_nb.deployment import command
from mlops_nb.deployment.local import launch, tree

if TYPE_CHECKING:
    from pathlib import Path

    from mlops_nb.deployment.local.launch import End
    from mlops_nb.deployment.local.records import Place, WantedRevision

# The engines that run containers; Buildah only builds them.
ENGINES = ("podman", "docker")
_TOKEN = "/run/mlops/token"  # noqa: S105  (where it is)
_REQUESTS = "/var/log/mlops"
_PORT = 8080
_ROOT, _USER = 0, 1000
_KILLED = 137
_ENGINE_S = 20.0


class Container:
    """Starts and ends the container of one revision.

    Args:
        place: The deployment's folder.
        mark: What its client carries, and its label.
        engine: `podman` or `docker`.
    """

    def __init__(self, place: Place, mark: str, engine: str) -> None:
        self.place, self.mark, self.engine = place, mark, engine
        self.name = f"mlops-{mark.replace('/', '-')}"

    def start(self, wanted: WantedRevision) -> tuple[subprocess.Popen[bytes], int]:
        """Start it; return the engine's client and the port of this machine."""
        log = self.place.open_log(wanted.number)
        with launch.bind() as listener:
            port = listener.getsockname()[1]
        secrets = self.place.secrets(wanted.number)
        with os.fdopen(log, "ab") as output:
            process = subprocess.Popen(
                [self.engine, "run", *self._isolation(wanted), *self._command(wanted, port)],
                cwd=self.place.folder,
                env={**launch.kept(launch.ENGINE), **secrets, tree.MARK: self.mark},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        return process, port

    def kill(self) -> None:
        """End all that is left of it."""
        if self._state() is not None:
            with contextlib.suppress(subprocess.SubprocessError, OSError):
                self._run("rm", "--force", "--volumes", self.name)
        tree.kill(self.mark)

    def end(self, code: int) -> End:
        """Say how it has ended."""
        state = self._state() or {}
        if state.get("OOMKilled"):
            return launch.End("OutOfMemory", "it is out of memory")
        # Not every kernel tells an engine that it was memory.
        if code == _KILLED:
            return launch.End("OutOfMemory", "it was ended by SIGKILL, as what is out of memory is")
        return launch.End("ServiceEnded", f"it ended with exit code {code}")

    def held_bytes(self, pid: int, limit_bytes: int) -> int:
        """Return 0: the engine itself holds the container to its limit."""
        del pid, limit_bytes
        return 0

    def _isolation(self, wanted: WantedRevision) -> list[str]:
        memory = str(launch.memory_limit_bytes(wanted.descriptor))
        options = {
            "name": self.name,
            "label": f"mlops.deployment={self.mark}",
            # Swap is part of it: what is out of memory ends, and does not crawl.
            "memory": memory,
            "memory-swap": memory,
            "cap-drop": "all",
            "tmpfs": "/tmp",  # noqa: S108  (the container's own)
        }
        given = [text for name, value in options.items() for text in (f"--{name}", value)]
        # The folder of the log and the file of the token are shared with the user alone.
        security = ["no-new-privileges", "label=disable"]
        given += [text for option in security for text in ("--security-opt", option)]
        return [*given, "--read-only", "--no-healthcheck", *self._user()]

    def _user(self) -> list[str]:
        """Return who it runs as: never root, and one who can read and write what is shared."""
        if os.getuid() == _ROOT:
            return ["--user", f"{_USER}:{_ROOT}"]
        keep = ["--userns", "keep-id"] if self.engine == "podman" else []
        return [*keep, "--user", f"{os.getuid()}:{_ROOT}"]

    def _command(self, wanted: WantedRevision, port: int) -> list[str]:
        requests = self.place.make_requests(wanted.number)
        self._share(requests, 0o770)
        self._share(self.place.token, 0o640)
        given = [
            *("--publish", f"{launch.HOST}:{port}:{_PORT}"),
            *("--volume", f"{self.place.token}:{_TOKEN}:ro"),
            *("--volume", f"{requests}:{_REQUESTS}"),
        ]
        environment = wanted.descriptor.environment
        given += [text for n, v in environment.items() for text in ("--env", f"{n}={v}")]
        # The engine takes the value of a name alone from its own environment: no list of processes
        # shows it.
        given += [text for name in wanted.descriptor.secrets for text in ("--env", name)]
        places = {"host": "0.0.0.0", "port": _PORT, "token-file": _TOKEN, "log-folder": _REQUESTS}  # noqa: S104  (of the container alone)
        options = {**places, **launch.options(wanted)}
        return [*given, wanted.image, *command.arguments(options)]

    def _share(self, path: Path, mode: int) -> None:
        """Let the container's user in, where it is another one; the folder keeps others out."""
        if os.getuid() == _ROOT:
            os.chown(path, -1, _ROOT)
            path.chmod(mode)

    def _state(self) -> dict[str, Any] | None:
        """Return what the engine knows of it; None if there is no such container, or no answer."""
        with contextlib.suppress(subprocess.SubprocessError, OSError):
            state: dict[str, Any] = json.loads(self._run("container", "inspect", self.name))[0][
                "State"
            ]
            return state
        return None

    def _run(self, *arguments: str) -> bytes:
        return subprocess.run(
            [self.engine, *arguments],
            env=launch.kept(launch.ENGINE),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=_ENGINE_S,
        ).stdout
