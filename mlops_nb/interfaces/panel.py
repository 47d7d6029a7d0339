"""The panel of a deployment: its revisions and how they do, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.drawing import charts, html, words
from mlops_nb.types import Curve, DeploymentState, RevisionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlops_nb.types import Deployment, Pulse, Revision

CANARY_PERCENT = 10


def panel(pulse: Pulse, trends: Trends | None = None, *, buttons: bool = False) -> str:
    """Return a deployment as a card of parts that a live view can replace one by one.

    Args:
        pulse: The deployment.
        trends: Its last minutes, to be drawn.
        buttons: Whether there are buttons for what can be done; else the commands are named.
    """
    deployment = pulse.deployment
    parts = [
        _head(deployment),
        _error(deployment),
        _revisions(pulse),
        trends.drawn() if trends else "",
        html.folded("how to ask it", "".join(f"<div>{html.code(w)}</div>" for w in _ask(pulse))),
        "" if buttons else _next(deployment),
    ]
    return html.frame("".join(f"<div>{part}</div>" for part in parts))


def gone(pulse: Pulse) -> str:
    """Return what is left to say of a deployment that was taken down."""
    runs = ", ".join(r.origin.run_id for r in pulse.deployment.revisions if r.origin.run_id)
    name = html.text(pulse.deployment.name)
    what = f"<b>{name}</b> was taken down {html.dim(f'it served {runs}' if runs else '')}"
    return html.frame(f"<div>{html.state(DeploymentState.STOPPED.value)} &nbsp;{what}</div>")


def text(pulse: Pulse) -> str:
    """Return a deployment as a few lines of text."""
    deployment = pulse.deployment
    lines = [f"{deployment.name} {deployment.state.value} {deployment.url or ''}"]
    for revision in deployment.revisions:
        cells = zip(
            words.REVISION_HEAD, words.revision(revision, pulse.load(revision.number)), strict=True
        )
        told = (f"{name} {value}".strip() for name, value in cells if value)
        lines.append("  ".join(told))
    return words.inert("\n".join([*lines, *_ask(pulse)]))


def controls(deployment: Deployment) -> list[dict[str, str]]:
    """Return the buttons that fit a deployment's state; all of them ask first."""
    name = deployment.name
    if deployment.state is DeploymentState.STOPPED:
        question = f"Start {name} again as it was?"
        return [_control("start", "Start", question, f"deployments {name} --start")]
    found = [
        _control(
            "deploy",
            "Deploy latest run",
            f"Build, verify and give all requests of {name} to the latest run's model?",
            f"deploy latest --name {name}",
        )
    ]
    newest, serving = deployment.revisions[0], deployment.serving
    waits = newest is not serving and newest.state is RevisionState.READY
    if waits and not newest.percent:
        found.append(_canary_of(name, newest))
    elif not waits:
        found.append(_canary_of_latest(name))
    if waits or newest.percent not in (0, 100):
        question = f"Give revision {newest.number} all requests of {name}?"
        found.append(_control("promote", "Promote", question, f"traffic {name} --promote"))
    if len(deployment.revisions) > 1 and serving is not None:
        question = f"Take the requests from revision {serving.number} and go back?"
        found.append(_control("rollback", "Roll back", question, f"rollback {name}"))
    question = f"Stop {name}? Its users get no answers until it is started again."
    return [*found, _control("stop", "Stop", question, f"undeploy {name} --keep")]


def form(pulse: Pulse) -> list[dict[str, Any]]:
    """Return the fields of a request, filled in with the model's example."""
    return [
        {
            "name": item.name,
            "type": item.type,
            "required": item.required,
            "value": "" if item.value is None else str(item.value),
        }
        for item in pulse.inputs
    ]


def row(pulse: Pulse, values: Mapping[str, str]) -> dict[str, Any]:
    """Return what was filled in as a row, of the model's types.

    A value that does not fit stays as it was typed: the service says what is wrong with it.
    """
    return {
        item.name: _typed(values[item.name], item.type)
        for item in pulse.inputs
        if values.get(item.name, "") != "" or item.required
    }


