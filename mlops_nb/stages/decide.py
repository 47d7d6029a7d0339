"""Stage: raise an alarm where a window has drifted, and start what is to follow it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from mlops_nb import encoding, journal
from mlops_nb.exceptions import StageError
from mlops_nb.journal import WindowJudged, emit
from mlops_nb.monitoring import judging
from mlops_nb.settings import STATE_FOLDER
from mlops_nb.stages import DRIVER_PID, STAGE_HOST, reuse
from mlops_nb.stages import volume as volumes
from mlops_nb.types import MonitoringReport

_NOTHING = "nothing"
# What this run has set for its own processes; a run of its own has its own.
_OF_THIS_RUN = (
    journal.RUN_ID,
    journal.RUN_FOLDER,
    DRIVER_PID,
    STAGE_HOST,
    reuse.FOLDER,
    "TMPDIR",
)


def run(
    *, volume: str, report: str, on_drift: str, follow: str, project: str, snapshot: str
) -> dict[str, str]:
    """Say what the window is, and start a run where it has drifted and one is wanted.

    Args:
        volume: What the stages of the run share.
        report: Place of the report in it.
        on_drift: "nothing", or the verb to start.
        follow: JSON list of the words of that verb.
        project: The project's folder.
        snapshot: Has the environment that a pod works in.

    Returns:
        `started`, the id of the run that was started, "" where none was.

    Raises:
        StageError: It does not start.
    """
    text = volumes.existing(volume, report).read_bytes()
    found = msgspec.convert(encoding.loads(text), MonitoringReport)
    alert = judging.alert(found)
    started = ""
    if alert is not None and on_drift != _NOTHING:
        started = _started(found, Path(project), [on_drift, *encoding.loads(follow)])
    outcome = judging.outcome(found, started or None)
    findings = (*([alert] if alert is not None else ()), *found.findings)
    emit(WindowJudged(monitoring=outcome, findings=findings))
    print(alert.message if alert is not None else found.verdict.value)
    return {"started": started}


def _started(found: MonitoringReport, project: Path, words: list[str]) -> str:
    """Start a run, once for each revision: drift that goes on is no further reason for it."""
    mark = _mark(found, project)
    mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        print(f"run {mark.read_text()} was started for this revision already")
        return ""
    try:
        run_id = _submitted(project, words)
    except BaseException:
        mark.unlink()
        raise
    if run_id:
        mark.write_text(run_id, encoding="utf-8")
    else:
        mark.unlink()
    return run_id


def _mark(found: MonitoringReport, project: Path) -> Path:
    window = found.window
    folder = project / STATE_FOLDER / "monitoring"
    return folder / f"{window.deployment}-{window.revision}.started"


def _submitted(project: Path, words: list[str]) -> str:
    command = [sys.executable, "-m", "mlops_nb", *words, "--project", str(project), "--json"]
    own = {name: value for name, value in os.environ.items() if name not in _OF_THIS_RUN}
    done = subprocess.run(
        command,
        cwd=project,
        env=own,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        start_new_session=True,
    )
    print(done.stderr.decode(errors="replace"))
    answer = _answer(done.stdout)
    if done.returncode:
        error = answer.get("error") or {}
        raise StageError(
            f"{words[0]} does not start: {error.get('message', 'see the log of the stage')}",
            hint=error.get("hint", "see the log of the stage decide: jupyter mlops logs"),
        )
    # Without any new data there is nothing to learn on from, and no run.
    return str(answer.get("id", ""))


def _answer(output: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(output)
    except ValueError:
        return {}
    return found
