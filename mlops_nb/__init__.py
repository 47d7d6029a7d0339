"""Pin, run, track and register notebooks from the cell.

    import mlops_nb as mlops
    run = mlops.train("train.ipynb", params={"C": 0.5}, wait=True)

Names are loaded when they are first used, so that importing this package costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mlops_nb.version import __version__

_HOMES = {
    "build_images": "api",
    "cancel": "api",
    "compare": "api",
    "compile": "api",
    "config": "api",
    "delete": "api",
    "deploy": "api",
    "deployments": "api",
    "evaluate": "api",
    "export": "api",
    "import_": "api",
    "init": "api",
    "label": "api",
    "login": "api",
    "monitor": "api",
    "logout": "api",
    "publish": "api",
    "reproduce": "api",
    "reschedule": "api",
    "schedule": "api",
    "scheduler": "api",
    "schedules": "api",
    "unschedule": "api",
    "logs": "api",
    "models": "api",
    "predict": "api",
    "resume": "api",
    "rollback": "api",
    "runs": "api",
    "show": "api",
    "status": "api",
    "track": "api",
    "traffic": "api",
    "train": "api",
    "tune": "api",
    "undeploy": "api",
    "watch": "api",
    "Comparison": "types",
    "Config": "settings",
    "Deployment": "types",
    "Evaluation": "types",
    "MlopsError": "exceptions",
    "Run": "types",
    "RunState": "types",
    "Snapshot": "types",
}

__all__ = [
    "Comparison",
    "Config",
    "Deployment",
    "Evaluation",
    "MlopsError",
    "Run",
    "RunState",
    "Snapshot",
    "__version__",
    "build_images",
    "cancel",
    "compare",
    "compile",
    "config",
    "delete",
    "deploy",
    "deployments",
    "evaluate",
    "export",
    "import_",
    "init",
    "label",
    "login",
    "logout",
    "logs",
    "models",
    "monitor",
    "predict",
    "publish",
    "reproduce",
    "reschedule",
    "resume",
    "rollback",
    "runs",
    "schedule",
    "scheduler",
    "schedules",
    "show",
    "status",
    "track",
    "traffic",
    "train",
    "tune",
    "undeploy",
    "unschedule",
    "watch",
]

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from mlops_nb.api import (
        build_images,
        cancel,
        compare,
        compile,
        config,
        delete,
        deploy,
        deployments,
        evaluate,
        export,
        import_,
        init,
        label,
        login,
        logout,
        logs,
        models,
        monitor,
        predict,
        publish,
        reproduce,
        reschedule,
        resume,
        rollback,
        runs,
        schedule,
        scheduler,
        schedules,
        show,
        status,
        track,
        traffic,
        train,
        tune,
        undeploy,
        unschedule,
        watch,
    )
    from mlops_nb.exceptions import MlopsError
    from mlops_nb.settings import Config
    from mlops_nb.types import Comparison, Deployment, Evaluation, Run, RunState, Snapshot


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])


def _jupyter_labextension_paths() -> list[dict[str, str]]:
    """Tell Jupyter where the front end is, for `jupyter builder develop`."""
    return [{"src": "labextension", "dest": "mlops-nb"}]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Add `%mlops` to an IPython session; `%load_ext mlops_nb` calls this."""
    from mlops_nb.interfaces.magics import register

    register(shell)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell Jupyter Server what serves the verbs over HTTP; it asks for this at its start."""
    from mlops_nb.interfaces.server.extension import MlopsExtension

    return [{"module": "mlops_nb.interfaces.server.extension", "app": MlopsExtension}]
