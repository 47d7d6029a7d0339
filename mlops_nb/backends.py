"""Names of back-ends, and the adapters behind them, imported when they are asked for."""

from __future__ import annotations

import difflib
from importlib import import_module
from typing import TYPE_CHECKING, cast

from mlops_nb.exceptions import ConfigError

if TYPE_CHECKING:
    from mlops_nb.runners import Runner
    from mlops_nb.settings import Config

RUNNERS = {"local": "mlops_nb.runners.local:LocalRunner"}


def runner(config: Config) -> Runner:
    """Return the runner that the settings name.

    Raises:
        ConfigError: There is none of that name.
    """
    name = config.run_backend
    if name not in RUNNERS:
        near = difflib.get_close_matches(name, RUNNERS, n=1)
        raise ConfigError(
            f"there is no back-end {name!r}",
            hint=f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(RUNNERS)}",
        )
    module, _, attribute = RUNNERS[name].partition(":")
    return cast("Runner", getattr(import_module(module), attribute)(config))
