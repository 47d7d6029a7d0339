"""The verbs. Every front door offers these, with these names and these errors.

Each takes `project`, a folder of the project; the current folder if None.
"""

from mlops_nb.api.answers import as_json
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
from mlops_nb.api.training import repeat, reproduce, train, verdict

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
    "export",
    "follow",
    "import_",
    "init",
    "inside_run",
    "login",
    "logout",
    "logs",
    "models",
    "parameter_names",
    "parameters",
    "points",
    "predict",
    "publish",
    "pulses",
    "repeat",
    "reproduce",
    "resume",
    "rollback",
    "runs",
    "show",
    "sources",
    "status",
    "summaries",
    "track",
    "traffic",
    "train",
    "undeploy",
    "value_names",
    "verdict",
    "watch",
]
