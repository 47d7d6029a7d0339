"""A run's folder and its journal: what happened, as JSON lines that are only ever appended to.

The run's own processes write events; any session folds them into a `Run`. An event is one `write`
on a descriptor in append mode, so lines of several processes never mix, and a line that a crash
tore off is not read.
"""

from __future__ import annotations

from mlops_nb.journal.emitting import (
    RUN_FOLDER,
    RUN_ID,
    emit,
    keep_report,
)
from mlops_nb.journal.events import (
    AnyEvent,
    CellsDone,
    CellStarted,
    DataProvided,
    EvaluationReported,
    Event,
    ImportanceFound,
    MetricsLogged,
    ModelEvaluated,
    ModelLogged,
    PointsLogged,
    Preparing,
    RevisionRouted,
    RunFinished,
    RunQueued,
    RunRecalled,
    RunStarted,
    RunSubmitted,
    RunTracked,
    StageFinished,
    StageKilled,
    StageStarted,
    StudyBegun,
    TrialChanged,
    TrialSaid,
    WindowJudged,
    WindowReported,
    event_of_line,
    events_of,
)
from mlops_nb.journal.folder import (
    RUNS,
    TRIALS,
    RunFolder,
    read_report,
    read_window,
)
from mlops_nb.journal.folding import (
    fold,
    new_run,
)

__all__ = [
    "RUNS",
    "RUN_FOLDER",
    "RUN_ID",
    "TRIALS",
    "AnyEvent",
    "CellStarted",
    "CellsDone",
    "DataProvided",
    "EvaluationReported",
    "Event",
    "ImportanceFound",
    "MetricsLogged",
    "ModelEvaluated",
    "ModelLogged",
    "PointsLogged",
    "Preparing",
    "RevisionRouted",
    "RunFinished",
    "RunFolder",
    "RunQueued",
    "RunRecalled",
    "RunStarted",
    "RunSubmitted",
    "RunTracked",
    "StageFinished",
    "StageKilled",
    "StageStarted",
    "StudyBegun",
    "TrialChanged",
    "TrialSaid",
    "WindowJudged",
    "WindowReported",
    "emit",
    "event_of_line",
    "events_of",
    "fold",
    "keep_report",
    "new_run",
    "read_report",
    "read_window",
]
