from __future__ import annotations

import math

import msgspec
import pytest

from mlops_nb.exceptions import UsageError
from mlops_nb.journal import MetricsLogged, RunFinished, RunStarted, fold, new_run
from mlops_nb.selection import Selection, names
from mlops_nb.types import RunState, Summary
from tests.vocabulary import request


def run(
    run_id, /, state=RunState.SUCCEEDED, seconds=1.0, notebook="train.ipynb", f1=None, **parameters
):
    asked = request(**parameters)
    pins = msgspec.structs.replace(asked.snapshot, notebook=notebook)
    made = new_run(msgspec.structs.replace(asked, id=run_id, created_at=run_id, snapshot=pins))
    logged = [] if f1 is None else [MetricsLogged(metrics={"f1": f1})]
    events = [RunStarted(pid=1), *logged, RunFinished(state=state, seconds=seconds)]
    return Summary.of(fold(made, events))


# As a runner gives them out: newest first.
RUNS = (
    run("d", seconds=4.0, f1=math.nan, rate=0.1, flag=True, name="x"),
    run("c", state=RunState.FAILED, notebook="deep/other.ipynb", rate=10, flag=False),
    run("b", seconds=2.0, f1=0.9, rate=9, name="y"),
    run("a", seconds=8.0, f1=0.7, rate=0.2, name="z"),
)
NOTHING = {
    "state": None, "notebook": None, "where": (), "sort": None, "reverse": False, "limit": None,
}  # fmt: skip


def ids(runs=RUNS, **asked):
    return "".join(found.id for found in Selection.of(**{**NOTHING, **asked}).apply(runs))


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, "dcba"),
        ({"state": "FAILED"}, "c"),
        ({"state": "failed"}, "c"),
        ({"notebook": "train.ipynb"}, "dba"),
        ({"notebook": "other.ipynb"}, "c"),
        ({"notebook": "deep/other.ipynb"}, "c"),
        ({"where": "f1>0.8"}, "b"),
        ({"where": "f1 >= 0.7"}, "ba"),
        ({"where": ("f1>0.1", "rate<1")}, "a"),
        ({"where": "metric.f1!=0.9"}, "da"),
        ({"where": "param.name=y"}, "b"),
        ({"where": "name!=y"}, "da"),
        ({"where": "rate==10.0"}, "c"),
        ({"where": "rate=fast"}, ""),
        ({"where": "flag=true"}, "d"),
        ({"where": "flag=False"}, "c"),
        ({"where": "created>b"}, "dc"),
        ({"where": "seconds<=2"}, "cb"),
        ({"sort": "rate"}, "dabc"),
        ({"sort": "-rate"}, "cbad"),
        ({"sort": "-rate", "reverse": True}, "dabc"),
        ({"sort": "metric.f1"}, "abdc"),
        ({"sort": "-f1"}, "badc"),
        ({"sort": "param.name"}, "dbac"),
        ({"sort": "created"}, "abcd"),
        ({"sort": "seconds"}, "cbda"),
        ({"reverse": True}, "abcd"),
        ({"limit": 2}, "dc"),
        ({"sort": "seconds", "limit": 1, "state": "SUCCEEDED"}, "b"),
    ],
)
def test_what_is_asked_for_is_found(asked, found):
    assert ids(**asked) == found


@pytest.mark.parametrize(
    ("asked", "hint"),
    [
        ({"state": "FALIED"}, "did you mean 'FAILED'?"),
        ({"state": "x"}, "there are: PENDING"),
        ({"notebook": "trian.ipynb"}, "did you mean 'train.ipynb'?"),
        ({"where": "rat>1"}, "did you mean 'rate'?"),
        ({"where": "metric.f2>1"}, "did you mean 'metric.f1'?"),
        ({"where": "rate"}, "write a name"),
        ({"where": "rate>"}, "write a name"),
        ({"where": ">1"}, "write a name"),
        ({"where": "rate>fast"}, "compare it with a number: rate>0.5"),
        ({"sort": "secnods"}, "did you mean 'seconds'?"),
        ({"sort": "-nothing"}, "there are: created, seconds"),
        ({"limit": 0}, "take 1 or more"),
    ],
)
def test_what_is_no_name_is_refused_with_a_hint(asked, hint):
    with pytest.raises(UsageError) as refused:
        ids(**asked)
    assert hint in refused.value.hint


@pytest.mark.parametrize("text", ["__import__('os')>1", "f1.__class__=1", "f1>1 or 1=1"])
def test_a_condition_is_never_code(text):
    with pytest.raises(UsageError):
        ids(where=text)


def test_without_runs_nothing_is_wrong():
    assert ids((), where="anything>1", sort="anything", notebook="n.ipynb") == ""


def test_a_notebook_without_runs_is_no_mistake(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "new.ipynb").write_text("{}")
    assert ids(notebook="new.ipynb") == ""


def test_names_for_completion():
    assert names(RUNS) == (
        "created", "seconds", "metric.f1", "param.rate", "param.flag", "param.name",
    )  # fmt: skip
