"""What may come next in `%mlops ...`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces.cli import verbs
from mlops_nb.types import RunState

if TYPE_CHECKING:
    from collections.abc import Callable

_TAKES_RUN = (
    "show", "compare", "watch", "logs", "cancel", "resume", "delete", "reproduce", "export",
    "evaluate",
)  # fmt: skip
_TAKES_NOTEBOOK = ("train", "status", "schedule")
_TAKES_SCHEDULE = ("schedules", "reschedule", "unschedule")

_NAMES_OF_RUNS: dict[str, Callable[[], list[str]]] = {
    "--state": lambda: [state.value for state in RunState],
    "--notebook": lambda: sorted({run.notebook for run in api.summaries().runs}),
    "--where": lambda: list(api.value_names()),
    "--sort": lambda: list(api.value_names()),
}


def candidates(line: str, symbol: str) -> list[str]:
    """Return the words that may stand at the end of a line.

    Args:
        line: All that was typed, with `%mlops`.
        symbol: The part of the last word that was typed already.
    """
    words = line.split()[1:]
    if not line.endswith(" "):
        words = words[:-1]
    if not words:
        return sorted(name for name in verbs.commands if name.startswith(symbol))
    found = _of_verb(words[0], words)
    return sorted(word for word in found if word.startswith(symbol))


def _of_verb(verb: str, words: list[str]) -> list[str]:
    command = verbs.commands.get(verb)
    if command is None:
        return []
    if verb == "help":
        return list(verbs.commands)
    try:
        before = words[-1]
        if before == "--param":
            notebook = next((word for word in words if word.endswith(".ipynb")), None)
            return [f"{name}=" for name in api.parameter_names(notebook)]
        if before == "--stage":
            return [*(stage.name for stage in api.show().stages), "driver"]
        if verb == "runs" and before in _NAMES_OF_RUNS:
            return _NAMES_OF_RUNS[before]()
        if before in ("--train", "--test"):
            return list(api.dataset_names())
        found = _options(command)
        if verb in _TAKES_NOTEBOOK:
            found += [path.name for path in Path.cwd().glob("*.ipynb")]
        if verb in _TAKES_SCHEDULE:
            found += [schedule.name for schedule in api.schedules().schedules]
        if verb in _TAKES_RUN:
            found += [run.id for run in api.summaries().runs]
    except MlopsError:
        return _options(command)
    return found


def _options(command: click.Command) -> list[str]:
    return [
        name
        for parameter in command.params
        if isinstance(parameter, click.Option)
        for name in parameter.opts
        if name.startswith("--")
    ]
