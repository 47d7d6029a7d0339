"""A process with MLflow, pandas and scikit-learn imported, from which a run's stages are forked.

    python -m mlops_nb.stages.host

Three stages of a training run import the same libraries, and that import is most of what a run
costs beside the training itself. On Linux a local run pays it once: for what trains, while code
and data are being provisioned; for what evaluates, while the notebook runs. The stage is still
a process of its own. A task asks over a socket in the run's folder, waits, and ends as its
stage ends.
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
from mlops_nb.journal import RUN_FOLDER, RunFolder, StageKilled
from mlops_nb.stages import DRIVER_PID, STAGE_HOST, Outputs, perform

if TYPE_CHECKING:
    import resource
    from collections.abc import Mapping

# Relative to the run's folder, where all processes of a run start: the path of a socket may have
# no more than about a hundred bytes.
SOCKET = "host.sock"
PYTHON = "python3"
STAGES = ("train", "evaluate", "register", "assemble", "tune", "collect", "drift")
ONCE = "once"
AVAILABLE = sys.platform == "linux"
_POLL_S = 0.2
# Stages that are skipped follow each other faster, and need nothing of the rest.
_QUIET_S = 0.5


class KilledError(StageError):
    """The process of a stage ended without a word of its own."""


def call(stage: str, inputs: Mapping[str, str]) -> Outputs:
    """Have a stage performed by a fork of the host, and wait for it.

    Raises:
        StageError: The stage failed or was killed.
    """
    connection = _connected()
    if connection is None:
        # It is gone; what it would have imported is imported here.
        return perform(stage, inputs)
    with connection:
        _put(connection, stage, inputs, {})
        return answer(connection, stage)


def ask(stage: str, inputs: Mapping[str, str], environment: Mapping[str, str]) -> socket.socket:
    """Have a stage performed in a process of its own, and do not wait.

    Args:
        stage: Name of the stage.
        inputs: Its inputs.
        environment: What is different in that process's environment.

    Returns:
        A socket that becomes readable when the stage has ended; `answer` reads how.
    """
    connection = _connected() if STAGE_HOST in os.environ else None
    if connection is None:
        connection, theirs = socket.socketpair()
        with theirs:
            # Not by its name: a pod's own is another one than that of the run's environment.
            command = [sys.executable, "-m", "mlops_nb.stages.host", ONCE]
            process = subprocess.Popen(command, stdin=theirs.fileno())
        # Its end is that of the socket: no wait, and no warning about it.
        process.returncode = 0
    _put(connection, stage, inputs, environment)
    return connection


def answer(connection: socket.socket, stage: str) -> Outputs:
    """Wait for the end of a stage and return its outputs.

    Raises:
        StageError: The stage failed.
        KilledError: Its process ended without a word.
    """
    with connection.makefile("rb") as answers:
        line = answers.readline()
    if not line:
        raise KilledError(f"stage {stage}: its process was killed", hint="see the stage's log")
    said: dict[str, Any] = json.loads(line)
    if "outputs" not in said:
        raise StageError(f"stage {stage}: {said['error']}", hint="see the stage's log")
    outputs: Outputs = said["outputs"]
    return outputs


def _connected() -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(SOCKET)
    except OSError:
        connection.close()
        return None
    return connection


def _put(
    connection: socket.socket,
    stage: str,
    inputs: Mapping[str, str],
    environment: Mapping[str, str],
) -> None:
    question = [stage, dict(inputs), dict(environment)]
    connection.sendall(json.dumps(question).encode() + b"\n")


def _question(connection: socket.socket) -> tuple[str, dict[str, str], dict[str, str]]:
    with connection.makefile("rb") as questions:
        stage, inputs, environment = json.loads(questions.readline())
    return stage, inputs, environment


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
    """Serve the socket on standard input until the driver is gone, or answer one question."""
    if sys.argv[1:] == [ONCE]:
        connection = socket.socket(fileno=os.dup(sys.stdin.fileno()))
        _perform(connection, *_question(connection))
    with socket.socket(fileno=sys.stdin.fileno()) as server:
        _import()
        _serve(server, int(os.environ[DRIVER_PID]))


def _serve(server: socket.socket, driver: int) -> None:
    # One thread: a fork copies no other.
    children: dict[int, tuple[socket.socket, str, dict[str, str]]] = {}
    is_whole = False
    while processes.is_alive(driver):
        if select.select([server], [], [], _POLL_S if is_whole else _QUIET_S)[0]:
            connection, _ = server.accept()
            stage, inputs, environment = _question(connection)
            child = os.fork()
            if child == 0:
                # A copy here of what another one answers through would hide that one's death.
                for held in (server, *(other for other, _, _ in children.values())):
                    held.close()
                _perform(connection, stage, inputs, environment)
            children[child] = (connection, stage, environment)
        elif not is_whole:
            _import_rest()
            is_whole = True
        for pid in list(children):
            ended, status, usage = os.wait4(pid, os.WNOHANG)
            if ended:
                connection, stage, environment = children.pop(pid)
                _say_if_killed(stage, environment, status, usage)
                # The last copy of the connection: who waits for a killed child hears of it now.
                connection.close()


def _say_if_killed(
    stage: str, environment: Mapping[str, str], status: int, usage: resource.struct_rusage
) -> None:
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        peak = processes.memory_bytes(usage)
        folder = environment.get(RUN_FOLDER) or os.environ[RUN_FOLDER]
        killed = StageKilled(stage=stage, signal=name, peak_memory_bytes=peak)
        RunFolder(Path(folder)).append(killed)


def _perform(
    connection: socket.socket,
    stage: str,
    inputs: Mapping[str, str],
    environment: Mapping[str, str],
) -> NoReturn:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.environ.update(environment)
    code = 1
    try:
        said: dict[str, Any] = {"outputs": perform(stage, inputs)}
        code = 0
    except MlopsError as error:
        # Planned: what the user's own code did is in the log already, and ours says nothing more.
        print(f"error: {error}", file=sys.stderr)
        said = {"error": f"{type(error).__name__}: {error}"}
    except BaseException as error:
        traceback.print_exc()
        said = {"error": f"{type(error).__name__}: {error}"}
    with suppress(OSError):
        connection.sendall(json.dumps(said).encode() + b"\n")
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def _import() -> None:
    """Import what a training needs before its notebook can start."""
    import mlflow.store.model_registry.sqlalchemy_store
    import mlflow.store.tracking.sqlalchemy_store

    import mlops_nb.stages.train

    mlops_nb.stages.train.import_engine()
    del mlflow


def _import_rest() -> None:
    """Import what comes behind the notebook, in a moment in which nobody asks."""
    import mlflow.pyfunc
    import mlflow.sklearn
    import pandas
    import sklearn.metrics

    del mlflow, pandas, sklearn


if __name__ == "__main__":
    main()
