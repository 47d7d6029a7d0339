"""The tuning pipeline's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.pipelines.arguments import plain, training

if TYPE_CHECKING:
    from mlops_nb.settings import Config
    from mlops_nb.types import Plan, Snapshot

# What the stages of a tuning take; a trial's record has all that a training takes.
_TAKEN = (
    "code_repo", "code_sha", "code_ref", "code_paths", "notebook", "data_repo", "data_sha",
    "train_dataset", "other_datasets", "hyperparameters", "environment", "variables", "secrets",
    "cell_timeout_s", "tracking_uri", "experiment", "autolog", "model_alias", "snapshot",
    "cpu", "memory", "accelerator", "accelerators",
)  # fmt: skip


def arguments(snapshot: Snapshot, config: Config, plan: Plan, *, register: bool) -> dict[str, str]:
    """Return the tuning pipeline's parameters: what they share with a training, and the plan.

    Args:
        snapshot: What was pinned, without the test dataset.
        config: The settings.
        plan: What is to be done.
        register: Whether the best trial's model becomes a model version.

    Raises:
        UsageError: The hyperparameters or the plan are larger than a pipeline parameter may be.
    """
    given = training.arguments(snapshot, config)
    rest = {name: value for name, value in given.items() if name not in _TAKEN}
    return {
        **{name: given[name] for name in _TAKEN},
        "model_name": given["model_name"] if register else "",
        "training": encoding.dumps(rest, name="parameters of trainings"),
        "tuning": encoding.dumps(plain(plan), name="the search space"),
        "storage": config.tuning_storage if config.on_cluster else "",
    }
