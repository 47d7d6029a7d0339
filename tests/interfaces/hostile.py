"""What hostile users write, and what must not come of it."""

from __future__ import annotations

from html.parser import HTMLParser

import msgspec

from mlops_nb.following.series import Series
from mlops_nb.journal import (
    CellStarted,
    MetricsLogged,
    ModelEvaluated,
    ModelLogged,
    RunFinished,
    RunStarted,
    RunTracked,
    StageFinished,
    StageStarted,
    WindowJudged,
    fold,
    new_run,
)
from mlops_nb.types import (
    DriftVerdict,
    Evaluation,
    Failure,
    Finding,
    Lineage,
    Model,
    Moment,
    Monitoring,
    Outcome,
    RunState,
    StageState,
)
from tests.vocabulary import request

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    '" style="position:fixed" x="',
    "</details><iframe src=javascript:alert(1)>",
    "</title></svg><script>alert(1)</script>",
    "</desc><foreignObject><b>x</b></foreignObject>",
    "]]><script>alert(1)</script>",
    "<!-- ",
    "--><b>x</b>",
    "</pre></code></table></div></div>",
    "<style>*{display:none}</style>",
    "javascript:alert(1)",
    "&lt;b&gt;",
    "&#60;b&#62;",
    "\x1b]0;owned\x07\x1b[2J",
    "\x1b]8;;http://x\x1b\\y\x1b]8;;\x1b\\",
    "\x9b31m",
    "a\rb\x08\x7f\x00",
    "\u202eevil\u2066\u200f",
    "line\u2028separator\u2029",
    "[bold red]markup[/] [link=http://x]y[/link]",
    "{{7*7}} ${x} %s",
    "x" * 100_000,
    "<b>" * 5_000,
]


class Elements(HTMLParser):
    """Collects the names of elements and of attributes, and counts the parts of a card."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.parts = self.depth = 0
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found += [tag, *(f"{tag}.{name}" for name, _ in attrs)]
        self.parts += self.depth == 1
        self.depth += tag != "br"

    def handle_endtag(self, tag):
        self.found.append(f"/{tag}")
        self.depth -= 1

    def handle_comment(self, data):
        self.found.append("comment")


def curve(name, values):
    series = Series(name)
    for step, value in enumerate(values):
        series.add(step, value)
    return series.curve()


def evaluation(text):
    outcome = Outcome(gate=text, passed=False, reason=text)
    return Evaluation(model=text, tests=(text,), gates=(outcome,), report=text)


def lineage(text):
    parent = Model(uri=f"models:/parent{text}")
    return Lineage(
        parent=parent, since=text, until=text, rows=3, retrained=text, chain=("run-1", text)
    )


def monitoring(text):
    return Monitoring(
        deployment=text,
        revision=1,
        verdict=DriftVerdict.DRIFT,
        alarm=True,
        drifted=(text,),
        started=text,
        report=text,
    )


def events(text):
    return [
        RunStarted(pid=1),
        RunTracked(mlflow_run_id=text, tracking_uri=text),
        StageStarted(stage="first"),
        CellStarted(done=1, total=4, source=text),
        MetricsLogged(metrics={text: 0.5, "test_accuracy": 0.75}),
        ModelLogged(model=Model(uri=text, name=text, version="1", alias=text)),
        ModelEvaluated(evaluation=evaluation(text)),
        WindowJudged(monitoring=monitoring(text)),
        StageFinished(stage="first", state=StageState.SKIPPED, seconds=1.0, note=text),
        StageStarted(stage="second"),
    ]


def ended(text, state=RunState.FAILED):
    error = Failure(type=text, message=text, hint=text, stage=text, log=text)
    return RunFinished(state=state, seconds=2.0, error=error if state is RunState.FAILED else None)


def moment(text="plain", *more, of=events):
    asked = request(p=text, another=[text])
    pins = msgspec.structs.replace(
        asked.snapshot,
        notebook=text,
        code=msgspec.structs.replace(asked.snapshot.code, branch=text, dirty=True),
    )
    finding = Finding(severity="warning", message=text, hint=text)
    run = new_run(
        msgspec.structs.replace(asked, snapshot=pins, findings=(finding,), lineage=lineage(text))
    )
    curves = (
        curve(f"test_{text}", [1.0, float("nan"), 0.5, float("inf")]),
        curve("loss", [2.0, 1.0]),
    )
    return Moment(run=fold(run, [*of(text), *more]), curves=curves, stage=text, log=text)
