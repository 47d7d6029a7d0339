"""What may come next in `%mlops ...`."""

from __future__ import annotations

from pathlib import Path

import click

from mlops_nb import api
from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces.cli import verbs

_TAKES_RUN = ("show", "watch", "logs", "cancel", "resume", "delete", "reproduce", "export")
_TAKES_NOTEBOOK = ("train", "status")


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
        if before in ("--train", "--test"):
            return list(api.dataset_names())
        found = _options(command)
        if verb in _TAKES_NOTEBOOK:
            found += [path.name for path in Path.cwd().glob("*.ipynb")]
        if verb in _TAKES_RUN:
            found += [run.id for run in api.runs()]
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
