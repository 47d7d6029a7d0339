"""`jupyter mlops <verb>`, and the words of `%mlops <verb>`: both parse with these commands.

A module here has the commands of the module of `api` that has its name; `server` alone has no such
module, since what it starts is a front door itself.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, NoReturn

import click

from mlops_nb.exceptions import MlopsError, UsageError
from mlops_nb.interfaces.cli import (
    evaluation,
    monitoring,
    platforms,
    projects,
    records,
    server,
    services,
    timetable,
    training,
    tuning,
)
from mlops_nb.interfaces.cli.group import verbs

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main", "verbs"]

CHAPTERS = (
    projects,
    training,
    tuning,
    evaluation,
    records,
    services,
    monitoring,
    timetable,
    platforms,
    server,
)
for chapter in CHAPTERS:
    for command in chapter.COMMANDS:
        verbs.add_command(command)


def main() -> NoReturn:
    """Run a command line and exit: 0 done, 1 failed, 2 usage, 3 alarm, 130 canceled."""
    arguments = sys.argv[1:]
    try:
        # In this mode click returns the code of an explicit exit, and the command's value if none.
        code = verbs.main(arguments, prog_name="jupyter mlops", standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except MlopsError as error:
        _fail(arguments, type(error).__name__, error.message, error.hint)
        sys.exit(2 if isinstance(error, UsageError) else 1)
    except click.UsageError as error:
        hint = f"see: {error.ctx.command_path} --help" if error.ctx else "see: jupyter mlops help"
        _fail(arguments, "UsageError", error.format_message(), hint)
        sys.exit(2)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(130)


def _fail(arguments: Sequence[str], kind: str, message: str, hint: str) -> None:
    print(f"error: {message}\nhint: {hint}", file=sys.stderr)
    if "--json" in arguments:
        print(json.dumps({"error": {"type": kind, "message": message, "hint": hint}}))
