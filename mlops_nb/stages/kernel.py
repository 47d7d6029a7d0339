"""What happens in the run's kernel before the notebook's first cell.

The notebook's own `mlflow` calls land in the run: it is active from the start, `start_run()`
returns it instead of making another, and the end of a `with` leaves it open for the cells that
follow. Further runs that a notebook starts become its children. Its metrics go to the points file.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from mlops_nb.journal import points_file
from mlops_nb.journal.points_file import PointsFile
from mlops_nb.stages.diversion import Diversion, Shortcut

MLFLOW_RUN_ID = "MLOPS_MLFLOW_RUN_ID"
AUTOLOG = "MLOPS_AUTOLOG"
AUTOLOG_MODELS = "MLOPS_AUTOLOG_MODELS"
SETUP = "__import__('mlops_nb.stages.kernel', fromlist=['prepare']).prepare()"


def prepare() -> None:
    """Make the run active, divert its metrics and switch autologging on."""
    import mlflow
    from mlflow.tracking import fluent
    from mlflow.tracking._tracking_service.utils import _get_store

    run_id = os.environ[MLFLOW_RUN_ID]
    mlflow.start_run(run_id=run_id)
    _Adoption(mlflow, fluent, run_id).install()
    store = _get_store()
    diversion = Diversion(store, run_id, PointsFile(Path(os.environ[points_file.FILE])))
    diversion.install()
    Shortcut(fluent, run_id, store, diversion).install(mlflow, fluent)
    if os.environ.get(AUTOLOG) == "true":
        mlflow.autolog(log_models=os.environ.get(AUTOLOG_MODELS) == "true", silent=True)


class _Adoption:
    """Stands in for some of MLflow's functions while the run's kernel lives."""

    def __init__(self, mlflow: Any, fluent: Any, run_id: str) -> None:
        self.mlflow, self.fluent, self.run_id = mlflow, fluent, run_id
        self.start, self.end = fluent.start_run, fluent.end_run
        self.adopted = False

    def install(self) -> None:
        for module in (self.mlflow, self.fluent):
            module.start_run = self.start_run
            module.end_run = self.end_run
        self.mlflow.set_tracking_uri = self.set_tracking_uri

    def start_run(self, run_id: str | None = None, *args: Any, **kwargs: Any) -> Any:
        active = self.mlflow.active_run()
        top = active is None or active.info.run_id == self.run_id
        if top and run_id in (None, self.run_id) and not kwargs.get("nested"):
            if run_id is not None or not self.adopted:
                self.adopted = True
                return self._adopt(kwargs)
            return self.start(None, *args, **{**kwargs, "nested": True})
        return self.start(run_id, *args, **kwargs)

    def end_run(self, *args: Any, **kwargs: Any) -> None:
        active = self.mlflow.active_run()
        if active is not None and active.info.run_id != self.run_id:
            self.end(*args, **kwargs)

    def set_tracking_uri(self, uri: Any) -> None:
        print(f"mlops_nb: the run is tracked at {self.mlflow.get_tracking_uri()}, not at {uri}")

    def _adopt(self, kwargs: dict[str, Any]) -> Any:
        if kwargs.get("tags"):
            self.mlflow.set_tags(kwargs["tags"])
        return self.mlflow.active_run()
