"""Jobs of jupyter-scheduler as runs of ours, for who names `PinnedScheduler` in its settings.

A job is then a training: code and data are pinned when it begins, of the notebook where the user
has it, and not of the copy that jupyter-scheduler has made when the job was defined.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from jupyter_scheduler.executors import DefaultExecutionManager
from jupyter_scheduler.scheduler import Scheduler
from traitlets import default

from mlops_nb import api
from mlops_nb.exceptions import RunError, UsageError
from mlops_nb.types import CommandLineText, RunState

if TYPE_CHECKING:
    from jupyter_scheduler.models import CreateJob, CreateJobDefinition

# A job has the name of its notebook, and not its place; tags go from a definition to its jobs.
_PLACE = "mlops-notebook:"


class PinnedExecution(DefaultExecutionManager):  # type: ignore[misc]
    """Executes a job as a run, and gives it the executed notebook of that."""

    def execute(self) -> None:
        """Train, wait, and write what the job is to leave.

        Raises:
            MlopsError: Something cannot be pinned, or the run has not succeeded.
        """
        job = self.model
        place = next((tag for tag in job.tags or () if tag.startswith(_PLACE)), None)
        if place is None:
            raise UsageError(
                f"where {job.input_filename} is was not kept when this job was defined",
                hint="define the job again",
            )
        notebook = Path(self.root_dir, place.removeprefix(_PLACE)).resolve()
        params = {name: CommandLineText(value) for name, value in (job.parameters or {}).items()}
        run = api.train(notebook, params=params, wait=True, project=notebook.parent)
        if run.notebook is not None:
            self.create_output_files(job, nbformat.read(run.notebook, as_version=4))
        if run.state is not RunState.SUCCEEDED:
            said = run.error.message if run.error is not None else run.state.value
            raise RunError(f"run {run.id}: {said}", hint=f"see it: jupyter mlops show {run.id}")


class PinnedScheduler(Scheduler):  # type: ignore[misc]
    """jupyter-scheduler's own scheduler, whose jobs know where their notebook is."""

    @default("execution_manager_class")
    def _executes(self) -> type[PinnedExecution]:
        return PinnedExecution

    def create_job(self, model: CreateJob) -> str:
        """Begin a job."""
        return str(super().create_job(_with_place(model)))

    def create_job_definition(self, model: CreateJobDefinition) -> str:
        """Keep a job that begins at its times."""
        return str(super().create_job_definition(_with_place(model)))


def _with_place(model: Any) -> Any:
    tags = model.tags or []
    if not any(tag.startswith(_PLACE) for tag in tags):
        model.tags = [*tags, f"{_PLACE}{model.input_uri}"]
    return model
