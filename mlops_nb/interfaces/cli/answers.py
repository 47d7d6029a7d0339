"""Show what a verb answers, and end as it ended."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_nb import api
from mlops_nb.types import Run, RunState

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.interfaces.cli.view import View


ALARM = 3
EXIT_CODES = {RunState.FAILED: 1, RunState.LOST: 1, RunState.CANCELED: 130}


def show(as_json: bool, data: Any, view: Callable[[], None]) -> None:
    """Print data as JSON, or show them through a view."""
    if as_json:
        print(json.dumps(data, indent=2, allow_nan=False))
    else:
        view()


def follow(view: View, run: Run, *, wait: bool, project: str | None, as_json: bool) -> None:
    """Show a run as it goes on, and exit as it ended.

    Raises:
        click.exceptions.Exit: It did not succeed, has not passed a gate, or is an alarm.
    """
    if as_json:
        ended = list(api.watch(run.id, project=project))[-1] if wait else None
        show(True, api.as_json(ended or run), lambda: None)
    else:
        try:
            # A click may come after the session has gone to another folder.
            cancel = functools.partial(api.cancel, run.id, project=project or Path.cwd())
            ended = view.follow(api.follow(run.id, project=project), wait=wait, cancel=cancel)
        except KeyboardInterrupt:
            view.text(f"run {run.id} goes on; follow it: watch {run.id}; end it: cancel {run.id}")
            raise
    if ended is not None and _exit_code(ended):
        raise click.exceptions.Exit(_exit_code(ended))


def _exit_code(run: Run) -> int:
    """Return how a command ends that has waited for a run.

    1 also where a gate was not passed; a window that has drifted is neither done nor failed.
    """
    if run.monitoring is not None and run.monitoring.alarm:
        return EXIT_CODES.get(run.state, ALARM)
    failed = run.evaluation is not None and not run.evaluation.passed
    return EXIT_CODES.get(run.state, int(failed))
