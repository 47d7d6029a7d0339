"""Perform a stage of a pod in the environment that the snapshot's lock describes.

A pod's image has what every team's stages need, and nothing of a team's own. The environment is in
the image, where one was built for that lock, or else made by uv in the run's volume: pods need no
right to push images, and a volume that outlives the run has the environment for the next one.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb import encoding, environments, processes
from mlops_nb.journal import Preparing, StageKilled, emit
from mlops_nb.stages import FailedElsewhereError, Outputs, Skipped, failure_of, load
from mlops_nb.stages import volume as volumes
from mlops_nb.types import Failure, Snapshot

if TYPE_CHECKING:
    from collections.abc import Mapping

PLACE = "MLOPS_NB_ENVIRONMENTS"


def run(stage: str, inputs: Mapping[str, str]) -> Outputs:
    """Perform a stage in its own environment, built where it is not.

    Raises:
        LockError: The environment cannot be built.
        FailedElsewhereError: The stage failed there.
        Skipped: There was nothing to do.
    """
    python = _python(inputs)
    with tempfile.TemporaryDirectory() as scratch:
        given, taken = Path(scratch, "inputs.json"), Path(scratch, "outputs.json")
        given.write_text(json.dumps([stage, dict(inputs)]), encoding="utf-8")
        command = [str(python), "-m", __name__, str(given), str(taken)]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if taken.is_file():
            answer: dict[str, Any] = encoding.loads(taken.read_bytes())
            if "failure" in answer:
                raise FailedElsewhereError(msgspec.convert(answer["failure"], Failure))
            outputs: Outputs = answer["outputs"]
            if answer["skipped"] is not None:
                raise Skipped(answer["skipped"], **outputs)
            return outputs
    peak = processes.memory_bytes(usage)
    how = f"ended with {process.returncode}"
    if process.returncode < 0:
        name = signal.Signals(-process.returncode).name
        emit(StageKilled(stage=stage, signal=name, peak_memory_bytes=peak))
        how = f"was killed by {name}; it held {peak / 1e6:,.0f} MB at the most"
    raise FailedElsewhereError(
        Failure(
            type="StageKilled",
            message=f"the process of stage {stage} {how}",
            hint="give it more memory: resources.memory in mlops.toml",
            stage=stage,
        )
    )


def _python(inputs: Mapping[str, str]) -> Path:
    environment = msgspec.convert(encoding.loads(inputs["snapshot"]), Snapshot).environment
    shared = volumes.folder(inputs["volume"])
    folder = shared / environments.FOLDER
    for place in (Path(os.environ.get(PLACE) or os.devnull), folder):
        found = environments.built(environment, place)
        if found is not None:
            return found
    packages = len(environment.lock)
    emit(Preparing(what=f"an environment of {packages} packages, from the lock"))
    # On the volume uv links what it installs; from any other place it would copy.
    os.environ.setdefault("UV_CACHE_DIR", str(shared / "uv"))
    return environments.ready(environment, folder, exact=False)


def main(given: str, taken: str) -> int:
    """Perform a stage and leave what it came to in a file."""
    stage, inputs = encoding.loads(Path(given).read_bytes())
    try:
        answer: dict[str, Any] = {"outputs": load(stage).run(**inputs), "skipped": None}
    except Skipped as skipped:
        answer = {"outputs": skipped.outputs, "skipped": skipped.reason}
    except Exception as error:
        # The parent says it; what a person wants to see of an unplanned one is in the log.
        sys.excepthook(type(error), error, error.__traceback__)
        answer = {"failure": msgspec.to_builtins(failure_of(stage, error))}
    Path(taken).write_text(json.dumps(answer), encoding="utf-8")
    return int("failure" in answer)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
