"""A revision as a process of this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.deployment import command
from mlops_nb.deployment.local import launch, tree
from mlops_nb.serving.package import RUNTIME

if TYPE_CHECKING:
    from mlops_nb.deployment.local.launch import End
    from mlops_nb.deployment.local.records import Place, WantedRevision

# What others send; a fault of the service itself ends it by SIGSEGV and the like.
_SENT = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Process:
    """Starts and ends the process of one revision.

    Args:
        place: The deployment's folder.
        mark: What its processes carry.
    """

    def __init__(self, place: Place, mark: str) -> None:
        self.place, self.mark = place, mark

    def start(self, wanted: WantedRevision) -> tuple[subprocess.Popen[bytes], int]:
        """Start it; return the process and its port.

        The port is open before the process is there, and only the process keeps it open afterwards.
        """
        log = self.place.open_log(wanted.number)
        with os.fdopen(log, "ab") as output, launch.bind() as listener:
            process = subprocess.Popen(
                self._command(wanted, listener.fileno()),
                cwd=self.place.folder,
                env=self._environment(wanted),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                pass_fds=(listener.fileno(),),
                start_new_session=True,
            )
            return process, listener.getsockname()[1]

    def kill(self) -> None:
        """End all that is left of it."""
        tree.kill(self.mark)

    def end(self, code: int) -> End:
        """Say how it has ended."""
        if code >= 0:
            return launch.End("ServiceEnded", f"it ended with exit code {code}")
        kind = launch.KILLED if -code in _SENT else "ServiceEnded"
        with contextlib.suppress(ValueError):
            return launch.End(kind, f"it was ended by {signal.Signals(-code).name}")
        return launch.End(kind, f"it was ended by signal {-code}")

    def held_bytes(self, pid: int, limit_bytes: int) -> int:
        """Return what it holds of the memory."""
        return tree.memory_bytes(pid, limit_bytes)

    def _command(self, wanted: WantedRevision, descriptor: int) -> list[str]:
        places = {
            "fd": descriptor,
            "token-file": self.place.token,
            "log-folder": self.place.make_requests(wanted.number),
        }
        options = command.arguments({**places, **launch.options(wanted)})
        return [wanted.python, "-m", "mlops_nb.serving", wanted.folder, *options]

    def _environment(self, wanted: WantedRevision) -> dict[str, str]:
        """Return little, what the revision asks for, and its secrets."""
        return {
            **launch.kept(),
            "PYTHONUNBUFFERED": "1",
            **wanted.descriptor.environment,
            **self.place.secrets(wanted.number),
            "PYTHONPATH": str(Path(wanted.folder) / RUNTIME),
            tree.MARK: self.mark,
        }
