"""What a process says of the run that it works for."""

from __future__ import annotations

import os
from pathlib import Path

from mlops_nb.journal.events import IN_LOG, AnyEvent, EvaluationReported, WindowReported, encode
from mlops_nb.journal.folder import RunFolder
from mlops_nb.types import MonitoringReport, Report

RUN_ID = "MLOPS_RUN_ID"
RUN_FOLDER = "MLOPS_RUN_FOLDER"


def emit(event: AnyEvent) -> None:
    """Append an event to the journal of the run that this process works for.

    Without a run folder, as in a pod, the event is a line of standard output, which
    `event_of_line` reads.
    """
    folder = os.environ.get(RUN_FOLDER)
    if folder:
        RunFolder(Path(folder)).append(event)
    else:
        # Of its own, whatever the user's code has left unfinished on the line before.
        os.write(1, b"\n" + IN_LOG + encode(event))


def keep_report(page: str, report: Report | MonitoringReport) -> None:
    """Keep a report with the run that this process works for; a pod says it, without its page."""
    folder = os.environ.get(RUN_FOLDER)
    if folder:
        RunFolder(Path(folder)).keep_report(page, report)
    elif isinstance(report, Report):
        emit(EvaluationReported(report=report))
    else:
        emit(WindowReported(report=report))
