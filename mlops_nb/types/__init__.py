"""The records that travel between stages, processes and front doors.

They are `msgspec` structs: frozen, typed, and checked when they are read back from JSON, at an
import cost of a few milliseconds.
"""

from mlops_nb.types.base import CommandLineText, Record
from mlops_nb.types.deployments import (
    Deployment,
    DeploymentState,
    Origin,
    Revision,
    RevisionState,
    Traffic,
)
from mlops_nb.types.monitoring import (
    ColumnCounts,
    ColumnDrift,
    ColumnKind,
    ColumnProfile,
    DriftVerdict,
    Health,
    Labels,
    Monitoring,
    MonitoringReport,
    Performance,
    Profile,
    Span,
    Window,
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
)
from mlops_nb.types.verdicts import Check, Comparison, Row, Verdict

__all__ = [
    "Check",
    "Code",
    "ColumnCounts",
    "ColumnDrift",
    "ColumnKind",
    "ColumnProfile",
    "CommandLineText",
    "Comparison",
    "Curve",
    "Dataset",
    "Deployment",
    "DeploymentState",
    "DriftVerdict",
    "Environment",
    "Failure",
    "Finding",
    "Health",
    "Hyperparameter",
    "Image",
    "Labels",
    "Model",
    "Moment",
    "Monitoring",
    "MonitoringReport",
    "Origin",
    "Performance",
    "Point",
    "Profile",
    "Progress",
    "Published",
    "Record",
    "Revision",
    "RevisionState",
    "Row",
    "Run",
    "RunRequest",
    "RunState",
    "Setting",
    "Snapshot",
    "Span",
    "Stage",
    "StageState",
    "Status",
    "Traffic",
    "Verdict",
    "Window",
]
