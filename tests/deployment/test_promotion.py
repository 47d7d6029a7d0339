from __future__ import annotations

import msgspec
import pytest

from mlops_nb.deployment import promotion
from mlops_nb.deployment.descriptor import Policy
from mlops_nb.exceptions import DeploymentError, UsageError
from mlops_nb.tracking.store import Store
from mlops_nb.types import Deployment, DeploymentState, Model, Origin, Revision, Traffic


def deployed(percents, shadow=None):
    """A deployment whose revisions have these percentages, counted from 1."""
    revisions = tuple(
        Revision(
            number=number,
            package="0" * 64,
            origin=Origin(
                model=Model(uri=f"models:/m-{number}", name="tumours", version=str(number))
            ),
            created_at="2026-01-01T00:00:00+00:00",
            percent=percent,
            shadow=number == shadow,
        )
        for number, percent in enumerate(percents, 1)
    )
    return Deployment(
        name="tumours", target="local", state=DeploymentState.READY, revisions=revisions[::-1]
    )


def traffic(percent, shadow=None):
    return Traffic(percent=percent, shadow=shadow)


@pytest.mark.parametrize(
    ("before", "policy", "after"),
    [
        ([0], Policy(), traffic({1: 100})),
        ([0], Policy(strategy="canary"), traffic({1: 100})),
        ([100, 0], Policy(), traffic({2: 100})),
        ([100, 0], Policy(strategy="canary", percent=5), traffic({1: 95, 2: 5})),
        ([100, 0], Policy(strategy="shadow"), traffic({1: 100}, 2)),
        ([90, 10, 0], Policy(strategy="canary", percent=5), traffic({1: 95, 3: 5})),
    ],
)
def test_a_verified_revision_gets_what_its_policy_says(before, policy, after):
    assert promotion.first(deployed(before), len(before), policy) == after


NOTHING = {"canary": None, "shadow": None, "promote": False, "revision": None}


@pytest.mark.parametrize(
    ("before", "asked", "after"),
    [
        ([100, 0], {"canary": 10}, traffic({1: 90, 2: 10})),
        ([90, 10], {"canary": 50}, traffic({1: 50, 2: 50})),
        ([90, 10], {"promote": True}, traffic({2: 100})),
        ([0, 100, 0], {"promote": True, "revision": 1}, traffic({1: 100})),
        ([100, 0], {"shadow": 2}, traffic({1: 100}, 2)),
        ([100, 0], {"shadow": 0}, traffic({1: 100})),
    ],
)
def test_traffic_is_what_was_asked_for(before, asked, after):
    assert promotion.changed(deployed(before), **{**NOTHING, **asked}) == after


@pytest.mark.parametrize(
    ("asked", "error", "message"),
    [
        ({}, UsageError, "one of canary, shadow and promote"),
        ({"canary": 10, "promote": True}, UsageError, "one of canary"),
        ({"canary": 100}, UsageError, "a canary of 100 %"),
        ({"canary": 0}, UsageError, "a canary of 0 %"),
        ({"shadow": 9}, DeploymentError, "no revision 9"),
        ({"promote": True, "revision": 9}, DeploymentError, "no revision 9"),
        ({"canary": 10, "revision": 1}, DeploymentError, "the only one that serves"),
    ],
)
def test_traffic_that_cannot_be_is_refused(asked, error, message):
    with pytest.raises(error, match=message):
        promotion.changed(deployed([100, 0]), **{**NOTHING, **asked})


@pytest.mark.parametrize(
    ("before", "after"), [([0, 100], 1), ([90, 10], 1), ([40, 60], 1), ([0, 0, 100], 2)]
)
def test_a_rollback_goes_to_what_served_before(before, after):
    assert promotion.back(deployed(before), None) == traffic({after: 100})


def test_nothing_served_before_the_first():
    with pytest.raises(DeploymentError, match="no revision from before"):
        promotion.back(deployed([100, 0]), None)


class Still:
    """A target that does as it is told."""

    def __init__(self, deployment):
        self.deployment = deployment

    def get(self, name):
        return self.deployment

    def route(self, name, traffic):
        self.deployment = msgspec.structs.replace(
            self.deployment,
            revisions=tuple(
                msgspec.structs.replace(
                    r, percent=traffic.percent.get(r.number, 0), shadow=r.number == traffic.shadow
                )
                for r in self.deployment.revisions
            ),
        )
        return self.deployment


@pytest.fixture
def registry(tmp_path):
    """The URI of a store with three versions of a model."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = Store(uri)._connection.client
    client.create_registered_model("tumours")
    for number in (1, 2, 3):
        client.create_model_version("tumours", f"file:///{number}")
    return uri


def test_aliases_move_with_the_traffic(registry):
    target, store = Still(deployed([0, 0])), Store(registry)

    def aliases():
        return store.registry.alias("tumours", "champion"), store.registry.alias(
            "tumours", "challenger"
        )

    promotion.route(target, registry, "tumours", traffic({1: 100}))
    assert aliases() == ("1", None)
    promotion.route(target, registry, "tumours", traffic({1: 90, 2: 10}))
    assert aliases() == ("1", "2")
    promotion.route(target, registry, "tumours", traffic({2: 100}))
    assert aliases() == ("2", None)
    promotion.route(target, registry, "tumours", promotion.back(target.deployment, None))
    assert aliases() == ("1", None)
    promotion.route(target, registry, "tumours", traffic({1: 100}, 2))
    assert aliases() == ("1", "2")
