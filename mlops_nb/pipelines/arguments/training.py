"""The training pipeline's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.pipelines.arguments import evaluation, pins, plain

if TYPE_CHECKING:
    from mlops_nb.settings import Config
    from mlops_nb.types import Earlier, Lineage, Snapshot

# The cell assigns these itself; passing them again would only repeat it.
_LEFT_TO_CELL = ("cell", "expression")


def arguments(
    snapshot: Snapshot,
    config: Config,
    *,
    lineage: Lineage | None = None,
    earlier: Earlier | None = None,
) -> dict[str, str]:
    """Return the training pipeline's parameters for a snapshot.

    Args:
        snapshot: What was pinned.
        config: The settings.
        lineage: What an update goes out from, None for a training that is none.
        earlier: The data that its parent knows.

    Raises:
        UsageError: The hyperparameters are larger than a pipeline parameter may be.
        ConfigError: A gate is none.
    """
    train, test = snapshot.dataset("train"), snapshot.dataset("test")
    places = {d.role: d for d in snapshot.datasets}
    first = next(iter(places.values()), None)
    run_id = snapshot.code.pinned_for
    wanted = evaluation.criteria(config, name=config.registered_model, run_id=run_id)
    if lineage is not None:
        wanted = evaluation.with_parent(wanted, lineage, config)
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
        "tests": evaluation.tests(snapshot),
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
        "snapshot": encoding.dumps(pins(snapshot), name="the snapshot's records"),
        "criteria": evaluation.encoded(wanted),
        "lineage": encoding.dumps(plain(lineage), name="the lineage") if lineage else "",
        "earlier": encoding.dumps(plain(earlier), name="the earlier data") if earlier else "",
        "update_key": config.update_key if lineage else "",
        "cpu": config.resources_cpu,
        "memory": config.resources_memory,
        "accelerator": config.resources_accelerator,
        "accelerators": str(config.resources_accelerators),
    }
