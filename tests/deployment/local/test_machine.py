"""Deploy, split, promote, roll back, kill, in any order: what was said to serve serves."""

from __future__ import annotations

import os
import signal
import sys
from types import SimpleNamespace

import pytest
import requests
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mlops_nb import lease
from mlops_nb.deployment import Built, promotion
from mlops_nb.deployment.descriptor import Descriptor, Policy, Resources, Service
from mlops_nb.deployment.local import LocalTarget, standby, tree
from mlops_nb.deployment.local.records import control, identity
from mlops_nb.exceptions import DeploymentError, MlopsError
from mlops_nb.settings import Config
from mlops_nb.tracking.store import Store
from mlops_nb.types import DeploymentState, Model, Origin
from tests import programs

NAME, MODELS = "tumours", 40
percents = st.sampled_from((1, 10, 50, 99))


class Deployments(RuleBasedStateMachine):
    """A user at the deployments of one project; real processes serve, on a real registry."""

    surroundings: SimpleNamespace

    @initialize()
    def begin(self):
        self.surroundings.number += 1
        root = self.surroundings.folder / f"project-{self.surroundings.number}"
        (root / ".mlops").mkdir(parents=True)
        self.target = LocalTarget(Config(root=root))
        self.registry = Store(self.surroundings.registry).registry
        self.last = 0
        self.percent: dict[int, int] = {}
        self.shadow: int | None = None
        self.proven: list[int] = []

    def teardown(self):
        if hasattr(self, "target") and self.last:
            if self.percent:
                self.changed(promote=True)
                self.try_and_roll_back(10)
                self.what_was_said_to_serve_serves()
                self.take_down()
            assert self.target.names() == []
            assert list(tree.marked(f"{identity(self.target.root)}/{NAME}/")) == []

    def create(self, number, fault=""):
        descriptor = Descriptor(
            name=NAME, model="latest", environment={"FAULT": fault},
            resources=Resources(memory="200Mi"), service=Service(drain_s=5.0, start_s=20.0),
        )  # fmt: skip
        built = Built(package="0" * 64, folder=self.surroundings.package, python=sys.executable)
        model = Model(uri=f"models:/tumours/{number}", name="tumours", version=str(number))
        return self.target.create(descriptor, built, Origin(model=model)).number

    def route(self, traffic):
        promotion.route(self.target, self.surroundings.registry, NAME, traffic)
        self.percent = {number: part for number, part in traffic.percent.items() if part}
        self.shadow = traffic.shadow
        self.proven += [n for n in {*self.percent, self.shadow} - {None} if n not in self.proven]

    def deployment(self):
        return self.target.get(NAME)

    def known(self):
        return sorted(revision.number for revision in self.deployment().revisions)

    @precondition(lambda self: self.last < MODELS)
    @rule(strategy=st.sampled_from(("replace", "canary", "shadow")), percent=percents)
    def deploy_another(self, strategy, percent):
        self.deploy(strategy, percent)

    def deploy(self, strategy, percent):
        number = self.create(self.last + 1)
        assert number == self.last + 1
        self.last = number
        before = self.deployment()
        self.route(promotion.first(before, number, Policy(strategy=strategy, percent=percent)))
        if not before.serving:
            assert self.percent == {number: 100}

    @rule()
    def deploy_what_does_not_load(self):
        with pytest.raises(DeploymentError):
            self.create(0, fault="load")
        self.last += 1
        if not self.percent:
            # Where it was the first one, there is no deployment.
            assert self.target.names() == []
            self.last = 0

    def changed(self, **asked):
        """Ask for other traffic; what is refused changes nothing."""
        none = {"canary": None, "shadow": None, "promote": False, "revision": None}
        before = self.deployment()
        try:
            self.route(promotion.changed(before, **{**none, **asked}))
        except MlopsError as refused:
            assert refused.hint
            assert promotion.now(self.deployment()) == promotion.now(before)

    @precondition(lambda self: self.percent)
    @rule(percent=st.sampled_from((0, 1, 10, 50, 99, 100)), back=st.integers(0, 2))
    def split(self, percent, back):
        self.changed(canary=percent, revision=self.known()[-1 - back % len(self.known())])

    @precondition(lambda self: self.percent)
    @rule(back=st.integers(0, 4))
    def promote(self, back):
        self.changed(promote=True, revision=self.known()[-1 - back % len(self.known())])

    @precondition(lambda self: self.percent)
    @rule(back=st.integers(0, 4), wanted=st.booleans())
    def cast_a_shadow(self, back, wanted):
        self.changed(shadow=self.known()[-1 - back % len(self.known())] if wanted else 0)

    @precondition(lambda self: self.percent)
    @rule()
    def roll_back(self):
        known = self.known()
        serving = max(self.percent, key=lambda number: self.percent[number])
        older = [number for number in known if number < serving]
        served = list(self.percent)
        try:
            self.route(promotion.back(self.deployment(), None))
        except DeploymentError:
            assert not older
            assert len(served) == 1
            return
        (now,) = self.percent
        assert now == (min(served) if len(served) > 1 else max(older))

    @precondition(lambda self: len(self.percent) == 1 and self.last < MODELS)
    @rule(percent=percents)
    def try_and_roll_back(self, percent):
        """What was before is what is again."""
        before = dict(self.percent)
        self.deploy("canary", percent)
        assert len(self.percent) == 2
        self.route(promotion.back(self.deployment(), None))
        assert self.percent == before

    @precondition(lambda self: self.percent)
    @rule(what=st.sampled_from(("supervisor", "front", "revision")))
    def kill(self, what):
        root = control(self.target.root)
        if what == "revision":
            marks = tree.marked(f"{identity(self.target.root)}/{NAME}/")
            pids = [process.pid for process, _ in marks]
        else:
            file = {"supervisor": standby.SUPERVISOR_LEASE, "front": standby.FRONT_LEASE}[what]
            holder = lease.holder(root / file)
            pids = [holder.pid] if holder else []
        for pid in pids[:1]:
            os.kill(pid, signal.SIGKILL)

    @precondition(lambda self: self.percent)
    @rule()
    def stop_and_start(self):
        assert self.target.stop(NAME).state is DeploymentState.STOPPED
        self.target.start(NAME)

    @precondition(lambda self: self.percent)
    @rule()
    def take_down(self):
        self.target.delete(NAME)
        assert self.target.names() == []
        # Aliases outlive a deployment, as those of models that were only registered.
        self.registry.set_alias("tumours", promotion.CHALLENGER, None)
        self.percent, self.shadow, self.proven, self.last = {}, None, [], 0

    @precondition(lambda self: self.percent)
    @invariant()
    def the_traffic_is_what_was_asked_for(self):
        now = promotion.now(self.deployment())
        assert now.percent == self.percent
        assert now.shadow == self.shadow
        assert sum(now.percent.values()) == 100

    @precondition(lambda self: self.percent)
    @invariant()
    def what_was_said_to_serve_serves(self):
        answers = [self.ask() for _ in range(3)]
        assert set(answers) <= self.percent.keys()

    @precondition(lambda self: self.percent)
    @invariant()
    def the_aliases_are_those_of_the_traffic(self):
        top = max(self.percent, key=lambda number: (self.percent[number], -number))
        others = {*self.percent, self.shadow} - {top, None}
        champion = self.registry.alias("tumours", promotion.CHAMPION)
        serving = self.deployment().serving
        assert champion == serving.origin.model.version
        assert self.percent[serving.number] == self.percent[top]
        challenger = self.registry.alias("tumours", promotion.CHALLENGER)
        assert (challenger is not None) == bool(others)

    def ask(self):
        """Ask the stable URL; while something that was killed comes back it may take a moment."""
        endpoint = self.target.endpoint(NAME)
        answer = self.surroundings.until(lambda: asked(endpoint))
        return int(answer["revision"])


def asked(endpoint):
    try:
        answer = requests.post(
            f"{endpoint.url}/invocations", data="1", headers=endpoint.headers, timeout=30
        )
    except requests.ConnectionError:
        return None
    return answer.json() if answer.status_code == 200 else None


@pytest.fixture
def machine(tmp_path, package, until):
    registry = f"sqlite:///{tmp_path}/mlflow.db"
    client = Store(registry)._connection.client
    client.create_registered_model("tumours")
    for number in range(1, MODELS + 1):
        client.create_model_version("tumours", f"file:///{number}")
    Deployments.surroundings = SimpleNamespace(
        folder=tmp_path, package=package, registry=registry, until=until, number=0
    )
    return Deployments


def test_what_is_said_to_serve_serves_whatever_was_done(machine):
    programs.run(machine, programs=3, steps=10, same=True)


@pytest.mark.faults
def test_what_is_said_to_serve_serves_after_many_programs(machine):
    programs.run(machine, programs=40, steps=25, same=False)
