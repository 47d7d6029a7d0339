"""The records that travel between stages, processes and front doors.

They are `msgspec` structs: frozen, typed, and checked when they are read back from JSON, at an
import cost of a few milliseconds.
"""

from mlops_nb.types.base import CommandLineText, Record
from mlops_nb.types.deployments import (
    Deployment,
    DeploymentState,
    Input,
    Load,
    Origin,
    Pulse,
    Revision,
    RevisionState,
    Traffic,
)
from mlops_nb.types.pins import (
    Code,
    Dataset,
    Environment,
    Finding,
    Hyperparameter,
    Snapshot,
    Status,
)
from mlops_nb.types.platforms import Image, Published, Setting
from mlops_nb.types.runs import (
    Curve,
    Failure,
    Model,
    Moment,
    Point,
    Progress,
    Run,
    RunRequest,
    RunState,
    Stage,
    StageState,
    Stop,
)
from mlops_nb.types.schedules import Firing, FiringState, Notice, Schedule, Timetable
from mlops_nb.types.tuning import Dimension, Plan, Study, Trial, TrialState
from mlops_nb.types.verdicts import Check, Comparison, Row, Verdict

__all__ = [
    "Check",
    "Code",
    "CommandLineText",
    "Comparison",
    "Curve",
    "Dataset",
    "Deployment",
    "DeploymentState",
    "Dimension",
    "Environment",
    "Failure",
    "Finding",
    "Firing",
    "FiringState",
    "Hyperparameter",
    "Image",
    "Input",
    "Load",
    "Model",
    "Moment",
    "Notice",
    "Origin",
    "Plan",
    "Point",
    "Progress",
    "Published",
    "Pulse",
    "Record",
    "Revision",
    "RevisionState",
    "Row",
    "Run",
    "RunRequest",
    "RunState",
    "Schedule",
    "Setting",
    "Snapshot",
    "Stage",
    "StageState",
    "Status",
    "Stop",
    "Study",
    "Timetable",
    "Traffic",
    "Trial",
    "TrialState",
    "Verdict",
]
