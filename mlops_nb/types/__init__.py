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
from mlops_nb.types.registry import ModelVersion, RegisteredModel
from mlops_nb.types.runs import (
    Change,
    Curve,
    Failure,
    Glimpse,
    Listing,
    Model,
    Moment,
    Point,
    Progress,
    Run,
    RunRequest,
    RunState,
    Stage,
    StageState,
    Summary,
)
from mlops_nb.types.sessions import Saved
from mlops_nb.types.verdicts import Check, Comparison, Row, Verdict

__all__ = [
    "Change",
    "Check",
    "Code",
    "CommandLineText",
    "Comparison",
    "Curve",
    "Dataset",
    "Deployment",
    "DeploymentState",
    "Environment",
    "Failure",
    "Finding",
    "Glimpse",
    "Hyperparameter",
    "Image",
    "Input",
    "Listing",
    "Load",
    "Model",
    "ModelVersion",
    "Moment",
    "Origin",
    "Point",
    "Progress",
    "Published",
    "Pulse",
    "Record",
    "RegisteredModel",
    "Revision",
    "RevisionState",
    "Row",
    "Run",
    "RunRequest",
    "RunState",
    "Saved",
    "Setting",
    "Snapshot",
    "Stage",
    "StageState",
    "Status",
    "Summary",
    "Traffic",
    "Verdict",
]
