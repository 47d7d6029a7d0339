"""Every refusal of a capture is cured by its hint, typed as it is shown."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

from mlops_nb.capture import dvc, snapshot
from mlops_nb.capture.snapshot import Wanted
from mlops_nb.exceptions import MlopsError
from mlops_nb.settings import Config
from mlops_nb.types import CommandLineText


def take(project, name, wanted):
    wanted = {"notebook": Path("train.ipynb"), **wanted}
    return snapshot.take(Config.load(project.root), Wanted(**wanted), name=name).snapshot


def in_settings(project, section, line):
    text = (project.root / "mlops.toml").read_text()
    if f"[{section}]" not in text:
        text += f"\n[{section}]\n"
    project.write("mlops.toml", text.replace(f"[{section}]\n", f"[{section}]\n{line}\n"))


# Each makes a refusal, and yields what the call asks for, then what it asks for after the cure.


def absent_dataset(project):
    return {"train": "data/tarin.csv"}, lambda hint: {"train": hint.split(", ")[-1]}


def untracked_and_ignored_dataset(project):
    project.write(".gitignore", "/big.csv\n")
    project.write("big.csv", "a\n1\n")
    return {"train": "big.csv"}, typed


def dataset_outside(project):
    (project.root.parent / "out.csv").write_text("a\n1\n")
    return {"train": "../out.csv"}, lambda hint: {"train": "out.csv"} if typed(hint) else None


def dataset_neither_here_nor_in_the_cache(project):
    (project.root / "data/train.csv").unlink()
    for path in dvc.cache_folder(project.root).rglob("*"):
        path.is_file() and path.unlink()
    return {}, typed


def broken_pointer(project):
    project.write("data/train.csv.dvc", "outs: []\n")
    return {}, typed


def no_dvc_folder(project):
    (project.root / ".dvc").rename(project.root.parent / "gone")
    return {}, typed


def lock_of_a_stage_that_is_none(project):
    project.write("dvc.yaml", "stages:\n  make:\n    cmd: echo 1 > o.csv\n    outs: [o.csv]\n")
    project.write("dvc.lock", "stages: 3\n")
    return {"train": "o.csv"}, lambda hint: {} if typed("x: rm dvc.lock") and typed(hint) else None


def absent_notebook(project):
    return {"notebook": Path("tarin.ipynb")}, lambda hint: {
        "notebook": Path(hint.rpartition(" ")[2])
    }


def notebook_outside(project):
    out = project.root.parent / "out.ipynb"
    out.write_text((project.root / "train.ipynb").read_text())
    return {"notebook": out}, lambda hint: {"notebook": Path(out.name)} if typed(hint) else None


def notebook_of_format_3(project):
    cell = {"cell_type": "code", "input": "1", "language": "python", "outputs": [], "metadata": {}}
    sheets = [{"cells": [cell], "metadata": {}}]
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {"name": ""}, "worksheets": sheets}
    project.write("old.ipynb", json.dumps(old))
    return {"notebook": Path("old.ipynb")}, typed


def misspelt_parameter(project):
    return {"params": {"rte": 1.0}}, lambda hint: {"params": {re.search(r"'(\w+)'", hint)[1]: 1.0}}


def ill_typed_parameter(project):
    def cure(hint):
        name, value = hint.rpartition("--param ")[2].split("=")
        return {"params": {name: CommandLineText(value)}}

    return {"params": {"rate": CommandLineText("fast")}}, cure


def dataset_as_parameter(project):
    def cure(hint):
        role, path = hint.removeprefix("say --").split()
        return {role: path}

    return {"params": {"train_dataset": "data/test.csv"}}, cure


def unset_variable(project):
    in_settings(project, "environment", 'variables = ["REGION_OF_TEST"]')
    return {}, exported


def unset_secret(project):
    in_settings(project, "environment", 'secrets = ["TOKEN_OF_TEST"]')
    return {}, exported


def secret_as_variable(project):
    in_settings(project, "environment", 'variables = ["SERVICE_TOKEN"]')

    def cure(hint):
        assert "environment.secrets" in hint
        text = (project.root / "mlops.toml").read_text()
        project.write("mlops.toml", text.replace("variables =", "secrets ="))

    return {}, cure


def misspelt_setting(project):
    in_settings(project, "data", 'trian = "data/train.csv"')

    def cure(hint):
        right = re.search(r"data\.(\w+)", hint)[1]
        text = (project.root / "mlops.toml").read_text()
        assert right == "train"
        project.write("mlops.toml", text.replace('trian = "data/train.csv"\n', ""))

    return {}, cure


def no_project(project):
    (project.root / "mlops.toml").unlink()
    return {}, typed


def ignored_module(project):
    project.write(".gitignore", "/secret_sauce.py\n")
    project.write("secret_sauce.py", "X = 1\n")
    project.notebook("import secret_sauce", parameters="rate = 0.5")

    def cure(hint):
        name = hint.rpartition(": ")[2]
        in_settings(project, "code", f'include = ["{name}"]')

    return {}, cure


def secret_in_code(project):
    path = project.write("module.py", "KEY = 'AKIA" + "ABCDEFGHIJKLMNOP'")

    def cure(hint):
        path.write_text(path.read_text() + "  " + hint.partition("end the line with  ")[2])

    return {}, cure


def secret_as_parameter(project):
    project.notebook("1", parameters="note = 'x'")

    def cure(hint):
        assert "read it from the environment" in hint
        return {"params": {}}

    return {"params": {"note": "AKIA" + "ABCDEFGHIJKLMNOP"}}, cure


def no_such_data_repository(project):
    in_settings(project, "data", 'repo = "."\nrevision = "mian"')

    def cure(hint):
        assert "data.revision" in hint
        listed = typed(hint)
        branch = re.search(r"refs/heads/(\w+)", listed.stdout)[1]
        text = (project.root / "mlops.toml").read_text()
        project.write("mlops.toml", text.replace("mian", branch))

    return {}, cure


def typed(hint):
    """Type the command that a hint ends in."""
    command = hint.rpartition(": ")[2]
    return subprocess.run(command, shell=True, check=True, capture_output=True, text=True)  # noqa: S602


def exported(hint):
    name, _, value = hint.rpartition("export ")[2].partition("=")
    patch.setenv(name, value)


patch = pytest.MonkeyPatch()
CASES = [
    absent_dataset, untracked_and_ignored_dataset, dataset_outside, broken_pointer, no_dvc_folder,
    dataset_neither_here_nor_in_the_cache, lock_of_a_stage_that_is_none, absent_notebook,
    notebook_outside, notebook_of_format_3, misspelt_parameter, ill_typed_parameter,
    dataset_as_parameter, unset_variable, unset_secret, secret_as_variable, misspelt_setting,
    no_project, ignored_module, secret_in_code, secret_as_parameter, no_such_data_repository,
]  # fmt: skip


@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_the_hint_cures_the_refusal(project, make, monkeypatch):
    monkeypatch.setenv("SERVICE_TOKEN", "x")
    wanted, cure = make(project)
    with pytest.raises(MlopsError) as refused:
        take(project, "one", wanted)
    assert project.git("for-each-ref", "refs/mlops") == ""
    changed = cure(refused.value.hint)
    wanted = changed if isinstance(changed, dict) else wanted
    try:
        assert take(project, "two", wanted).code.sha
    finally:
        patch.undo()
