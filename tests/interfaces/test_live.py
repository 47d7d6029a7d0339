from __future__ import annotations

import pytest

from mlops_nb.interfaces import card
from mlops_nb.interfaces.widgets.live import MIME, LiveCard
from tests.interfaces.hostile import ended, moment


@pytest.fixture
def live():
    asked = []
    made = LiveCard("<div></div>", card.controls(moment().run), asked.append)
    made.asked = asked
    return made


def say(widget, content):
    """Hand the widget a message as its front end sends it."""
    data = {"method": "custom", "content": content}
    widget._handle_msg({"content": {"data": data}, "buffers": []})


def test_a_button_that_was_confirmed_is_heard(live):
    say(live, {"verb": "cancel"})
    assert live.asked == ["cancel"]


@pytest.mark.parametrize(
    "content", [{"verb": "train"}, {"verb": ["cancel"]}, {"verb": {}}, {}, "cancel", None, 1]
)
def test_anything_else_is_not(live, content):
    say(live, content)
    assert live.asked == []


def test_no_button_is_heard_after_the_end(live):
    live.set_trait("controls", card.controls(moment("plain", ended("plain")).run))
    say(live, {"verb": "cancel"})
    assert live.asked == []


FIELDS = [{"name": "radius", "type": "double", "required": True, "value": "1"}]


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"radius": "2"}, {"radius": "2"}),
        ({"radius": 2, "other": "x"}, {}),
        (["radius"], {}),
        (None, {}),
    ],
)
def test_a_form_gives_the_text_of_its_fields_and_nothing_else(given, taken):
    filled = []
    widget = LiveCard("<div></div>", [], filled.append, form=FIELDS, fill=filled.append)
    say(widget, {"verb": "fill", "values": given})
    assert filled == [taken]


def test_a_card_without_a_form_takes_none(live):
    say(live, {"verb": "fill", "values": {"radius": "1"}})
    assert live.asked == []


def test_it_knows_whether_a_front_end_drew_it(live):
    assert not live.drawn
    say(live, {"verb": "drawn"})
    assert live.drawn


def test_the_script_inserts_no_html_but_the_card():
    script = LiveCard._esm
    assert script.count("innerHTML") == 1
    for word in ("eval(", "insertAdjacentHTML", "outerHTML =", "document.write", "new Function"):
        assert word not in script


def test_a_front_end_finds_the_model(live):
    assert live.bundle()[MIME]["model_id"] == live.model_id
