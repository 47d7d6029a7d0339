from __future__ import annotations

import math

import msgspec
import pytest

from mlops_nb import api
from mlops_nb.comparison import compare
from mlops_nb.journal import MetricsLogged, fold, new_run
from mlops_nb.types import Dataset
from tests.vocabulary import request


def run(name, *, lock=(), metrics=None, datasets=(), **parameters):
    asked = request(**parameters)
    environment = msgspec.structs.replace(asked.snapshot.environment, lock=lock)
    pins = msgspec.structs.replace(asked.snapshot, environment=environment, datasets=datasets)
    made = new_run(msgspec.structs.replace(asked, id=name, snapshot=pins))
    return fold(made, [MetricsLogged(metrics=metrics or {})])


def rows(*runs):
    found = compare(runs, [()] * len(runs))
    return {(row.kind, row.name): row for row in found.rows}


def test_parameters_and_metrics_stand_side_by_side():
    found = rows(run("a", rate=0.1, metrics={"f1": 0.5}), run("b", rate=0.2, metrics={"f1": 0.5}))
    assert found["parameter", "rate"].values == (0.1, 0.2)
    assert found["parameter", "rate"].differs
    assert not found["metric", "f1"].differs


def test_what_one_run_has_not_is_none():
    found = rows(run("a", rate=0.1), run("b"))
    assert found["parameter", "rate"].values == (0.1, None)


def test_differences_come_first():
    found = compare([run("a", x=1, y=1, z=1), run("b", x=1, y=2, z=1)], [(), ()])
    assert [row.differs for row in found.rows] == sorted(
        (row.differs for row in found.rows), reverse=True
    )
    assert found.rows[0].name == "y"


@pytest.mark.parametrize(
    ("one", "other", "differs"),
    [(math.nan, math.nan, False), (1, 1.0, False), (1, True, True), (0.0, math.nan, True)],
)
def test_when_two_values_differ(one, other, differs):
    found = rows(run("a", value=one), run("b", value=other))
    assert found["parameter", "value"].differs is differs


def test_only_packages_that_differ_are_named():
    found = rows(
        run("a", lock=("numpy==2.0", "pandas==3.0", "mine @ git+https://x/y@1")),
        run("b", lock=("numpy==2.1", "pandas==3.0", "mine @ git+https://x/y@2")),
    )
    packages = {name: row.values for (kind, name), row in found.items() if kind == "package"}
    assert packages == {
        "numpy": ("2.0", "2.1"),
        "mine": ("git+https://x/y@1", "git+https://x/y@2"),
    }


def test_data_are_compared_by_hash():
    one, other = (
        Dataset(role="train", path="d.csv", hash=h, repo="r", sha="s", size_bytes=1) for h in "ab"
    )
    found = rows(run("a", datasets=(one,)), run("b", datasets=(other,)))
    assert found["data", "train d.csv"].values == ("a", "b")


def test_three_runs_are_compared_at_once():
    found = rows(run("a", rate=1), run("b", rate=1), run("c", rate=2))
    assert found["parameter", "rate"].values == (1, 1, 2)
    assert found["parameter", "rate"].differs


def test_as_json_is_for_any_reader():
    found = compare([run("a", metrics={"m": math.nan}), run("b")], [(), ()])
    printed = api.as_json(found)
    assert printed["runs"] == ["a", "b"]
    metric = next(row for row in printed["rows"] if row["kind"] == "metric")
    assert metric == {"kind": "metric", "name": "m", "values": ["NaN", None], "differs": True}
