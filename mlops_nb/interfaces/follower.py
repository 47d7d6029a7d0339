"""Keep the card of a run up to date while it goes on, also when its cell is long done."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces import card
from mlops_nb.interfaces.output import LiveOutput, Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_nb.types import Moment, Run

MIME = "application/vnd.mlops-nb.run+json"
# Between two messages to a front end.
_PAUSE_S = 0.25


class Follower(threading.Thread):
    """Shows a run from its first moment to its last.

    Args:
        moments: The run's moments.
        cancel: Ends the run.
    """

    def __init__(self, moments: Iterator[Moment], cancel: Callable[[], Run]) -> None:
        first = next(moments)
        super().__init__(daemon=True, name=f"mlops-{first.run.id}")
        self._moments, self._cancel = moments, cancel
        self._last, self._failure = first, None  # type: tuple[Moment, BaseException | None]
        self._over = threading.Event()
        self._output = LiveOutput(_shown(first), self._asked)

    def run(self) -> None:
        """Keep up with the run to its end."""
        try:
            self._keep_up()
        finally:
            self._over.set()

    def _keep_up(self) -> None:
        try:
            for moment in self._moments:
                if moment is not self._last:
                    self._output.show(_shown(moment))
                self._last = moment
                self._output.beat()
                time.sleep(_PAUSE_S)
        except (MlopsError, OSError, ValueError) as error:
            self._failure = error
            self._output.say(f"the run cannot be followed any more: {error}")
            return
        self._output.settle()

    def wait(self) -> Run:
        """Return the run as it ended. An interrupt ends the wait, and the card lives on."""
        # Not `join`: before Python 3.13 an interrupt of it makes a living thread a dead one.
        while not self._over.wait(0.2):
            pass
        if self._failure is not None:
            raise self._failure
        return self._last.run

    def _asked(self, verb: str) -> None:
        if verb == "cancel":
            self._output.say("canceling \u2026")
            self._cancel()


def _shown(moment: Moment) -> Shown:
    return Shown(
        live=card.card(moment, buttons=True),
        html=card.card(moment),
        text=card.text(moment),
        controls=card.controls(moment.run),
        named={MIME: {"run_id": moment.run.id, "project": _place(moment.run)}},
    )


def _place(run: Run) -> str:
    """Return the project's folder as the notebook's folder sees it; a kernel starts in that."""
    project = Path(run.snapshot.code.repo, run.snapshot.code.folder)
    try:
        return Path(os.path.relpath(project)).as_posix() if project.is_dir() else "."
    except ValueError:
        # Windows: it is on another drive.
        return "."
