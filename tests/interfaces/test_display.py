from __future__ import annotations

import io
from html.parser import HTMLParser

import pytest
from rich.console import Console

from mlops_nb.interfaces.display import run_html, run_text
from mlops_nb.interfaces.terminal import TerminalView
from mlops_nb.journal import (
    CellStarted,
    MetricsLogged,
    ModelLogged,
    RunFinished,
    RunStarted,
    RunTracked,
    StageFinished,
    StageStarted,
    fold,
    new_run,
)
from mlops_nb.types import Failure, Model, RunState, StageState
from tests.test_journal import request

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "</details><iframe src=javascript:alert(1)>",
    "\x1b]0;owned\x07\x1b[2J",
    "\x9b31m",
    "&lt;b&gt;",
]


class Elements(HTMLParser):
    """Collects the names of elements and of attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.found += [tag, *(f"{tag}.{name}" for name, _ in attrs)]


def run_with(text: str):
    asked = request(p=text)
    events = [
        RunStarted(pid=1),
        RunTracked(mlflow_run_id=text, tracking_uri=text),
        StageStarted(stage="first"),
        CellStarted(done=1, total=4, source=text),
        MetricsLogged(metrics={text: 0.5, "test_accuracy": 0.75}),
        ModelLogged(model=Model(uri=text, name=text, version="1", alias=text)),
        StageFinished(stage="first", state=StageState.SKIPPED, seconds=1.0, note=text),
        RunFinished(
            state=RunState.FAILED,
            error=Failure(type=text, message=text, hint=text, stage=text, log=text),
        ),
    ]
    return fold(new_run(asked), events)


@pytest.mark.parametrize("text", HOSTILE)
def test_what_users_write_adds_no_element_to_the_card(text):
    assert Elements(run_html(run_with(text))).found == Elements(run_html(run_with("plain"))).found


@pytest.mark.parametrize("text", HOSTILE)
def test_what_users_write_cannot_steer_a_terminal(text):
    out = io.StringIO()
    view = TerminalView(Console(file=out, force_terminal=False, width=200))
    run = run_with(text)
    view.run(run)
    view.runs([run])
    view.text(text)
    printed = out.getvalue()
    assert not {c for c in printed if not c.isprintable() and c != "\n"}


def test_the_card_says_state_metrics_model_and_error():
    html = run_html(run_with("plain"))
    for word in ("FAILED", "test_accuracy", "0.75", "plain version 1", "hint: plain", "first"):
        assert word in html


def test_the_text_says_them_too():
    text = run_text(run_with("plain"))
    for word in ("FAILED", "test_accuracy 0.75", "hint: plain"):
        assert word in text


def test_state_is_told_by_more_than_colour():
    html = run_html(run_with("plain"))
    assert "✗ FAILED" in html
    assert html.count("<script") == 0
