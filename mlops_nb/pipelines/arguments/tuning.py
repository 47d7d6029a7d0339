"""The tuning pipeline's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.pipelines.arguments import plain, training

if TYPE_CHECKING:
    from mlops_nb.settings import Config
    from mlops_nb.types import Plan, Snapshot

# What a training has beside: data that tuning is not shown, and what is asked of a cluster.
_OF_TRAINING = ("test_dataset", "target", "cpu", "memory", "accelerator", "accelerators")


def arguments(snapshot: Snapshot, config: Config, plan: Plan, *, register: bool) -> dict[str, str]:
    """Return the tuning pipeline's parameters: those of a training, and the plan.

    Args:
        snapshot: What was pinned, without the test dataset.
        config: The settings.
        plan: What is to be done.
        register: Whether the best trial's model becomes a model version.

    Raises:
        UsageError: The hyperparameters or the plan are larger than a pipeline parameter may be.
    """
    given = training.arguments(snapshot, config)
    kept = {name: value for name, value in given.items() if name not in _OF_TRAINING}
    return {
        **kept,
        "model_name": kept["model_name"] if register else "",
        "tuning": encoding.dumps(plain(plan), name="the search space"),
    }
