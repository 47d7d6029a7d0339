from __future__ import annotations

from itertools import islice

import pytest
import requests

from mlops_nb.deployment import Endpoint
from mlops_nb.exceptions import DeploymentError
from mlops_nb.following import pulse
from mlops_nb.types import Deployment, DeploymentState, Model, Origin, Revision, RevisionState
from tests.serving.conftest import assembled, models, started  # noqa: F401

ROW = {"radius": 1.0, "count": 2, "kind": "a"}


class OneService:
    """A target with one deployment of two revisions, of which the first answers."""

    def __init__(self, service):
        self.url, self.gone = service.url, False

    def get(self, name):
        if self.gone:
            raise DeploymentError(f"there is no {name}", hint="deploy it")
        origin = Origin(model=Model(uri="models:/m-1"))
        made = {"package": "0" * 64, "origin": origin, "created_at": ""}
        revisions = (
            Revision(number=2, state=RevisionState.STARTING, **made),
            Revision(number=1, state=RevisionState.READY, percent=100, **made),
        )
        return Deployment(
            name=name, target="local", state=DeploymentState.UPDATING, revisions=revisions
        )

    def endpoint(self, _, number):
        assert number == 1
        return Endpoint(self.url, {})


@pytest.fixture
def target(assembled, started):  # noqa: F811
    return OneService(started(assembled()))


def test_it_has_what_was_asked_and_what_may_be_asked(target):
    seen = pulse.follow(target, "tumours", beat_s=0.05)
    first = next(seen)
    assert [load.number for load in first.loads] == [1]
    assert first.load(2) is None
    for body in ({"dataframe_records": [ROW]}, {"nothing": 1}):
        requests.post(f"{target.url}/invocations", json=body, timeout=30)
    counted = next(seen).load(1)
    assert (counted.requests, counted.refused) == (2, 1)
    assert counted.per_second > 0
    assert [(i.name, i.type) for i in first.inputs] == [
        ("radius", "double"), ("count", "long"), ("kind", "string"),
    ]  # fmt: skip
    assert all(item.value is not None for item in first.inputs)


def test_it_ends_with_the_deployment(target):
    seen = pulse.follow(target, "tumours", beat_s=0.01)
    next(seen)
    target.gone = True
    assert list(islice(seen, 5)) == []


def test_one_that_does_not_answer_is_passed_over(target):
    target.url = "http://127.0.0.1:9"
    found = next(pulse.follow(target, "tumours"))
    assert (found.loads, found.inputs) == ((), ())


def test_tensors_have_no_fields():
    about = {"signature": {"inputs": [{"type": "tensor", "tensor-spec": {}}]}, "example": None}
    assert pulse.inputs(about) == ()
