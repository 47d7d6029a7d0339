"""`%mlops <verb>`: the command line's words, in a cell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from mlops_nb import history

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell


def register(shell: InteractiveShell) -> None:
    """Add the magic, its completion and the look of a run to an IPython session."""
    history.record(shell)
    shell.register_magic_function(mlops, "line", "mlops")
    shell.set_hook("complete_command", complete, str_key="%mlops")
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type_by_name("mlops_nb.types.runs", "Run", _run)
    formatters["text/html"].for_type_by_name("mlops_nb.types.verdicts", "Comparison", _comparison)


class Interrupted(KeyboardInterrupt):
    """Somebody ended the wait for a run."""

    def _render_traceback_(self) -> list[str]:
        """Show one word in the cell and not where we were waiting (IPython's hook)."""
        return ["KeyboardInterrupt"]


def mlops(line: str) -> None:
    """Run a verb: `%mlops train --param C=0.5`; `%mlops help` explains them all."""
    import click

    from mlops_nb import api
    from mlops_nb.exceptions import UsageError
    from mlops_nb.interfaces.cli import verbs
    from mlops_nb.interfaces.display import NotebookView

    if api.inside_run():
        print(f"%mlops {line}: this notebook is being executed by a run, which starts nothing")
        return
    try:
        words = shlex.split(line) or ["help"]
    except ValueError as error:
        raise UsageError(f"%mlops {line}: {error}", hint="close the quotation") from None
    try:
        verbs.main(words, prog_name="%mlops", standalone_mode=False, obj=NotebookView())
    except click.Abort:
        raise Interrupted from None
    except click.UsageError as error:
        verb = words[0] if words[0] in verbs.commands else ""
        raise UsageError(error.format_message(), hint=f"see: %mlops help {verb}".rstrip()) from None


def complete(_: Any, event: Any) -> list[str]:
    """Complete verbs, options, notebooks, runs and parameters (IPython's `complete_command`)."""
    from mlops_nb.interfaces.completion import candidates

    return candidates(event.line, event.symbol)


def _run(run: Any) -> str:
    from mlops_nb.interfaces.card import card
    from mlops_nb.types import Moment

    return card(Moment(run=run))


def _comparison(comparison: Any) -> str:
    from mlops_nb.interfaces.comparison import comparison_html

    return comparison_html(comparison)
