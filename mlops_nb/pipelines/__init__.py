"""The generic pipelines: compiled once per release, the same for every team and notebook.

This module is what the rest needs to run one: names, stages, the compiled file and the parameters.
It does not import KFP; the definitions beside it do.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb import encoding

if TYPE_CHECKING:
    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.settings import Config
    from mlops_nb.types import Origin, Snapshot

COMPILED_FOLDER = Path(__file__).parent / "compiled"


@dataclass(frozen=True)
class Pipeline:
    """One generic pipeline.

    Attributes:
        name: Name for users, file and platform.
        stages: Its stages, in order; each is a task of the pipeline.
    """

    name: str
    stages: tuple[str, ...]

    @property
    def compiled(self) -> Path:
        """The compiled pipeline, in KFP's intermediate representation."""
        return COMPILED_FOLDER / f"{self.name}.yaml"

    @property
    def digest(self) -> str:
        """SHA-256 of the compiled pipeline."""
        return hashlib.sha256(self.compiled.read_bytes()).hexdigest()


TRAINING = Pipeline(
    "training", ("provision-code", "provision-data", "train", "evaluate", "register")
)
DEPLOYMENT = Pipeline("deployment", ("provision-code", "assemble", "build", "deploy", "verify"))
PIPELINES = {pipeline.name: pipeline for pipeline in (TRAINING, DEPLOYMENT)}
# Of the others the stages have no images yet.
ON_CLUSTER = (TRAINING,)


def training_arguments(snapshot: Snapshot, config: Config) -> dict[str, str]:
    """Return the training pipeline's parameters for a snapshot.

    Raises:
        UsageError: The hyperparameters are larger than a pipeline parameter may be.
    """
    train, test = snapshot.dataset("train"), snapshot.dataset("test")
    places = {d.role: d for d in snapshot.datasets}
    first = next(iter(places.values()), None)
    passed = {p.name: p.value for p in snapshot.hyperparameters if p.source not in _LEFT_TO_CELL}
    return {
        "code_repo": snapshot.code.repo,
        "code_sha": snapshot.code.sha,
        "code_ref": snapshot.code.ref,
        "code_paths": encoding.dumps(list(snapshot.code.python_path), name="import paths"),
        "notebook": snapshot.notebook,
        "data_repo": first.repo if first else "",
        "data_sha": first.sha if first else "",
        "train_dataset": train.path if train else "",
        "test_dataset": test.path if test else "",
        "other_datasets": encoding.dumps(
            [d.path for d in snapshot.datasets if d.role == "other"], name="dataset paths"
        ),
        "target": config.data_target,
        "hyperparameters": encoding.dumps(passed, name="hyperparameters"),
        "environment": snapshot.environment.hash,
        "variables": encoding.dumps(snapshot.variables, name="environment variables"),
        "secrets": encoding.dumps(list(snapshot.secrets), name="names of secrets"),
        "cell_timeout_s": str(config.run_cell_timeout_s),
        "tracking_uri": config.resolved_tracking_uri,
        "experiment": config.experiment,
        "autolog": "true" if config.tracking_autolog else "false",
        "model_name": config.registered_model,
        "model_alias": config.model_alias,
        "snapshot": encoding.dumps(_record(snapshot), name="the snapshot's records"),
        "cpu": config.resources_cpu,
        "memory": config.resources_memory,
        "accelerator": config.resources_accelerator,
        "accelerators": str(config.resources_accelerators),
    }


def deployment_arguments(
    snapshot: Snapshot,
    config: Config,
    descriptor: Descriptor,
    origin: Origin,
    *,
    mlflow_run_id: str,
) -> dict[str, str]:
    """Return the deployment pipeline's parameters.

    Args:
        snapshot: Of the run that trained the model, with the code that has the wrapper.
        config: The settings, of which the targets' go along.
        descriptor: What the user wants.
        origin: What the model was made of.
        mlflow_run_id: The run that logged the model, "" for one from elsewhere.

    Raises:
        UsageError: The descriptor is larger than a pipeline parameter may be.
    """
    return {
        "code_repo": snapshot.code.repo,
        "code_sha": snapshot.code.sha,
        "code_ref": snapshot.code.ref,
        "descriptor": encoding.dumps(_plain(descriptor), name="the descriptor"),
        "origin": encoding.dumps(_plain(origin), name="the model's origin"),
        "snapshot": encoding.dumps(_record(snapshot), name="the snapshot's records"),
        "tracking_uri": config.resolved_tracking_uri,
        "mlflow_run_id": mlflow_run_id,
        "project": str(config.root),
        "settings": encoding.dumps(config.for_targets, name="the settings of targets"),
    }


# The cell assigns these itself; passing them again would only repeat it.
_LEFT_TO_CELL = ("cell", "expression")


def _plain(value: object) -> object:
    import msgspec

    return msgspec.to_builtins(value)


def _record(snapshot: Snapshot) -> object:
    """Return the snapshot without its ref, which names the run: equal pins are equal parameters."""
    import msgspec

    code = msgspec.structs.replace(snapshot.code, ref="")
    return msgspec.to_builtins(msgspec.structs.replace(snapshot, code=code))
