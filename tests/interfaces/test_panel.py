from __future__ import annotations

import io

import pytest
from rich.console import Console

from mlops_nb.interfaces import panel
from mlops_nb.interfaces.terminal import TerminalView
from mlops_nb.types import (
    Deployment,
    DeploymentState,
    Failure,
    Input,
    Load,
    Model,
    Origin,
    Pulse,
    Revision,
    RevisionState,
)
from tests.interfaces.hostile import HOSTILE, Elements

NAMED = [pytest.param(text, id=f"{i}") for i, text in enumerate(HOSTILE)]


def revision(number, percent, state=RevisionState.READY, text="m"):
    origin = Origin(model=Model(uri=text, name=text, version="1"), run_id=text)
    return Revision(
        number=number, package="0", origin=origin, created_at="", state=state, percent=percent
    )


def deployment(*revisions, state=DeploymentState.READY, text="tumours", error=None):
    return Deployment(
        name=text, target=text, state=state, revisions=revisions, url=text, error=error
    )


def pulse(text="tumours"):
    error = Failure(type="E", message=text, hint=text)
    made = deployment(
        revision(2, 10, text=text), revision(1, 90, text=text), text=text, error=error
    )
    loads = tuple(
        Load(number=n, requests=7, per_second=3.5, p50_s=0.002, p99_s=0.1) for n in (1, 2)
    )
    return Pulse(deployment=made, loads=loads, inputs=(Input(name=text, type=text, value=text),))


def verbs(*revisions, **how):
    return [control["verb"] for control in panel.controls(deployment(*revisions, **how))]


def test_one_revision_can_be_replaced_tried_and_stopped():
    assert verbs(revision(1, 100)) == ["deploy", "deploy-canary", "stop"]


def test_a_canary_can_be_promoted_and_taken_back():
    assert verbs(revision(2, 10), revision(1, 90)) == ["deploy", "promote", "rollback", "stop"]


def test_a_revision_without_requests_can_get_some():
    found = verbs(revision(2, 0), revision(1, 100))
    assert found == ["deploy", "canary", "promote", "rollback", "stop"]


def test_what_was_rolled_back_and_stopped_is_not_promoted_by_a_click():
    found = verbs(revision(2, 0, RevisionState.STOPPED), revision(1, 100))
    assert found == ["deploy", "deploy-canary", "rollback", "stop"]


def test_one_that_is_stopped_can_be_started():
    assert verbs(revision(1, 100), state=DeploymentState.STOPPED) == ["start"]


def test_every_button_asks_and_has_words_to_type():
    for control in panel.controls(deployment(revision(2, 10), revision(1, 90))):
        assert control["question"].endswith(("?", "."))
        assert control["typed"].startswith("jupyter mlops ")


def trends(count=3):
    found = panel.Trends()
    for at in range(count):
        found.add(float(at), pulse())
    return found


def test_the_last_minutes_are_drawn_a_line_for_each_revision():
    drawn = trends().drawn()
    assert drawn.count("<svg") == 2
    assert "<desc>1: 3.5 to 3.5" in drawn
    assert "; 2: 3.5 to 3.5" in drawn
    assert panel.Trends().drawn() == ""


@pytest.mark.parametrize("text", NAMED)
@pytest.mark.parametrize("buttons", [True, False])
def test_what_users_write_adds_nothing_to_the_panel(text, buttons):
    found = Elements(panel.panel(pulse(text), trends(), buttons=buttons))
    plain = Elements(panel.panel(pulse(), trends(), buttons=buttons))
    assert (found.found, found.parts) == (plain.found, plain.parts)
    assert Elements(panel.gone(pulse(text))).found == Elements(panel.gone(pulse())).found


@pytest.mark.parametrize("text", NAMED)
def test_what_users_write_cannot_steer_a_terminal(text):
    out = io.StringIO()
    view = TerminalView(Console(file=out, force_terminal=False, width=200, soft_wrap=True))
    view.deployment(iter([pulse(text)]), None)
    assert not {"\x1b", "\x9b", "\x07", "\r", "\u202e"} & set(
        out.getvalue() + panel.text(pulse(text))
    )


COLUMNS = (
    Input(name="radius", type="double", value=1.5),
    Input(name="count", type="long", value=2),
    Input(name="kind", type="string"),
    Input(name="old", type="boolean", required=False),
)


def asked(**values):
    return panel.row(Pulse(deployment=deployment(revision(1, 100)), inputs=COLUMNS), values)


def test_what_is_filled_in_is_of_the_models_types():
    found = asked(radius="2", count="3", kind="a", old="True")
    assert found == {"radius": 2.0, "count": 3, "kind": "a", "old": True}
    assert type(found["radius"]) is float


def test_what_does_not_fit_is_for_the_service_to_refuse():
    found = asked(radius="wide", count="2.5", kind="", old="")
    assert found == {"radius": "wide", "count": "2.5", "kind": ""}


def test_a_form_has_the_example_in_it():
    fields = panel.form(Pulse(deployment=deployment(revision(1, 100)), inputs=COLUMNS))
    assert [field["value"] for field in fields] == ["1.5", "2", "", ""]
