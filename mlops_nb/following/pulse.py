"""Follow a deployment with what its revisions count: requests, errors, latencies."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlops_nb.deployment.metering import Meter
from mlops_nb.exceptions import DeploymentError
from mlops_nb.types import Input, Pulse, RevisionState

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

    from mlops_nb.deployment import Target
    from mlops_nb.types import Deployment, Load

BEAT_S = 1.0


def follow(target: Target, name: str, *, beat_s: float = BEAT_S) -> Iterator[Pulse]:
    """Yield a deployment's pulse at once and on every beat, for as long as it exists.

    Raises:
        DeploymentError: There is none of the name.
    """
    import requests

    found = target.get(name)
    with requests.Session() as session:
        session.trust_env = False
        watch = _Watch(target, session)
        while True:
            yield watch.look(found)
            time.sleep(beat_s)
            try:
                found = target.get(name)
            except DeploymentError:
                return


class _Watch:
    def __init__(self, target: Target, session: requests.Session) -> None:
        self._target, self._session = target, session
        self._meters: dict[int, Meter] = {}
        self._inputs: dict[int, tuple[Input, ...]] = {}

    def look(self, deployment: Deployment) -> Pulse:
        ready = [r.number for r in deployment.revisions if r.state is RevisionState.READY]
        loads = (self._load(deployment.name, number) for number in ready)
        serving = deployment.serving
        return Pulse(
            deployment=deployment,
            loads=tuple(load for load in loads if load is not None),
            inputs=self._taken(deployment.name, serving.number) if serving else (),
        )

    def _load(self, name: str, number: int) -> Load | None:
        import requests

        meter = self._meters.setdefault(number, Meter(number))
        try:
            return meter.read(self._session, self._target.endpoint(name, number))
        except (requests.RequestException, DeploymentError, ValueError):
            # It has ended since, or counts nothing; its state will say how it is at the next look.
            return None

    def _taken(self, name: str, number: int) -> tuple[Input, ...]:
        import requests

        if number not in self._inputs:
            try:
                endpoint = self._target.endpoint(name, number)
                about = self._session.get(endpoint.url, headers=endpoint.headers, timeout=2).json()
            except (requests.RequestException, DeploymentError, ValueError):
                return ()
            self._inputs[number] = inputs(about)
        return self._inputs[number]


def inputs(about: dict[str, Any]) -> tuple[Input, ...]:
    """Return the columns that a service says it takes, with the first row of its example."""
    columns = (about.get("signature") or {}).get("inputs") or []
    if any(column.get("type") == "tensor" for column in columns):
        return ()
    split = (about.get("example") or {}).get("dataframe_split") or {}
    first = dict(zip(split.get("columns", ()), *split.get("data", [[]])[:1], strict=False))
    return tuple(
        Input(
            name=str(column.get("name", place)),
            type=str(column.get("type")),
            required=bool(column.get("required", True)),
            value=first.get(column.get("name", place)),
        )
        for place, column in enumerate(columns)
    )
