"""Submit, cancel, resume, delete, in any order: each run that was acknowledged has one record."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

from mlops_nb import testing
from mlops_nb.exceptions import AbsentRunError, RunError
from mlops_nb.types import RunState
from tests import programs
from tests.contracts import places as table

ENDS = {"succeed": RunState.SUCCEEDED, "fail": RunState.FAILED}


class Runs(RuleBasedStateMachine):
    """A user at the runs of one back-end; what each attempt does is said beforehand."""

    place: table.Place
    runs = Bundle("runs")

    @initialize()
    def begin(self):
        self.does: dict[str, str] = {}
        self.ended: dict[str, RunState] = {}
        self.gone: set[str] = set()

    def teardown(self):
        for run_id in getattr(self, "does", {}):
            if run_id not in self.gone:
                self.place.runner.cancel(run_id)
                assert self.place.runner.get(run_id).state.terminal
                self.place.runner.delete(run_id)

    @property
    def there(self):
        return self.does.keys() - self.gone

    @rule(target=runs, does=st.sampled_from(("succeed", "fail", "stay")))
    def submit(self, does):
        run = self.place.submit(does)
        self.does[run.id] = does
        return run.id

    @rule(run_id=runs)
    def submit_once_more(self, run_id):
        """The same request never makes two runs."""
        if run_id in self.there:
            with pytest.raises(RunError, match="already"):
                self.place.runner.submit(self.place.runner.request(run_id))

    @rule(run_id=runs)
    def follow(self, run_id):
        """A run goes forward, and to the end that was said."""
        if run_id not in self.there or (self.does[run_id] == "stay" and run_id not in self.ended):
            return
        seen = [run.state for run in self.place.runner.watch(run_id)]
        assert [table.ORDER[state] for state in seen] == sorted(table.ORDER[s] for s in seen)
        assert seen[-1] == self.ended.get(run_id, ENDS.get(self.does[run_id]))
        self.ended[run_id] = seen[-1]

    @rule(run_id=runs)
    def cancel(self, run_id):
        if run_id not in self.there:
            return
        found = self.place.runner.cancel(run_id)
        assert found.state.terminal
        if run_id in self.ended:
            assert found.state == self.ended[run_id]
        else:
            # It may have come to its end just before.
            assert found.state in {RunState.CANCELED, ENDS.get(self.does[run_id])}
        self.ended[run_id] = found.state

    @rule(run_id=runs, does=st.sampled_from(("succeed", "fail", "stay")))
    def resume(self, run_id, does):
        if run_id not in self.there:
            return
        before = self.place.runner.get(run_id)
        if before.state in (RunState.FAILED, RunState.CANCELED):
            self.place.resume(run_id, does)
            self.does[run_id] = does
            self.ended.pop(run_id, None)
            return
        # What the attempt that goes on does stays as it was said. It may have failed since.
        try:
            self.place.runner.resume(run_id)
        except RunError as refused:
            assert refused.hint
            assert not before.state.terminal or before.state is RunState.SUCCEEDED
        else:
            assert not before.state.terminal
            self.ended.pop(run_id, None)

    @rule(run_id=consumes(runs))
    def delete(self, run_id):
        if run_id not in self.there:
            return
        before = self.place.runner.get(run_id)
        try:
            self.place.runner.delete(run_id)
        except RunError as refused:
            assert refused.hint
            assert not before.state.terminal
            self.place.runner.cancel(run_id)
            self.place.runner.delete(run_id)
        self.gone.add(run_id)

    @invariant()
    def each_acknowledged_run_has_one_record(self):
        ids = self.place.runner.ids()
        assert len(ids) == len(set(ids))
        known = getattr(self, "does", {})
        assert {run_id for run_id in ids if run_id in known} == known.keys() - getattr(
            self, "gone", set()
        )

    @invariant()
    def an_end_is_an_end(self):
        for run_id, state in getattr(self, "ended", {}).items():
            if run_id in self.there:
                assert self.place.runner.get(run_id).state == state

    @invariant()
    def what_is_gone_is_gone(self):
        for run_id in getattr(self, "gone", ()):
            with pytest.raises(AbsentRunError):
                self.place.runner.get(run_id)


@pytest.fixture
def in_memory(project):
    """The back-end in memory, with requests as the verbs make them."""
    from mlops_nb import api
    from mlops_nb.settings import Config

    config = Config.load(project.root).override(run_backend="memory")
    runner = testing.MemoryRunner(config)
    first = api.train("train.ipynb", backend="memory")
    request = runner.request(first.id)
    runner.cancel(first.id)
    return table.Place(
        name="memory",
        runner=runner,
        template=request,
        will=lambda _, does: testing.play(table.SCRIPTS[does], project=project.root),
        numbers=itertools.count(1),
    )


def machine_at(place):
    return type("RunsHere", (Runs,), {"place": place})


def test_each_run_has_one_record_and_one_end_whatever_was_done(in_memory):
    programs.run(machine_at(in_memory), programs=60, steps=30, same=True)


@pytest.mark.faults
def test_each_run_has_one_record_and_one_end_after_many_programs(in_memory):
    programs.run(machine_at(in_memory), programs=300, steps=40, same=False)


@pytest.mark.faults
def test_each_run_of_real_processes_has_one_record_and_one_end(places):
    programs.run(machine_at(places["local"]), programs=6, steps=10, same=False)
