"""Names of targets, and the adapters behind them, imported when they are asked for."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, cast

from mlops_nb.exceptions import ConfigError

if TYPE_CHECKING:
    from mlops_nb.deployment import Target
    from mlops_nb.settings import Config

TARGETS = {
    "local": "mlops_nb.deployment.local:LocalTarget",
    # The same supervisor and front: a deployment may go from processes to containers, and back.
    "container": "mlops_nb.deployment.local:LocalTarget",
    "kserve": "mlops_nb.deployment.kserve:KServeTarget",
}
# Those of this machine, which can be asked for nothing.
HERE = ("local",)
# Those that run an image, and not a folder with an interpreter.
WITH_IMAGE = ("container", "kserve")


def target(config: Config, name: str = "") -> Target:
    """Return the target of a name, or that of the settings.

    Raises:
        ConfigError: There is none of that name.
    """
    name = name or config.deploy_target
    if name not in TARGETS:
        near = difflib.get_close_matches(name, TARGETS, n=1)
        raise ConfigError(
            f"there is no target {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(TARGETS)}",
        )
    module, _, attribute = TARGETS[name].partition(":")
    return cast("Target", getattr(import_module(module), attribute)(config))
