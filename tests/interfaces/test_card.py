from __future__ import annotations

import io
from xml.etree import ElementTree

import pytest
from rich.console import Console

from mlops_nb.comparison import compare
from mlops_nb.drawing import charts
from mlops_nb.interfaces import card
from mlops_nb.interfaces.comparison import comparison_html, comparison_text
from mlops_nb.interfaces.terminal import TerminalView
from mlops_nb.journal import CellsDone, RunStarted
from mlops_nb.types import Moment, RunState, Summary
from tests.interfaces.hostile import HOSTILE, Elements, curve, ended, moment

NAMED = [pytest.param(text, id=f"{i}") for i, text in enumerate(HOSTILE)]


def side_by_side(text):
    sides = [moment(text, ended(text)), moment("other", ended("other"))]
    return compare([m.run for m in sides], [m.curves for m in sides])


def nothing_yet(_):
    return []


def started(_):
    return [RunStarted(pid=1)]


@pytest.mark.parametrize("text", NAMED)
@pytest.mark.parametrize("buttons", [True, False])
def test_what_users_write_adds_nothing_to_the_card(text, buttons):
    found = Elements(card.card(moment(text, ended(text)), buttons=buttons)).found
    plain = Elements(card.card(moment("plain", ended("plain")), buttons=buttons)).found
    assert found == plain


@pytest.mark.parametrize("text", NAMED)
def test_what_users_write_adds_nothing_to_a_card_that_goes_on(text):
    assert Elements(card.card(moment(text))).found == Elements(card.card(moment("plain"))).found


@pytest.mark.parametrize("text", NAMED)
def test_what_users_write_adds_nothing_to_a_comparison(text):
    found = Elements(comparison_html(side_by_side(text))).found
    # Metrics are in the order of their names.
    assert sorted(found) == sorted(Elements(comparison_html(side_by_side("plain"))).found)


@pytest.mark.parametrize("text", NAMED)
def test_what_users_write_cannot_steer_a_page_or_a_terminal(text):
    out = io.StringIO()
    view = TerminalView(Console(file=out, force_terminal=False, width=200, soft_wrap=True))
    shown = moment(text, ended(text))
    view.run(shown)
    view.runs([Summary.of(shown.run)])
    view.text(text)
    view.comparison(side_by_side(text))
    texts = (out.getvalue(), card.text(shown), comparison_text(side_by_side(text)))
    for printed in (*texts, card.card(shown), comparison_html(side_by_side(text))):
        assert not {c for c in printed if not c.isprintable() and c not in "\n\t"}


@pytest.mark.parametrize("text", NAMED)
def test_a_picture_is_valid_xml(text):
    picture = charts.chart(text, [charts.Line(curve(text, [1.0, 2.0]), text)])
    ElementTree.fromstring(picture)  # noqa: S314  (our own text)


def test_markup_of_the_terminal_is_text():
    out = io.StringIO()
    TerminalView(Console(file=out, width=200)).run(moment("[bold]x[/bold]", ended("[bold]")))
    assert "[bold]x[/bold]" in out.getvalue()


def test_a_run_that_was_just_asked_for():
    html = card.card(moment(of=nothing_yet))
    assert "○ PENDING" in html
    assert "%mlops" not in html


def test_a_run_that_goes_on_counts_its_seconds_and_can_be_canceled():
    going = moment()
    html = card.card(going)
    assert "◐ RUNNING" in html
    assert "cell 1 of 4 done" in html
    assert "data-since=" in html
    assert "%mlops cancel one" in html
    assert [control["verb"] for control in card.controls(going.run)] == ["cancel"]
    assert "%mlops cancel" not in card.card(going, buttons=True)


@pytest.mark.parametrize(
    ("state", "offered"),
    [
        (RunState.SUCCEEDED, "%mlops reproduce one"),
        (RunState.FAILED, "%mlops resume one"),
        (RunState.CANCELED, "%mlops resume one"),
        (RunState.LOST, "%mlops resume one"),
    ],
)
def test_a_run_that_has_ended_says_what_to_do_next(state, offered):
    done = moment("plain", ended("plain", state))
    html = card.card(done)
    assert offered in html
    assert "%mlops compare one ID" in html
    assert "%mlops cancel" not in html
    assert "data-since=" not in html
    assert "progressbar" not in html
    assert card.controls(done.run) == []


def test_a_resumed_run_shows_no_old_error():
    again = moment("plain", ended("plain"), RunStarted(pid=2), CellsDone(total=4))
    assert "hint: plain" in card.card(moment("plain", ended("plain")))
    assert 'role="alert"' not in card.card(again)


def test_the_card_says_state_metrics_model_pins_and_error():
    html = card.card(moment("plain", ended("plain")))
    for word in ("✗ FAILED", "test_accuracy", "0.75", "plain version 1", "hint: plain", "first"):
        assert word in html
    for word in ("aaaaaaaaaaaa", "with uncommitted changes", "p = plain", "warning"):
        assert word in html
    assert "<script" not in html


def test_the_parts_of_a_card_keep_their_places():
    kinds = [moment(of=nothing_yet), moment(of=started), moment(), moment("a", ended("a"))]
    assert {Elements(card.card(shown)).parts for shown in kinds} == {15}


def test_the_text_beside_it_says_the_same():
    text = card.text(moment("plain", ended("plain")))
    for word in ("FAILED", "test_accuracy 0.75", "hint: plain", "loss", "█▁"):
        assert word in text


def test_a_metric_with_a_curve_is_not_shown_twice():
    html = card.card(moment())
    assert html.count("<b>loss</b>") == 1
    assert html.count(">loss<") == 2  # and in the picture's title


def test_many_curves_are_folded():
    curves = tuple(curve(f"m{i}", [1.0, 2.0]) for i in range(card.CHARTS + 3))
    html = card.card(Moment(run=moment().run, curves=curves))
    assert "3 more curves" in html
    assert html.count("<svg") == card.CHARTS + 3


def test_only_a_server_of_tracking_is_a_link():
    assert "<a " not in card.card(moment("javascript:alert(1)"))
    html = card.card(moment("https://mlflow.example/"))
    assert '<a href="https://mlflow.example/"' in html
