"""Keep the output of a cell up to date while a run goes on, also when the cell is long done.

The output names the run, for our front end, which draws it with what the server tells: such a card
outlives the kernel. For other front ends there are a widget while the run goes on, and HTML beside
it where there are no widgets. When it has ended the widget goes, and the buttons of the HTML become
the commands to type: Lab draws "model not found" in the place of a widget whose kernel is gone, and
would do so in every saved notebook.

A front end's messages wait while the kernel executes a cell (ipykernel sends what answers a comm to
the shell that made it), but what a thread sends goes out at once: the card lives, and only a click
waits.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces import card

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_nb.types import Moment, Run

MIME = "application/vnd.mlops-nb.run+json"
# Between two messages to a front end.
_PAUSE_S = 0.25
# Between two new bundles, for a front end that draws no widgets: each one draws the whole output.
_REDRAW_S = 2.0


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


def _place(run: Run) -> str:
    """Return the project's folder as the notebook's folder sees it; a kernel starts in that."""
    project = Path(run.snapshot.code.repo, run.snapshot.code.folder)
    try:
        return Path(os.path.relpath(project)).as_posix() if project.is_dir() else "."
    except ValueError:
        # Windows: it is on another drive.
        return "."


class Follower(threading.Thread):
    """Shows a run from its first moment to its last.

    Args:
        moments: The run's moments.
        cancel: Ends the run.
    """

    def __init__(self, moments: Iterator[Moment], cancel: Callable[[], Run]) -> None:
        from IPython.display import display

        from mlops_nb.interfaces.widgets.live import LiveCard

        first = next(moments)
        super().__init__(daemon=True, name=f"mlops-{first.run.id}")
        self._moments, self._cancel = moments, cancel
        self._last, self._failure = first, None  # type: tuple[Moment, BaseException | None]
        self._redraw_at = time.monotonic() + _REDRAW_S
        self._loop, self._lock = _running_loop(), threading.Lock()
        self._over = threading.Event()
        html, controls = card.card(first, buttons=True), card.controls(first.run)
        self._widget = LiveCard(html, controls, self._asked)
        self._handle: Any = display(self._bundle(), raw=True, display_id=True)

    def run(self) -> None:
        """Keep up with the run to its end."""
        try:
            self._keep_up()
        finally:
            self._over.set()

    def _keep_up(self) -> None:
        try:
            for moment in self._moments:
                self._show(moment)
                time.sleep(_PAUSE_S)
        except (MlopsError, OSError, ValueError) as error:
            self._failure = error
            self._widget.note = f"the run cannot be followed any more: {error}"
            return
        # Both: a page that was loaded again gets no new output, and still has the widget.
        self._widget.set_trait("html", card.card(self._last))
        self._widget.set_trait("controls", [])
        with self._lock:
            self._handle.update(self._static(), raw=True)

    def wait(self) -> Run:
        """Return the run as it ended. An interrupt ends the wait, and the card lives on."""
        # Not `join`: before Python 3.13 an interrupt of it makes a living thread a dead one.
        while not self._over.wait(0.2):
            pass
        if self._failure is not None:
            raise self._failure
        return self._last.run

    def _show(self, moment: Moment) -> None:
        changed = moment is not self._last
        self._last = moment
        if changed:
            self._widget.set_trait("html", card.card(moment, buttons=True))
            self._widget.set_trait("controls", card.controls(moment.run))
        due = not self._widget.drawn and time.monotonic() > self._redraw_at
        if due and self._loop is not None:
            self._redraw_at = time.monotonic() + _REDRAW_S
            self._loop.call_soon_threadsafe(self._redraw)

    def _redraw(self) -> None:
        """Show the HTML anew, where no widget was drawn.

        Only the kernel's own loop can tell: while it is busy, the widget's word waits as well.
        """
        with self._lock:
            if not self._widget.drawn and not self._last.run.state.terminal:
                self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        return {**self._widget.bundle(), **self._static()}

    def _static(self) -> dict[str, Any]:
        run = self._last.run
        return {
            MIME: {"run_id": run.id, "project": _place(run)},
            "text/html": card.card(self._last),
            "text/plain": card.text(self._last),
        }

    def _asked(self, verb: str) -> None:
        # The message is handled on a thread that has more to do than to wait for an end.
        if verb == "cancel":
            threading.Thread(target=self._end, daemon=True).start()

    def _end(self) -> None:
        self._widget.note = "canceling \u2026"
        try:
            self._cancel()
        except MlopsError as error:
            self._widget.note = f"{error.message}; hint: {error.hint}"
