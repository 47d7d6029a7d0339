"""The widget under a card while its run goes on.

An anywidget and not a box of ipywidgets: its script replaces only the parts of the card that have
changed, so that what is unfolded, focused or scrolled stays so; it asks before it cancels without
the kernel, which may be busy; it counts seconds without a message; and it is one model, where a box
of buttons would be ten. It inserts HTML that `card` made of escaped values, and nothing else. All
that it shows of its own is set as text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MIME = "application/vnd.jupyter.widget-view+json"


_SCRIPTS = ("elements.js", "form.js", "live.js")


class LiveCard(anywidget.AnyWidget):
    """A card that is kept up to date.

    Args:
        html: The card.
        controls: Buttons that fit what is shown: `verb`, `label`, `question`, `yes`, `typed`.
        ask: Called with the verb of a button after its question was answered with yes.
        form: Fields to fill in: `name`, `type`, `required`, `value`.
        fill: Called with the text of each field by its name.
    """

    _esm = "\n".join(
        Path(__file__).with_name(name).read_text(encoding="utf-8") for name in _SCRIPTS
    )
    html = traitlets.Unicode().tag(sync=True)
    controls = traitlets.List(traitlets.Dict()).tag(sync=True)
    form = traitlets.List(traitlets.Dict()).tag(sync=True)
    note = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        html: str,
        controls: Sequence[dict[str, str]],
        ask: Callable[[str], None],
        *,
        form: Sequence[dict[str, Any]] = (),
        fill: Callable[[dict[str, str]], None] | None = None,
    ) -> None:
        super().__init__(html=html, controls=list(controls), form=list(form))
        # Whether a front end has drawn it: one without widgets shows the HTML beside it.
        self.drawn = False
        self._ask, self._fill = ask, fill
        self.on_msg(self._heard)

    def bundle(self) -> dict[str, Any]:
        """Return what a front end with widgets needs to draw it."""
        return {MIME: {"version_major": 2, "version_minor": 0, "model_id": self.model_id}}

    def answer(self, text: str) -> None:
        """Show what came of the form."""
        self.send({"answer": text})

    def _heard(self, _: Any, message: Any, __: Any) -> None:
        verb = message.get("verb") if isinstance(message, dict) else None
        if verb == "drawn":
            self.drawn = True
        elif verb == "fill" and self._fill is not None:
            self._fill(self._values(message.get("values")))
        elif isinstance(verb, str) and verb in {control["verb"] for control in self.controls}:
            self._ask(verb)

    def _values(self, values: Any) -> dict[str, str]:
        """Return what was typed into the fields that there are."""
        given = values if isinstance(values, dict) else {}
        names = [field["name"] for field in self.form]
        return {name: given[name] for name in names if isinstance(given.get(name), str)}