class Trends:
    """The last readings of a deployment's revisions, as curves.

    Args:
        readings: How many of them are kept.
    """

    def __init__(self, readings: int = 120) -> None:
        self._kept = readings
        self._rates: dict[int, list[tuple[float, float]]] = {}
        self._slow: dict[int, list[tuple[float, float]]] = {}

    def add(self, at: float, pulse: Pulse) -> None:
        """Take a reading, made at a time in seconds."""
        for load in pulse.loads:
            if load.per_second is not None:
                self._put(self._rates, load.number, at, load.per_second)
                slow = float("nan") if load.p99_s is None else load.p99_s * 1000
                self._put(self._slow, load.number, at, slow)

    def drawn(self) -> str:
        """Return the pictures, nothing before there is a reading."""
        pictures = (("requests a second", self._rates), ("p99 in ms", self._slow))
        return html.row([_picture(name, kept) for name, kept in pictures if _has_value(kept)])

    def _put(
        self, kept: dict[int, list[tuple[float, float]]], number: int, at: float, value: float
    ) -> None:
        points = kept.setdefault(number, [])
        points.append((at, value))
        del points[: -self._kept]


def _has_value(kept: Mapping[int, Sequence[tuple[float, float]]]) -> bool:
    return any(value == value for points in kept.values() for _, value in points)


def _picture(name: str, kept: Mapping[int, Sequence[tuple[float, float]]]) -> str:
    end = max(at for points in kept.values() for at, _ in points)
    lines = [
        charts.Line(_curve(name, ((at - end, value) for at, value in kept[n])), str(n))
        for n in sorted(kept)
    ]
    return f"<div>{html.dim(name)}{charts.chart(name, lines)}</div>"


def _curve(name: str, points: Iterable[tuple[float, float]]) -> Curve:
    found = tuple(points)
    return Curve(name=name, axis="second", count=len(found), points=found)


def _head(deployment: Deployment) -> str:
    return (
        f'<span role="status">{html.state(deployment.state.value)}</span>'
        f" &nbsp;<b>{html.text(deployment.name)}</b> &nbsp;"
        f"{html.code(deployment.url) if deployment.url else ''} {html.dim(deployment.target)}"
    )


def _error(deployment: Deployment) -> str:
    failures = [deployment.error, *(revision.error for revision in deployment.revisions)]
    said = dict.fromkeys(f"{f.message} \u2014 hint: {f.hint}" for f in failures if f)
    return "".join(f"<div>{html.warned(line)}</div>" for line in said)


def _revisions(pulse: Pulse) -> str:
    rows = [
        (
            f"{revision.number} &nbsp;{html.state(revision.state.value)}",
            *map(html.text, words.revision(revision, pulse.load(revision.number))[1:]),
        )
        for revision in pulse.deployment.revisions
    ]
    return html.raw_table(words.REVISION_HEAD, rows)


def _ask(pulse: Pulse) -> list[str]:
    return words.asking((pulse.deployment,))


def _next(deployment: Deployment) -> str:
    rows = [
        (html.code(f"%mlops {control['verb_line']}"), html.text(control["label"].lower()))
        for control in map(_typed_words, controls(deployment))
    ]
    return html.raw_table((), rows)


def _typed_words(control: dict[str, str]) -> dict[str, str]:
    return {**control, "verb_line": control["typed"].removeprefix("jupyter mlops ")}


def _canary_of(name: str, newest: Revision) -> dict[str, str]:
    question = f"Give revision {newest.number} {CANARY_PERCENT} % of the requests of {name}?"
    line = f"traffic {name} --canary {CANARY_PERCENT}"
    return _control("canary", f"Canary {CANARY_PERCENT} %", question, line)


def _canary_of_latest(name: str) -> dict[str, str]:
    question = f"Build, verify and give {CANARY_PERCENT} % of the requests to the latest run?"
    line = f"deploy latest --name {name} --traffic {CANARY_PERCENT}"
    return _control("deploy-canary", f"Canary {CANARY_PERCENT} %", question, line)


def _control(verb: str, label: str, question: str, line: str) -> dict[str, str]:
    return {
        "verb": verb,
        "label": label,
        "question": question,
        "yes": f"Yes, {label[0].lower()}{label[1:]}",
        "typed": f"jupyter mlops {line}",
    }


_READERS: dict[str, Any] = {
    "double": float,
    "float": float,
    "long": int,
    "integer": int,
    "boolean": lambda text: {"true": True, "false": False}[text.lower()],
}


def _typed(value: str, kind: str) -> Any:
    try:
        return _READERS.get(kind, str)(value)
    except (ValueError, KeyError):
        return value
