"""A folder as a project: made, looked at, its settings and its data."""

from __future__ import annotations

import os
from pathlib import Path

from msgspec import structs

from mlops_nb import paths
from mlops_nb import project as projects
from mlops_nb.api.lookup import Folder, wanted_snapshot
from mlops_nb.capture import dvc, snapshot
from mlops_nb.capture.repository import Repository
from mlops_nb.exceptions import MlopsError, ProjectError
from mlops_nb.orders import reach
from mlops_nb.settings import Config
from mlops_nb.types import Finding, Fix, Hyperparameter, Setting, Status


def init(folder: Path | str = ".", *, example: str | None = None) -> tuple[str, ...]:
    """Make a folder a project: git, DVC, `mlops.toml`, ignore rules.

    Args:
        folder: It is made where it does not exist.
        example: Name of an example to start from, such as "quickstart".

    Returns:
        What was done, a line each.
    """
    return projects.init(paths.given(folder), example=example)


def status(
    notebook: Path | str | None = None, *, backend: str | None = None, project: Folder = None
) -> Status:
    """Return what would be pinned now, and what is to be said about it; nothing is kept.

    Args:
        notebook: The notebook; that of this session if None.
        backend: Where the run would go; a cluster has to be able to reach what it needs.
        project: A folder of the project.
    """
    config = Config.load(project).override(run_backend=backend)
    try:
        captured = snapshot.preview(config, wanted_snapshot(notebook))
        reached = reach.findings(config, captured.snapshot, pushed=config.run_push)
        findings = (*captured.findings, *reached)
    except MlopsError as error:
        finding = Finding(
            severity="error", message=error.message, hint=error.hint, fix=_fix_of(error)
        )
        return Status(project=str(config.root), snapshot=None, findings=(_here(config, finding),))
    return Status(
        project=str(config.root),
        snapshot=captured.snapshot,
        findings=tuple(_here(config, finding) for finding in findings),
    )


def _fix_of(error: MlopsError) -> Fix | None:
    untracked = error.untracked if isinstance(error, ProjectError) else None
    return Fix(kind="track", path=untracked) if untracked is not None else None


def _here(config: Config, finding: Finding) -> Finding:
    """Return a finding whose fix names its path from the project, and not from the repository."""
    fix = finding.fix
    if fix is None or fix.path is None:
        return finding
    place = os.path.relpath(Repository.find(config.root).root / fix.path, config.root)
    return structs.replace(finding, fix=structs.replace(fix, path=Path(place).as_posix()))


def track(path: Path | str, *, project: Folder = None) -> str:
    """Put a file or a folder under DVC, or its new version when it is.

    Returns:
        Path of the pointer file, to be committed.
    """
    return projects.track(Config.load(project), paths.given(path))


def config(*, project: Folder = None) -> tuple[Setting, ...]:
    """Return every setting with its value and where that came from."""
    return Config.load(project).settings()


def parameters(
    notebook: Path | str | None = None, *, project: Folder = None
) -> tuple[Hyperparameter, ...]:
    """Return the hyperparameters that a run would have, without a look at code and data.

    Args:
        notebook: The notebook; that of this session if None.
        project: A folder of the project.

    Raises:
        NotebookError: It cannot be read, or is outside of the project's repository.
    """
    return snapshot.hyperparameters_of(Config.load(project), wanted_snapshot(notebook))


def parameter_names(
    notebook: Path | str | None = None, *, project: Folder = None
) -> tuple[str, ...]:
    """Return the names in the notebook's parameters cell."""
    return tuple(p.name for p in parameters(notebook, project=project))


def dataset_names(*, project: Folder = None) -> tuple[str, ...]:
    """Return the paths of the data that the project has under DVC."""
    return dvc.tracked(Config.load(project).root)


def inside_run() -> bool:
    """Whether this process was started by a run, where `%mlops` starts nothing."""
    return projects.inside_run()
