"""A process with MLflow, pandas and scikit-learn imported, from which a run's stages are forked.

    python -m mlops_nb.stages.host

Three stages of a training run import the same libraries, and that import is most of what a run
costs beside the training itself. On Linux a local run pays it once, while code and data are being
provisioned; the stage is still a process of its own. A task asks over a socket in the run's folder,
waits, and ends as its stage ends.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from mlops_nb import processes
from mlops_nb.exceptions import MlopsError, StageError
from mlops_nb.journal import StageKilled, emit
from mlops_nb.stages import DRIVER_PID, Outputs, perform

if TYPE_CHECKING:
    import resource
    from collections.abc import Mapping

# Relative to the run's folder, where all processes of a run start: the path of a socket may have
# no more than about a hundred bytes.
SOCKET = "host.sock"
PYTHON = "python3"
STAGES = ("train", "evaluate", "register", "assemble", "collect", "drift")
AVAILABLE = sys.platform == "linux"
_POLL_S = 0.2


def call(stage: str, inputs: Mapping[str, str]) -> Outputs:
    """Have a stage performed by a fork of the host, and wait for it.

    Raises:
        StageError: The stage failed or was killed.
    """
    with socket.socket(socket.AF_UNIX) as connection:
        try:
            connection.connect(SOCKET)
        except OSError:
            # It is gone; what it would have imported is imported here.
            return perform(stage, inputs)
        connection.sendall(json.dumps([stage, inputs]).encode() + b"\n")
        with connection.makefile("rb") as answers:
            line = answers.readline()
    answer: dict[str, Any] = json.loads(line) if line else {"error": "its process was killed"}
    if "outputs" not in answer:
        raise StageError(f"stage {stage}: {answer['error']}", hint="see the stage's log")
    outputs: Outputs = answer["outputs"]
    return outputs


def start(environment: Mapping[str, str], log: Path) -> None:
    """Start the host, with a run's folder as working folder.

    The socket listens before this returns, so that whoever asks early waits in its queue.
    """
    Path(SOCKET).unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as server, log.open("ab") as output:
        server.bind(SOCKET)
        server.listen(len(STAGES))
        subprocess.Popen(
            [PYTHON, "-m", "mlops_nb.stages.host"],
            stdin=server.fileno(),
            stdout=output,
            stderr=output,
            env=dict(environment),
        )


def main() -> None:
    """Serve the socket on standard input until the driver is gone."""
    with socket.socket(fileno=sys.stdin.fileno()) as server:
        _import()
        _serve(server, int(os.environ[DRIVER_PID]))


def _serve(server: socket.socket, driver: int) -> None:
    # One thread: a fork copies no other.
    children: dict[int, tuple[socket.socket, str]] = {}
    while processes.is_alive(driver):
        if select.select([server], [], [], _POLL_S)[0]:
            connection, _ = server.accept()
            with connection.makefile("rb") as questions:
                stage, inputs = json.loads(questions.readline())
            child = os.fork()
            if child == 0:
                server.close()
                _perform(connection, stage, inputs)
            children[child] = (connection, stage)
        for pid in list(children):
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                connection, stage = children.pop(pid)
                _say_if_killed(stage, status, usage)
                # The last copy of the connection: who waits for a killed child hears of it now.
                connection.close()


def _say_if_killed(stage: str, status: int, usage: resource.struct_rusage) -> None:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        peak = processes.memory_bytes(usage)
        emit(StageKilled(stage=stage, signal=name, peak_memory_bytes=peak))


def _perform(connection: socket.socket, stage: str, inputs: Mapping[str, str]) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    code = 1
    try:
        answer: dict[str, Any] = {"outputs": perform(stage, inputs)}
        code = 0
    except MlopsError as error:
        # Planned: what the user's own code did is in the log already, and ours says nothing more.
        print(f"error: {error}", file=sys.stderr)
        answer = {"error": f"{type(error).__name__}: {error}"}
    except BaseException as error:
        traceback.print_exc()
        answer = {"error": f"{type(error).__name__}: {error}"}
    with suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _import() -> None:
    import mlflow.pyfunc
    import mlflow.sklearn
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store
    import pandas
    import sklearn.metrics

    import mlops_nb.stages.train

    mlops_nb.stages.train.import_engine()
    del mlflow, pandas, sklearn


if __name__ == "__main__":
    main()
