"""The errors that a user can act on.

    MlopsError
    ├── UsageError                the call itself is wrong: an unknown name, an ill-typed value
    ├── ProjectError              the folder is not (yet) a project that can be pinned
    │   ├── CodeError             git cannot give the code
    │   ├── DataError             DVC cannot give the data
    │   ├── LockError             the packages of a lock cannot be had
    │   ├── NotebookError         the notebook cannot be found, read or run
    │   └── PreflightError        a run of it would fail, and that can be seen before
    ├── ConfigError               a setting is unknown or has a wrong value
    ├── StageError                a stage of a run failed for a reason we can name
    ├── TrackingError             MLflow cannot be reached or written
    │   └── AbsentModelError      it has no such model
    ├── BackendError              the cluster cannot be reached, or refuses
    │   └── LoginError            it does not know who asks
    ├── ImageError                an image cannot be built or pushed
    ├── DeploymentError           a model service cannot be put up or changed
    │   └── AbsentDeploymentError there is none of that name
    ├── ScheduleError             a schedule cannot be made, or cannot fire
    │   └── AbsentScheduleError   there is none of that name
    └── RunError                  the run asked for is in the wrong state
        └── AbsentRunError        there is none of that id

Every one carries a hint: the one thing to type or change.
"""

from __future__ import annotations

__all__ = [
    "AbsentDeploymentError",
    "AbsentModelError",
    "AbsentRunError",
    "AbsentScheduleError",
    "BackendError",
    "CodeError",
    "ConfigError",
    "DataError",
    "DeploymentError",
    "ImageError",
    "LockError",
    "LoginError",
    "MlopsError",
    "NotebookError",
    "PreflightError",
    "ProjectError",
    "RunError",
    "ScheduleError",
    "StageError",
    "TrackingError",
    "UsageError",
]


class MlopsError(Exception):
    """Say what happened, with the value, and what to do about it.

    Args:
        message: What happened, with the offending value.
        hint: One thing to type or change.
    """

    def __init__(self, message: str, *, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\nhint: {self.hint}"

    def _render_traceback_(self) -> list[str]:
        """Show a planned error as two lines in the cell (IPython's hook)."""
        return [f"{type(self).__name__}: {self.message}", f"hint: {self.hint}"]


class UsageError(MlopsError):
    """The call is wrong: an unknown parameter, an ill-typed value."""


class ProjectError(MlopsError):
    """The folder is not a project that can be pinned.

    Args:
        message: What happened, with the offending value.
        hint: One thing to type or change.
        untracked: Path of the data whose absence from DVC is all that hinders.
    """

    def __init__(self, message: str, *, hint: str, untracked: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.untracked = untracked


class CodeError(ProjectError):
    """Git cannot give or take the code."""


class DataError(ProjectError):
    """DVC cannot give or take the data."""


class LockError(ProjectError):
    """The packages of a lock cannot be had, or are not what it says."""


class NotebookError(ProjectError):
    """The notebook cannot be found, read or run."""


class PreflightError(ProjectError):
    """A run would fail, and that can be seen before it starts."""


class ConfigError(MlopsError):
    """A setting is unknown or has a wrong value."""


class StageError(MlopsError):
    """A stage of a run failed for a reason that can be named.

    Args:
        message: What happened.
        hint: One thing to type or change.
        cell: The notebook's cell that failed, counted from 1 over all cells of the user's file.
        cause: The type of the exception that the user's code raised, when there was one.
    """

    def __init__(
        self, message: str, *, hint: str, cell: int | None = None, cause: str | None = None
    ) -> None:
        super().__init__(message, hint=hint)
        self.cell = cell
        self.cause = cause


class TrackingError(MlopsError):
    """MLflow cannot be reached or written."""


class AbsentModelError(TrackingError):
    """MLflow has no model of that name, version or alias."""


class BackendError(MlopsError):
    """The cluster cannot be reached, or refuses what is asked of it."""


class LoginError(BackendError):
    """The cluster does not know, or no longer knows, who asks."""


class ImageError(MlopsError):
    """An image cannot be built, or a registry does not take it."""


class DeploymentError(MlopsError):
    """A model service cannot be put up, does not exist or is in the wrong state."""


class AbsentDeploymentError(DeploymentError):
    """There is no model service of that name."""


class RunError(MlopsError):
    """The run asked for does not exist or is in the wrong state."""


class AbsentRunError(RunError):
    """There is no run of that id."""


class ScheduleError(MlopsError):
    """A schedule cannot be made, or cannot fire as it says."""


class AbsentScheduleError(ScheduleError):
    """There is no schedule of that name."""
