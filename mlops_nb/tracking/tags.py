"""The names of what a run leaves in MLflow, MLflow's own first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding

if TYPE_CHECKING:
    from mlops_nb.types import Snapshot

GIT_COMMIT = "mlflow.source.git.commit"
GIT_BRANCH = "mlflow.source.git.branch"
GIT_REPOSITORY = "mlflow.source.git.repoURL"
SOURCE_NAME = "mlflow.source.name"
SOURCE_TYPE = "mlflow.source.type"
RUN_NAME = "mlflow.runName"
PARENT = "mlflow.parentRunId"
DATASET_CONTEXT = "mlflow.data.context"

RUN_ID = "mlops.run_id"
SNAPSHOT_ID = "mlops.snapshot_id"
DIRTY = "mlops.code.dirty"
CODE_REF = "mlops.code.ref"
ENVIRONMENT = "mlops.environment.hash"
PYTHON = "mlops.environment.python"
KFP_RUN_ID = "mlops.kfp.run_id"
DEPLOYMENT = "mlops.deployment"
GATES = "mlops.gates"
EVALUATED = "mlops.evaluation.model"
PASSED = "passed"
DATASET = "mlops.dataset.{role}.{field}"

SNAPSHOT_ARTIFACT = "mlops/snapshot.json"
EXAMPLE_ARTIFACT = "mlops/example.json"
PROFILE_ARTIFACT = "mlops/profile.json"
WINDOWS_FOLDER = "mlops/windows"
REPORT_ARTIFACT = "mlops/report"
LOCK_ARTIFACT = "mlops/environment.lock"
TUNING_ARTIFACT = "mlops/tuning.json"
NOTEBOOK_FOLDER = "notebook"

# MLflow cuts longer values off without a word; the snapshot artifact has them whole.
PARAMETER_LIMIT = 6000


def of_snapshot(snapshot: Snapshot, *, run_id: str, kfp_run_id: str) -> dict[str, str]:
    """Return the tags that say what ran."""
    code = snapshot.code
    tags = {
        GIT_COMMIT: code.sha,
        GIT_BRANCH: code.branch or "",
        GIT_REPOSITORY: code.remote or code.repo,
        SOURCE_NAME: snapshot.notebook,
        SOURCE_TYPE: "NOTEBOOK",
        RUN_NAME: run_id,
        RUN_ID: run_id,
        SNAPSHOT_ID: snapshot.id,
        DIRTY: str(code.dirty).lower(),
        CODE_REF: code.ref,
        ENVIRONMENT: snapshot.environment.hash,
        PYTHON: snapshot.environment.python,
        KFP_RUN_ID: kfp_run_id,
    }
    others = 0
    for dataset in snapshot.datasets:
        role = dataset.role
        if role == "other":
            others += 1
            role = f"other{others}"
        for field in ("path", "hash", "sha"):
            tags[DATASET.format(role=role, field=field)] = getattr(dataset, field)
    return {name: value for name, value in tags.items() if value}


def parameters_of(snapshot: Snapshot) -> dict[str, str]:
    """Return the hyperparameters as MLflow parameters: text as it is, the rest as JSON."""
    return {
        name: (value if isinstance(value, str) else encoding.plain(value))[:PARAMETER_LIMIT]
        for name, value in snapshot.parameters.items()
    }
