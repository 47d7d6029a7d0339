"""Stage: pin what a schedule runs, and have the server start a run of it."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from mlops_nb import encoding
from mlops_nb.capture import git
from mlops_nb.exceptions import CodeError, StageError
from mlops_nb.settings import FILE_NAME
from mlops_nb.stages import FailedElsewhereError, Skipped
from mlops_nb.types import Failure

_REMOTE = "origin"
# It knows the verbs, which are above the stages.
_PROCESS = ("-m", "mlops_nb.scheduling.pod")


def run(
    *,
    schedule: str,
    repository: str,
    folder: str,
    surroundings: str,
    settings: str,
    versions: str,
) -> dict[str, str]:
    """Fetch the head of the schedule's branch, or its frozen commit, and submit a run of it.

    Args:
        schedule: The schedule, as JSON.
        repository: URL of the code.
        folder: The project's folder in it.
        surroundings: What the run has of the process that made the schedule, as JSON.
        settings: Settings that have the last word over those of the commit, as JSON.
        versions: Ids of the published pipelines by their names, as JSON.

    Returns:
        `run`, the id of the run.

    Raises:
        CodeError: The branch is gone, or the commit is no project.
        FailedElsewhereError: Something cannot be pinned, or the server refuses.
        Skipped: There is nothing to run.
    """
    asked = encoding.loads(schedule)
    with tempfile.TemporaryDirectory(prefix="mlops-firing-") as scratch:
        sha = asked["frozen"] or git.head_of(repository, asked["branch"].removeprefix("origin/"))
        bare, tree = Path(scratch, "code").resolve(), Path(scratch, "tree").resolve()
        git.fetch(repository, sha, bare)
        git.checkout(bare, tree)
        git.run(["remote", "set-url", _REMOTE, repository], cwd=tree)
        root = tree / folder
        if not (root / FILE_NAME).is_file():
            raise CodeError(
                f"commit {sha[:12]} of {git.without_credentials(repository)} has no "
                f"{Path(folder, FILE_NAME)}",
                hint=f"commit it: git add {FILE_NAME}",
            )
        print(f"commit {sha} of {git.without_credentials(repository)}")
        answer = _answer(
            Path(scratch),
            {
                "root": str(root),
                "sha": sha,
                "schedule": asked,
                "surroundings": encoding.loads(surroundings),
                "settings": encoding.loads(settings),
                "versions": encoding.loads(versions),
            },
        )
    if "failure" in answer:
        raise FailedElsewhereError(msgspec.convert(answer["failure"], Failure))
    if answer["reason"] is not None:
        raise Skipped(answer["reason"], run="")
    return {"run": answer["run"]}


def _answer(scratch: Path, asked: dict[str, Any]) -> dict[str, Any]:
    given, taken = scratch / "asked.json", scratch / "answer.json"
    given.write_text(json.dumps(asked), encoding="utf-8")
    command = [sys.executable, *_PROCESS, str(given), str(taken)]
    done = subprocess.run(command, cwd=scratch, stdin=subprocess.DEVNULL, check=False)
    if not taken.is_file():
        raise StageError(
            f"the process that pins ended with {done.returncode}",
            hint="see the log of the pod; often it was out of memory",
        )
    answer: dict[str, Any] = encoding.loads(taken.read_bytes())
    return answer
