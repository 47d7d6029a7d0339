"""The output of a cell that is kept up to date, also when the cell is long done.

While there is something to follow the output is a widget, with HTML beside it for front ends that
have none. When it is over the widget goes, and the buttons of the HTML become the commands to type:
Lab draws "model not found" in the place of a widget whose kernel is gone, and would do so in every
saved notebook. Our own front end takes what is named for it instead of all of these, and shows what
the server tells: that outlives the kernel.

A front end's messages wait while the kernel executes a cell (ipykernel sends what answers a comm to
the shell that made it), but what a thread sends goes out at once: the output lives, and only a
click waits.
"""

from __future__ import annotations

import asyncio
import threading
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from mlops_nb.exceptions import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# Between two new bundles, for a front end that draws no widgets: each one draws the whole output.
_REDRAW_S = 2.0


class Shown(NamedTuple):
    """What an output shows.

    Attributes:
        live: HTML beside buttons.
        html: HTML that stands alone, with the commands to type.
        text: The same as text.
        controls: The buttons: `verb`, `label`, `question`, `yes`, `typed`.
        form: Fields to be filled in: `name`, `type`, `required`, `value`.
        named: What it is of, by the MIME type that our front end knows.
    """

    live: str
    html: str
    text: str
    controls: Sequence[dict[str, str]] = ()
    form: Sequence[dict[str, Any]] = ()
    named: Mapping[str, dict[str, Any]] = MappingProxyType({})

    @property
    def static(self) -> dict[str, Any]:
        """The bundle for front ends without widgets."""
        return {**self.named, "text/html": self.html, "text/plain": self.text}


class LiveOutput:
    """Shows in the running cell, and from then on.

    Args:
        shown: What to begin with.
        ask: Called with the verb of a button after its question was answered with yes.
        fill: Called with the values of the form.

    Both are called on a thread of their own: the one that brings a click has more to do than to
    wait for an end. An error of ours is said beside what is shown.
    """

    def __init__(
        self,
        shown: Shown,
        ask: Callable[[str], None],
        fill: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        from IPython.display import display

        from mlops_nb.interfaces.widgets.live import LiveCard

        self._shown, self._over = shown, False
        self._redraw_at = time.monotonic() + _REDRAW_S
        self._loop, self._lock = _running_loop(), threading.Lock()
        self.widget = LiveCard(
            shown.live,
            shown.controls,
            self._aside(ask),
            form=shown.form,
            fill=self._aside(fill) if fill else None,
        )
        self._handle: Any = display(self._bundle(), raw=True, display_id=True)

    def show(self, shown: Shown) -> None:
        """Show something else, where it is something else."""
        self._shown = shown
        for name in ("controls", "form"):
            self.widget.set_trait(name, list(getattr(shown, name)))
        self.widget.set_trait("html", shown.live)

    def beat(self) -> None:
        """Let a front end that draws no widgets keep up; to be called now and then."""
        due = not self.widget.drawn and time.monotonic() > self._redraw_at
        if due and self._loop is not None:
            self._redraw_at = time.monotonic() + _REDRAW_S
            self._loop.call_soon_threadsafe(self._redraw)

    def say(self, note: str) -> None:
        """Say something beside what is shown."""
        self.widget.set_trait("note", note)

    def settle(self) -> None:
        """Leave what was shown last as plain HTML."""
        # Both: a page that was loaded again gets no new output, and still has the widget.
        self.widget.set_trait("html", self._shown.html)
        for name in ("controls", "form"):
            self.widget.set_trait(name, [])
        with self._lock:
            self._over = True
            self._handle.update(self._shown.static, raw=True)

    def _aside(self, act: Callable[[Any], None]) -> Callable[[Any], None]:
        def tried(given: Any) -> None:
            try:
                act(given)
            except MlopsError as error:
                self.say(f"{error.message}; hint: {error.hint}")

        return lambda given: threading.Thread(target=tried, args=(given,), daemon=True).start()

    def _redraw(self) -> None:
        """Show the HTML anew, where no widget was drawn.

        Only the kernel's own loop can tell: while it is busy, the widget's word waits as well.
        """
        with self._lock:
            if not self.widget.drawn and not self._over:
                self._handle.update(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        return {**self.widget.bundle(), **self._shown.static}


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
