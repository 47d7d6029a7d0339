from __future__ import annotations

import math

import pytest

from mlops_nb.deployment import Endpoint, verification
from mlops_nb.serving import package as packages
from tests.serving.conftest import assembled, models, started  # noqa: F401


@pytest.mark.parametrize(
    ("recorded", "given", "equal"),
    [
        ([1, 2], [1, 2], True),
        ([1, 2], [1, 3], False),
        ([1.0], [1.0 + 1e-9], True),
        ([1.0], [1.001], False),
        ([1e-9], [2e-9], True),
        ([1], [1.0], True),
        ([math.nan], [math.nan], True),
        (["a"], ["a"], True),
        (["a"], ["b"], False),
        ([True], [1], False),
        ([[0.5, 0.5]], [[0.5, 0.5]], True),
        ([1], [1, 1], False),
        ([{"label": "a", "p": 0.5}], [{"label": "a", "p": 0.5}], True),
        ([1], None, False),
    ],
)
def test_predictions_are_the_same_by_their_type(recorded, given, equal):
    assert verification.same(recorded, given) is equal


def checks(service, package, **changes):
    example = packages.example(package)
    import msgspec

    example = msgspec.structs.replace(example, **changes)
    found = verification.verify(
        Endpoint(service.url, {}),
        packages.digest(package),
        packages.read(package),
        example,
        timeout_s=30,
    )
    return {f"{check.kind} {check.name}": check.passed for check in found}


def test_a_revision_is_asked_what_its_users_will_ask(assembled, started):  # noqa: F811
    package = assembled()
    service = started(package)
    assert set(checks(service, package).values()) == {True}
    wrong = checks(service, package, predictions=[1, 1, 1, 1])
    assert [name for name, passed in wrong.items() if not passed] == ["prediction example"]
    assert checks(service, package, predictions=None)["prediction example"]
    other = assembled("tensor")
    assert not checks(service, other)["metadata package"]


def test_an_endpoint_that_is_away_fails_and_raises_nothing(assembled, monkeypatch):  # noqa: F811
    monkeypatch.setattr(verification, "_READY_S", 0)
    package = assembled()
    found = verification.verify(
        Endpoint("http://127.0.0.1:9", {}),
        packages.digest(package),
        packages.read(package),
        None,
        timeout_s=1,
    )
    assert not any(check.passed for check in found)
