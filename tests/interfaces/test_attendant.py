"""The panel's buttons over a real deployment."""

from __future__ import annotations

import pytest

from mlops_nb import api
from mlops_nb.interfaces.attendant import Attendant
from mlops_nb.types import DeploymentState
from tests.deployment.local.conftest import package, place  # noqa: F401
from tests.interfaces.test_live import say


@pytest.fixture
def shell():
    """A session, without which nothing is displayed."""
    from IPython.core.interactiveshell import InteractiveShell

    yield InteractiveShell.instance()
    InteractiveShell.clear_instance()


@pytest.fixture
def attended(place, shell):  # noqa: F811
    place.serve()
    place.create()
    root = place.target.config.root
    (root / "mlops.toml").write_text("[project]\n")
    attendant = Attendant(api.pulses("tumours", project=root), str(root))
    attendant.start()
    yield place, attendant
    attendant.relieve()
    attendant.join(30)


def click(attendant, verb):
    say(attendant._output.widget, {"verb": verb})


def test_each_button_does_what_it_says(attended):
    place, attendant = attended  # noqa: F811
    steps = {
        "canary": lambda d: d.revision(2).percent == 10,
        "promote": lambda d: d.revision(2).percent == 100,
        "rollback": lambda d: d.revision(1).percent == 100,
        "stop": lambda d: d.state is DeploymentState.STOPPED,
        "start": lambda d: d.state is DeploymentState.READY,
    }
    widget = attendant._output.widget
    for verb, done in steps.items():
        place.until(lambda verb=verb: verb in {c["verb"] for c in widget.controls})
        click(attendant, verb)
        place.until(lambda done=done: done(place.target.get("tumours")))
        place.until(lambda: widget.note == "done")
    assert "was taken down" not in widget.html


def test_what_is_refused_is_said(attended):
    place, attendant = attended  # noqa: F811
    with place.target.claim("tumours"):
        click(attendant, "promote")
        place.until(lambda: "another deploy of tumours is at it" in attendant._output.widget.note)


def test_a_prediction_is_asked_for_and_shown(attended):
    place, attendant = attended  # noqa: F811
    told = []
    attendant._output.widget.send = told.append
    say(attendant._output.widget, {"verb": "fill", "values": {}})
    place.until(lambda: told)
    assert told == [{"answer": "7"}]


def test_it_says_when_the_deployment_is_gone(attended):
    place, attendant = attended  # noqa: F811
    place.target.delete("tumours")
    attendant.join(60)
    assert not attendant.is_alive()
    assert "tumours</b> was taken down" in attendant._output.widget.html
    assert attendant._output.widget.controls == []


def test_a_second_panel_takes_the_place_of_the_first(attended):
    place, attendant = attended  # noqa: F811
    root = str(place.target.config.root)
    second = Attendant(api.pulses("tumours", project=root), root)
    second.start()
    attendant.join(60)
    assert not attendant.is_alive()
    second.relieve()
    second.join(60)
