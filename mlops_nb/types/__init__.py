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
from mlops_nb.types.evaluations import (
    Criteria,
    Duel,
    Evaluation,
    Outcome,
    Plot,
    Report,
    Slice,
    TableReport,
)
from mlops_nb.types.pins import (
    Code,
    Dataset,
    Earlier,
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
    Lineage,
    Model,
    Moment,
    Point,
    Progress,
    Run,
    RunRequest,
    RunState,
    Stage,
    StageState,
)
from mlops_nb.types.verdicts import Check, Comparison, Row, Verdict

__all__ = [
    "Check",
    "Code",
    "CommandLineText",
    "Comparison",
    "Criteria",
    "Curve",
    "Dataset",
    "Deployment",
    "DeploymentState",
    "Duel",
    "Earlier",
    "Environment",
    "Evaluation",
    "Failure",
    "Finding",
    "Hyperparameter",
    "Image",
    "Input",
    "Lineage",
    "Load",
    "Model",
    "Moment",
    "Origin",
    "Outcome",
    "Plot",
    "Point",
    "Progress",
    "Published",
    "Pulse",
    "Record",
    "Report",
    "Revision",
    "RevisionState",
    "Row",
    "Run",
    "RunRequest",
    "RunState",
    "Setting",
    "Slice",
    "Snapshot",
    "Stage",
    "StageState",
    "Status",
    "TableReport",
    "Traffic",
    "Verdict",
]
