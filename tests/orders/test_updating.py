"""What an update makes of a parent and the data of now, on real git and DVC."""

from __future__ import annotations

import itertools
import subprocess

import pytest

from mlops_nb.capture import dvc, snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import ConfigError, DataError, RunError, UsageError
from mlops_nb.orders import updating
from mlops_nb.orders.rollout import Found
from mlops_nb.pipelines.arguments import evaluation
from mlops_nb.pipelines.arguments import training as parameters
from mlops_nb.settings import Config
from mlops_nb.types import Criteria, Model

NUMBERS = itertools.count()
CELL = "parent_model: str = ''\nnew_data: str = ''\nrate: float = 0.5"


@pytest.fixture
def parent(project):
    """A project whose notebook takes a parent, and the parent, trained on the data as they are."""
    project.notebook("print(rate)", parameters=CELL)
    return Found(
        model=Model(uri="models:/m-1"),
        run="20260101-000000-abc123",
        snapshot=pins(project),
    )


def pins(project, **wanted):
    name = f"snapshot-{next(NUMBERS)}"
    taken = snapshot.take(
        Config.load(project.root),
        Wanted(notebook=project.root / "train.ipynb", **wanted),
        name=name,
    )
    return taken.snapshot


def planned(project, found, *, replay=0.1, only_new=False, chain=(), **settings):
    config = Config.load(project.root).with_settings(settings)
    return updating.plan(
        config, pins(project), found, chain=chain, replay=replay, only_new=only_new
    )


def rewrite(project, change):
    path = project.root / "data" / "train.csv"
    head, *rows = path.read_text().splitlines()
    text = "\n".join([head, *change(rows)]) + "\n"
    path.unlink()
    path.write_text(text)


def test_nothing_new_is_no_plan(project, parent):
    assert planned(project, parent) is None


def test_rows_that_were_added(project, parent):
    rewrite(project, lambda rows: [*rows, "60,1,0", "61,2,1"])
    plan = planned(project, parent, chain=("20250101-000000-abc123",))
    lineage = plan.lineage
    assert (lineage.rows, lineage.files, lineage.retrained) == (2, None, None)
    assert lineage.since == parent.snapshot.dataset("train").hash != lineage.until
    assert lineage.chain == ("20250101-000000-abc123", "20260101-000000-abc123")
    assert plan.earlier.paths == ("data/train.csv", "data/test.csv")
    assert plan.earlier.sha == parent.snapshot.code.sha
    values = plan.snapshot.parameters
    assert values["parent_model"] == "models:/m-1"
    assert values["new_data"] == f"{lineage.since}..{lineage.until} replay 0.1"
    assert values["rate"] == 0.5


def test_rows_that_have_changed_mean_that_all_is_learnt_anew(project, parent):
    rewrite(project, lambda rows: ["0,99,1", *rows[1:], "60,1,0"])
    plan = planned(project, parent, **{"update.key": "a"})
    assert plan.lineage.retrained == "1 rows have changed"
    assert plan.snapshot.parameters["parent_model"] == ""
    assert "all is learnt anew" in plan.findings[0].message


def test_it_learns_on_all_the_same_when_told_to(project, parent):
    rewrite(project, lambda rows: [*rows[1:], "60,1,0"])
    plan = planned(project, parent, only_new=True, **{"update.key": "a"})
    assert (plan.lineage.retrained, plan.lineage.rows) == (None, 1)
    assert plan.snapshot.parameters["parent_model"] == "models:/m-1"
    assert "1 rows are gone; it learns on though" in plan.findings[0].message


def test_files_that_were_added_or_changed(project):
    folder = project.root / "data" / "parts"
    folder.mkdir()
    for name in "ab":
        (folder / f"{name}.csv").write_text(f"a,b,label\n{ord(name)},1,0\n")
    subprocess.run(["dvc", "add", "-q", "data/parts"], cwd=project.root, check=True)
    project.notebook("print(rate)", parameters=CELL)
    found = Found(model=Model(uri="models:/m-1"), snapshot=pins(project, train="data/parts"))
    (folder / "c.csv").write_text("a,b,label\n9,1,0\n")
    config = Config.load(project.root)

    def plan():
        now = pins(project, train="data/parts")
        return updating.plan(config, now, found, chain=(), replay=0.0, only_new=False)

    assert (plan().lineage.files, plan().lineage.rows) == (1, None)
    (folder / "a.csv").unlink()
    assert plan().lineage.retrained == "1 files are gone"


def test_a_notebook_that_takes_no_parent_is_told_what_to_write(project, parent):
    project.notebook("print(rate)", parameters="rate: float = 0.5")
    rewrite(project, lambda rows: [*rows, "60,1,0"])
    with pytest.raises(UsageError, match="has no parent_model") as refused:
        planned(project, parent)
    assert refused.value.hint == 'write into it: parent_model: str = ""'


def test_what_cannot_be_compared_is_refused(project, parent):
    rewrite(project, lambda rows: [*rows, "60,1,0"])
    with pytest.raises(DataError, match="no column 'number'"):
        planned(project, parent, **{"update.key": "number"})
    with pytest.raises(UsageError, match="no share"):
        planned(project, parent, replay=10)


def test_data_of_then_that_are_lost_are_missed(project, parent):
    rewrite(project, lambda rows: [*rows, "60,1,0"])
    now, before = pins(project), parent.snapshot.dataset("train")
    cache = project.root / ".dvc" / "cache" / "files" / "md5"
    dvc.object_path(cache, before.hash).unlink()
    with pytest.raises(DataError, match="as it was"):
        updating.plan(Config.load(project.root), now, parent, chain=(), replay=0.1, only_new=False)


def test_a_parent_of_which_nothing_is_known_is_refused(project):
    config = Config.load(project.root)
    with pytest.raises(RunError, match="nothing says on which data"):
        updating.find("s3://models/theirs", config, None)


def test_an_update_has_to_hold_its_own_against_its_parent(project, parent):
    rewrite(project, lambda rows: [*rows, "60,1,0"])
    config = Config.load(project.root)
    plan = planned(project, parent)
    wanted = evaluation.with_parent(Criteria(gates=("a>=1",)), plan.lineage, config)
    assert wanted.gates == ("a>=1", "test_new_score>=parent-2%", "test_old_score>=parent-5%")
    assert wanted.opponents == {"parent": "models:/m-1"}
    passed = parameters.arguments(plan.snapshot, config, lineage=plan.lineage, earlier=plan.earlier)
    assert "models:/m-1" in passed["lineage"]
    assert plan.earlier.sha in passed["earlier"]
    with pytest.raises(ConfigError):
        evaluation.with_parent(
            Criteria(), plan.lineage, config.with_settings({"update.gates": "better"})
        )
