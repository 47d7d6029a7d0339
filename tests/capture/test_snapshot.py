from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from mlops_nb.capture import snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import DataError, MlopsError, NotebookError, UsageError
from mlops_nb.settings import Config
from mlops_nb.types import CommandLineText

NOTEBOOK = Path("train.ipynb")


def capture(project, name="one", **wanted):
    wanted.setdefault("notebook", NOTEBOOK)
    return snapshot.take(Config.load(project.root), Wanted(**wanted), name=name)


def take(project, name="one", **wanted):
    return capture(project, name, **wanted).snapshot


def test_all_of_it_is_pinned(project):
    pins = take(project, params={"rate": CommandLineText("0.25")})
    assert pins.code.sha == project.git("rev-parse", "HEAD")
    assert pins.notebook == "train.ipynb"
    assert [(d.role, d.path) for d in pins.datasets] == [
        ("train", "data/train.csv"),
        ("test", "data/test.csv"),
    ]
    assert pins.parameters == {"rate": 0.25, "name": "x"}
    assert "mlflow" in {line.partition("==")[0] for line in pins.environment.lock}


def test_equal_snapshots_have_equal_ids(project):
    first, second = take(project, "one"), take(project, "two")
    assert first.id == second.id


@pytest.mark.parametrize("change", ["helper.py", "data/train.csv"])
def test_one_byte_makes_another_id(project, change):
    before = take(project, "one").id
    path = project.root / change
    content = path.read_bytes()
    path.unlink()
    path.write_bytes(content.replace(b"1", b"2", 1))
    assert take(project, "two").id != before


def test_changed_data_go_into_the_snapshots_pointer_not_the_users(project, state_of):
    path = project.root / "data/train.csv"
    path.unlink()
    path.write_text("a,b,label\n1,2,0\n")
    before = state_of(project.root)

    captured = capture(project)

    assert state_of(project.root) == before
    pins = captured.snapshot
    train = pins.dataset("train")
    assert train.changed
    assert train.hash in project.git("show", f"{pins.code.sha}:data/train.csv.dvc")
    assert train.hash not in project.git("show", "HEAD:data/train.csv.dvc")
    assert any("changed since" in f.message for f in captured.findings)


def test_preview_writes_nothing(project, state_of):
    project.write("helper.py", "ANSWER = 1\n")
    before = state_of(project.root)
    pins = snapshot.preview(Config.load(project.root), Wanted(notebook=NOTEBOOK)).snapshot
    assert pins.code.dirty
    assert state_of(project.root) == before
    assert project.git("for-each-ref", "refs/mlops") == ""


def test_data_that_git_holds_are_pinned_by_git(project):
    project.write("small.csv", "a,label\n1,0\n")
    pins = take(project, train="small.csv")
    blob = project.git("hash-object", "small.csv")
    assert pins.dataset("train").hash == f"git:{blob}"


def test_the_notebooks_own_dataset_parameter_names_the_dataset(project):
    subprocess.run(["cp", "data/train.csv", "data/other.csv"], cwd=project.root, check=True)
    subprocess.run(["dvc", "add", "-q", "data/other.csv"], cwd=project.root, check=True)
    project.notebook("1", parameters='train_dataset = "data/other.csv"')
    assert take(project).dataset("train").path == "data/other.csv"


def test_the_dataset_of_a_call_is_what_the_notebook_gets(project):
    (project.root / "nested").mkdir()
    project.notebook("1", parameters='train_dataset = "../data/test.csv"', path="nested/n.ipynb")
    pins = take(project, notebook=Path("nested/n.ipynb"), train="data/train.csv")
    (parameter,) = pins.hyperparameters
    assert (parameter.value, parameter.source) == ("../data/train.csv", "argument")
    assert pins.dataset("train").path == "data/train.csv"


def test_a_project_in_a_folder_of_a_repository(project):
    project.write("inner/mlops.toml", '[project]\nname = "inner"\n')
    project.notebook("1", path="inner/n.ipynb")
    config = Config.load(project.root / "inner")
    pins = snapshot.take(config, Wanted(notebook=Path("inner/n.ipynb")), name="one").snapshot
    assert (pins.code.folder, pins.notebook) == ("inner", "inner/n.ipynb")


def refused_misspelt_parameter(project):
    return {"params": {"rte": 1}}


