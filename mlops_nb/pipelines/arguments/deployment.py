"""The deployment pipeline's parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.pipelines.arguments import pins, plain

if TYPE_CHECKING:
    from mlops_nb.deployment.descriptor import Descriptor
    from mlops_nb.settings import Config
    from mlops_nb.types import Origin, Snapshot


def arguments(
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
        "descriptor": encoding.dumps(plain(descriptor), name="the descriptor"),
        "origin": encoding.dumps(plain(origin), name="the model's origin"),
        "snapshot": encoding.dumps(pins(snapshot), name="the snapshot's records"),
        "tracking_uri": config.resolved_tracking_uri,
        "mlflow_run_id": mlflow_run_id,
        "project": str(config.root),
        "settings": encoding.dumps(config.for_targets, name="the settings of targets"),
    }
