"""The evaluation pipeline's parameters, and what of them training has too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.evaluation import gates
from mlops_nb.pipelines.arguments import pins, plain
from mlops_nb.types import Criteria

if TYPE_CHECKING:
    from mlops_nb.settings import Config
    from mlops_nb.types import Earlier, Model, Snapshot

# Who it is, only a look at the registry says, and that may be another one tomorrow.
_CHANGING = "champion"


def criteria(config: Config, *, name: str, run_id: str) -> Criteria:
    """Return what the settings want to know of a model, and what it has to meet.

    Args:
        config: The settings.
        name: Its registered name, "" where it has none.
        run_id: The run.

    Raises:
        ConfigError: A gate is none.
    """
    changing = _CHANGING in gates.compared(config.gates_require)
    return Criteria(
        gates=config.gates_require,
        significance=config.gates_significance,
        slices=config.evaluation_slices,
        task=config.evaluation_task,
        name=name,
        once=run_id if changing else "",
    )


def encoded(wanted: Criteria) -> str:
    """Return criteria as a parameter."""
    return encoding.dumps(plain(wanted), name="the gates")


def tests(snapshot: Snapshot) -> str:
    """Return the paths of the test datasets as a parameter."""
    paths = [d.path for d in snapshot.datasets if d.role == "test"]
    return encoding.dumps(paths, name="dataset paths")


def arguments(
    snapshot: Snapshot,
    config: Config,
    model: Model,
    wanted: Criteria,
    *,
    beside: str,
    earlier: Earlier | None,
) -> dict[str, str]:
    """Return the evaluation pipeline's parameters.

    Args:
        snapshot: The code that the model needs, and the test datasets.
        config: The settings.
        model: What is evaluated.
        wanted: What to look at, and the gates.
        beside: Path in the repository of a file in whose folder the model is loaded.
        earlier: The data that the model was trained on, None where they are not known.

    Raises:
        UsageError: The records are larger than a pipeline parameter may be.
    """
    first, *others = [d for d in snapshot.datasets if d.role == "test"]
    return {
        "code_repo": snapshot.code.repo,
        "code_sha": snapshot.code.sha,
        "code_ref": snapshot.code.ref,
        "code_paths": encoding.dumps(list(snapshot.code.python_path), name="import paths"),
        "notebook": beside,
        "data_repo": first.repo,
        "data_sha": first.sha,
        "test_dataset": first.path,
        "other_datasets": encoding.dumps([d.path for d in others], name="dataset paths"),
        "earlier": encoding.dumps(plain(earlier), name="the training data") if earlier else "",
        "tests": tests(snapshot),
        "target": config.data_target,
        "tracking_uri": config.resolved_tracking_uri,
        "experiment": config.experiment,
        "model_uri": model.uri,
        "snapshot": encoding.dumps(pins(snapshot), name="the snapshot's records"),
        "criteria": encoded(wanted),
    }
