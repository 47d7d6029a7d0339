from __future__ import annotations

import io

import pytest
from rich.console import Console

from mlops_nb import api
from mlops_nb.interfaces import card
from mlops_nb.interfaces.terminal import TerminalView
from mlops_nb.journal import ImportanceFound, StudyBegun, TrialChanged
from mlops_nb.types import Dimension, Plan, Trial, TrialState
from tests.interfaces.hostile import HOSTILE, Elements, ended, moment

NAMED = [pytest.param(text, id=f"{i}") for i, text in enumerate(HOSTILE)]


def events(text, *states):
    space = (
        Dimension(name=text, kind="choice", choices=(text, [text])),
        Dimension(name="rate", kind="float", low=0.1, high=1.0),
    )
    plan = Plan(
        space=space, objective=text, direction="minimize", trials=9, parallel=1, sampler="tpe",
        pruner="none",
    )  # fmt: skip
    trials = [
        Trial(
            number=i, state=state, parameters={text: text, "rate": 0.1 + i / 10}, value=i + 0.5,
            note=text,
        )
        for i, state in enumerate(states)
    ]  # fmt: skip
    found = [TrialChanged(trial=trial) for trial in trials]
    return [StudyBegun(plan=plan), *found, ImportanceFound(importance={text: 0.75, "rate": 0.25})]


ALL = (TrialState.SUCCEEDED, TrialState.PRUNED, TrialState.FAILED, TrialState.RUNNING)


@pytest.mark.parametrize("text", NAMED)
@pytest.mark.parametrize("buttons", [True, False])
def test_what_users_write_adds_nothing_to_the_card_of_a_tuning(text, buttons):
    found = card.card(moment(text, *events(text, *ALL), ended(text)), buttons=buttons)
    plain = card.card(moment("plain", *events("plain", *ALL), ended("plain")), buttons=buttons)
    assert Elements(found).found == Elements(plain).found


@pytest.mark.parametrize("text", NAMED)
def test_what_users_write_cannot_steer_a_terminal_that_shows_a_tuning(text):
    out = io.StringIO()
    shown = moment(text, *events(text, *ALL), ended(text))
    TerminalView(Console(file=out, force_terminal=False, width=200, soft_wrap=True)).run(shown)
    said = out.getvalue() + card.text(shown)
    assert not [c for c in said if not c.isprintable() and c not in "\n\t"]


@pytest.mark.parametrize("text", NAMED)
def test_the_report_of_a_tuning_is_its_trials_and_nothing_that_users_write(text):
    found = card.found(moment(text, *events(text, *ALL), ended(text)))
    assert "9 trials: 1 done, 1 pruned, 1 failed, 1 running" in found
    plain = card.found(moment("plain", *events("plain", *ALL), ended("plain")))
    assert Elements(found).found == Elements(plain).found


def test_a_card_has_the_same_parts_before_and_after_the_first_trial():
    states = [(), ALL[3:], ALL]
    parts = {Elements(card.card(moment("x", *events("x", *some)))).parts for some in states}
    parts.add(Elements(card.card(moment("x"))).parts)
    assert len(parts) == 1


def test_a_card_says_how_many_trials_came_how_far():
    shown = card.text(moment("x", *events("x", *ALL)))
    assert "9 trials: 1 done, 1 pruned, 1 failed, 1 running; best x 0.5 (trial 0)" in shown


def test_trials_are_in_the_json_of_a_run():
    data = api.as_json(moment("x", *events("x", *ALL)).run)
    assert [t["state"] for t in data["study"]["trials"]] == [state.value for state in ALL]
    assert data["study"]["importance"] == {"x": 0.75, "rate": 0.25}
