"""The verbs. Every front door offers these, with these names and these errors.

Each takes `project`, a folder of the project; the current folder if None.
"""

from mlops_nb.api.answers import as_json
from mlops_nb.api.evaluation import evaluate
from mlops_nb.api.monitoring import label, monitor
from mlops_nb.api.platforms import build_images, compile, login, logout, publish
from mlops_nb.api.projects import (
    config,
    dataset_names,
    init,
    inside_run,
    parameter_names,
    parameters,
    status,
    track,
)
from mlops_nb.api.records import (
    cancel,
    compare,
    delete,
    export,
    follow,
    import_,
    logs,
    points,
    resume,
    runs,
    show,
    sources,
    summaries,
    value_names,
    watch,
)
from mlops_nb.api.services import (
    deploy,
    deployments,
    models,
    predict,
    pulses,
    rollback,
    traffic,
    undeploy,
)
from mlops_nb.api.timetable import (
    fire_in_background,
    reschedule,
    schedule,
    scheduler,
    schedules,
    unschedule,
    upcoming,
)
from mlops_nb.api.training import repeat, reproduce, train, verdict
from mlops_nb.api.tuning import tune
from mlops_nb.api.updates import update

__all__ = [
    "as_json",
    "build_images",
    "cancel",
    "compare",
    "compile",
    "config",
    "dataset_names",
    "delete",
    "deploy",
    "deployments",
    "evaluate",
    "export",
    "fire_in_background",
    "follow",
    "import_",
    "init",
    "inside_run",
    "label",
    "login",
    "logout",
    "logs",
    "models",
    "monitor",
    "parameter_names",
    "parameters",
    "points",
    "predict",
    "publish",
    "pulses",
    "repeat",
    "reproduce",
    "reschedule",
    "resume",
    "rollback",
    "runs",
    "schedule",
    "scheduler",
    "schedules",
    "show",
    "sources",
    "status",
    "summaries",
    "track",
    "traffic",
    "train",
    "tune",
    "undeploy",
    "unschedule",
    "upcoming",
    "update",
    "value_names",
    "verdict",
    "watch",
]