def refused_ill_typed_parameter(project):
    return {"params": {"rate": "fast"}}


def refused_dataset_as_parameter(project):
    return {"params": {"train_dataset": "x.csv"}}


def refused_absent_dataset(project):
    return {"train": "data/nothing.csv"}


def refused_untracked_and_ignored_dataset(project):
    project.write(".gitignore", "/secret.csv\n")
    project.write("secret.csv", "a\n1\n")
    return {"train": "secret.csv"}


def refused_dataset_outside(project):
    (project.root.parent / "out.csv").write_text("a\n1\n")
    return {"train": "../out.csv"}


def refused_absent_notebook(project):
    return {"notebook": Path("nothing.ipynb")}


def refused_text_as_notebook(project):
    project.write("text.ipynb", "hello")
    return {"notebook": Path("text.ipynb")}


def refused_json_as_notebook(project):
    project.write("json.ipynb", "{}")
    return {"notebook": Path("json.ipynb")}


def refused_empty_notebook(project):
    project.write("empty.ipynb", "")
    return {"notebook": Path("empty.ipynb")}


def refused_format_of_a_later_jupyter(project):
    project.write("later.ipynb", '{"nbformat": 99, "cells": []}')
    return {"notebook": Path("later.ipynb")}


def refused_truncated_notebook(project):
    path = project.notebook("1")
    path.write_text(path.read_text()[:-40])
    return {}


def refused_old_format(project):
    project.write("old.ipynb", '{"nbformat": 3, "cells": []}')
    return {"notebook": Path("old.ipynb")}


def refused_notebook_in_r(project):
    project.write(
        "r.ipynb", '{"nbformat": 4, "cells": [], "metadata": {"kernelspec": {"language": "R"}}}'
    )
    return {"notebook": Path("r.ipynb")}


def refused_notebook_outside(project):
    (project.root.parent / "out.ipynb").write_text((project.root / "train.ipynb").read_text())
    return {"notebook": project.root.parent / "out.ipynb"}


def refused_missing_object(project):
    from mlops_nb.capture import dvc

    (project.root / "data/train.csv").unlink()
    for path in dvc.cache_folder(project.root).rglob("*"):
        path.is_file() and path.unlink()
    return {}


def refused_unset_variable(project):
    with (project.root / "mlops.toml").open("a") as file:
        file.write('[environment]\nvariables = ["NOT_SET_ANYWHERE"]\n')
    return {}


def refused_secret_as_variable(project):
    with (project.root / "mlops.toml").open("a") as file:
        file.write('[environment]\nvariables = ["SERVICE_TOKEN"]\n')
    return {}


def refused_unset_secret(project):
    with (project.root / "mlops.toml").open("a") as file:
        file.write('[environment]\nsecrets = ["NOT_SET_ANYWHERE"]\n')
    return {}


REFUSED = [value for name, value in sorted(globals().items()) if name.startswith("refused_")]


@pytest.fixture(autouse=True)
def _a_secret_that_is_set(monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "x")


@pytest.mark.parametrize("make", REFUSED, ids=lambda make: make.__name__.removeprefix("refused_"))
def test_what_cannot_be_pinned_is_refused_with_a_hint_and_leaves_no_trace(project, make):
    wanted = make(project)
    with pytest.raises(MlopsError) as refused:
        take(project, **wanted)
    assert refused.value.hint
    assert project.git("for-each-ref", "refs/mlops") == ""


def test_kinds_of_refusal(project):
    for make, kind in (
        (refused_absent_dataset, DataError),
        (refused_absent_notebook, NotebookError),
        (refused_misspelt_parameter, UsageError),
    ):
        with pytest.raises(kind):
            take(project, **make(project))


def test_the_hint_for_an_untracked_dataset_cures_it(project):
    from mlops_nb import api

    wanted = refused_untracked_and_ignored_dataset(project)
    with pytest.raises(DataError) as refused:
        take(project, **wanted)
    assert refused.value.hint.endswith("jupyter mlops track secret.csv")
    api.track("secret.csv")
    assert take(project, **wanted).dataset("train").path == "secret.csv"


def test_modules_are_imported_from_the_checkout_where_the_session_imports_from_the_project(
    project, monkeypatch
):
    (project.root / "src").mkdir()
    monkeypatch.syspath_prepend(str(project.root / "src"))
    assert "src" in take(project).code.python_path
