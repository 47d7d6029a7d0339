"""The names of what a run leaves in MLflow, MLflow's own first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding

if TYPE_CHECKING:
    from mlops_nb.types import Lineage, Snapshot

#: Commit of the snapshot, which holds the working tree as it was.
GIT_COMMIT = "mlflow.source.git.commit"
#: Branch that was checked out; absent where HEAD was detached.
GIT_BRANCH = "mlflow.source.git.branch"
#: URL of `origin` without credentials, or the folder of the repository.
GIT_REPOSITORY = "mlflow.source.git.repoURL"
#: Path of the notebook in the repository.
SOURCE_NAME = "mlflow.source.name"
#: NOTEBOOK.
SOURCE_TYPE = "mlflow.source.type"
#: Id of the run.
RUN_NAME = "mlflow.runName"
#: Of a trial: the MLflow run of its tuning.
PARENT = "mlflow.parentRunId"
#: Tag of a dataset input: what the run used it for.
DATASET_CONTEXT = "mlflow.data.context"

#: Id of the run.
RUN_ID = "mlops.run_id"
#: Hash of all that was pinned.
SNAPSHOT_ID = "mlops.snapshot_id"
#: Whether the working tree differed from the commit of HEAD: true or false.
DIRTY = "mlops.code.dirty"
#: The private ref that keeps the commit.
CODE_REF = "mlops.code.ref"
#: Hash of the lock.
ENVIRONMENT = "mlops.environment.hash"
#: Version of the interpreter.
PYTHON = "mlops.environment.python"
#: Id that Kubeflow Pipelines gave the run.
KFP_RUN_ID = "mlops.kfp.run_id"
#: Of a run with the windows of a deployment: its name.
DEPLOYMENT = "mlops.deployment"
#: Of a run and of its model version: passed, or why not.
GATES = "mlops.gates"
#: Of an update: the run that made the parent.
PARENT_RUN_ID = "mlops.parent.run_id"
#: Of an update: the parent, as name/version or as a URI.
PARENT_MODEL = "mlops.parent.model"
#: Of an update: DVC's hash of the training data that the parent has seen.
DATA_SINCE = "mlops.parent.data"
#: Of an update: the runs that led here, oldest first.
CHAIN = "mlops.parent.chain"
#: Of an evaluation: URI of the model.
EVALUATED = "mlops.evaluation.model"
PASSED = "passed"
#: Of each dataset, by its role: path, hash, sha (the commit with that hash).
DATASET = "mlops.dataset.{role}.{field}"

#: Artifact: the snapshot as JSON, with what tags are too short for.
SNAPSHOT_ARTIFACT = "mlops/snapshot.json"
#: Artifact: rows of the test data and what the model made of them.
EXAMPLE_ARTIFACT = "mlops/example.json"
#: Artifact: the reference that monitoring compares with.
PROFILE_ARTIFACT = "mlops/profile.json"
#: Artifacts: the reports of monitoring, a run each.
WINDOWS_FOLDER = "mlops/windows"
#: Artifacts: the report of an evaluation, as `.html` and as `.json`.
REPORT_ARTIFACT = "mlops/report"
#: Artifact: the packages of the environment, a line each.
LOCK_ARTIFACT = "mlops/environment.lock"
#: Artifact: what a tuning was to search.
TUNING_ARTIFACT = "mlops/tuning.json"
#: Artifact: the executed notebook.
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


def of_lineage(lineage: Lineage) -> dict[str, str]:
    """Return the tags that say what an update went out from."""
    model = lineage.parent
    tags = {
        PARENT_RUN_ID: lineage.run_id or "",
        PARENT_MODEL: f"{model.name}/{model.version}" if model.version else model.uri,
        DATA_SINCE: lineage.since,
        CHAIN: " ".join(lineage.chain)[-PARAMETER_LIMIT:],
    }
    return {name: value for name, value in tags.items() if value}


def parameters_of(snapshot: Snapshot) -> dict[str, str]:
    """Return the hyperparameters as MLflow parameters: text as it is, the rest as JSON."""
    return {
        name: (value if isinstance(value, str) else encoding.plain(value))[:PARAMETER_LIMIT]
        for name, value in snapshot.parameters.items()
    }
