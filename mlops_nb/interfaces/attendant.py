"""Keep the panel of a deployment up to date, and do what its buttons say."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from mlops_nb import api
from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces import panel
from mlops_nb.interfaces.output import LiveOutput, Shown
from mlops_nb.types import Run, StageState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops_nb.types import Pulse


class Attendant(threading.Thread):
    """Shows a deployment for as long as it exists, or until another panel shows it.

    Args:
        pulses: The deployment's pulses.
        project: A folder of the project.
    """

    _on_duty: ClassVar[dict[tuple[str, str], Attendant]] = {}

    def __init__(self, pulses: Iterator[Pulse], project: str | None) -> None:
        self._pulses, self._last = pulses, next(pulses)
        self._served = self._last.deployment.name
        # A click may come after the session has gone to another folder.
        self._project = project or str(Path.cwd())
        super().__init__(daemon=True, name=f"mlops-{self._served}")
        self._trends = panel.Trends()
        self._relieved = threading.Event()
        self._busy = threading.Lock()
        self._output = LiveOutput(self._shown(), self._asked, self._filled)

    def start(self) -> None:
        """Begin, in place of an earlier panel of the deployment in this session."""
        key = (self._project, self._served)
        earlier, self._on_duty[key] = self._on_duty.get(key), self
        if earlier is not None:
            earlier.relieve()
        super().start()

    def relieve(self) -> None:
        """Leave the panel as plain HTML."""
        self._relieved.set()

    def run(self) -> None:
        """Keep up with the deployment."""
        try:
            for pulse in self._pulses:
                if self._relieved.is_set():
                    break
                self._last = pulse
                self._trends.add(time.monotonic(), pulse)
                self._output.show(self._shown())
                self._output.beat()
        except (MlopsError, OSError, ValueError) as error:
            self._output.say(f"the deployment cannot be followed any more: {error}")
            return
        if not self._relieved.is_set():
            ended = panel.gone(self._last)
            self._output.show(Shown(ended, ended, f"{self._served} was taken down"))
        self._output.settle()

    def _shown(self) -> Shown:
        pulse = self._last
        return Shown(
            live=panel.panel(pulse, self._trends, buttons=True),
            html=panel.panel(pulse, self._trends),
            text=panel.text(pulse),
            controls=panel.controls(pulse.deployment),
            form=panel.form(pulse),
        )

    def _actions(self) -> dict[str, Callable[[], Any]]:
        name, project = self._served, self._project
        canary = panel.CANARY_PERCENT
        return {
            "start": lambda: api.deployments(name, start=True, project=project),
            "deploy": lambda: api.deploy("latest", name=name, project=project),
            "deploy-canary": lambda: api.deploy(
                "latest", name=name, traffic=str(canary), project=project
            ),
            "canary": lambda: api.traffic(name, canary=canary, project=project),
            "promote": lambda: api.traffic(name, promote=True, project=project),
            "rollback": lambda: api.rollback(name, project=project),
            "stop": lambda: api.undeploy(name, keep=True, project=project),
        }

    def _asked(self, verb: str) -> None:
        if not self._busy.acquire(blocking=False):
            self._output.say("one thing after the other: the last click is still being done")
            return
        try:
            self._output.say("at it \u2026")
            done = self._actions()[verb]()
            self._output.say(self._ended(done) if isinstance(done, Run) else "done")
        finally:
            self._busy.release()

    def _ended(self, run: Run) -> str:
        """Follow a run of the deployment pipeline to its end, and return what came of it."""
        for now in api.watch(run.id, project=self._project):
            at_work = [stage.name for stage in now.stages if stage.state is StageState.RUNNING]
            self._output.say(f"{now.id}: {' '.join(at_work) or now.state.value.lower()} \u2026")
            run = now
        if run.error is not None:
            return f"{run.error.message}; hint: {run.error.hint}"
        return f"revision {run.revision} is up, by run {run.id}"

    def _filled(self, values: dict[str, str]) -> None:
        row = panel.row(self._last, values)
        try:
            found = api.predict(self._served, [row], project=self._project)
            self._output.widget.answer(json.dumps(found[0] if len(found) == 1 else found))
        except MlopsError as error:
            self._output.widget.answer(error.message)
