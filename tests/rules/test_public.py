from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import click
import pytest

import mlops_nb
from mlops_nb import api, exceptions, types
from mlops_nb.interfaces.cli import verbs

COMMANDS = {name: c for name, c in verbs.commands.items() if not isinstance(c, click.Group)} | {
    f"{name}_{group}": command
    for group, c in verbs.commands.items()
    if isinstance(c, click.Group)
    for name, command in c.commands.items()
}
# What a terminal alone has: explanations, and a server with all the other verbs.
OWN = {"help", "serve"}
SOURCES = sorted(Path(mlops_nb.__file__).parent.rglob("*.py"))
ERRORS = {name for name in exceptions.__all__ if name != "Skipped"}


def test_the_public_list_is_true():
    assert set(mlops_nb.__all__) == {*mlops_nb._HOMES, "__version__"}
    for name in mlops_nb.__all__:
        assert getattr(mlops_nb, name) is not None


def test_every_verb_is_a_function_and_a_command():
    functions = {n for n in mlops_nb._HOMES if mlops_nb._HOMES[n] == "api"}
    assert {name.rstrip("_") for name in functions} == set(COMMANDS) - OWN


@pytest.mark.parametrize("name", sorted(set(COMMANDS) - {"help"}))
def test_every_command_has_json_and_help(name):
    command = COMMANDS[name]
    assert "as_json" in {p.name for p in command.params}
    assert command.help


def test_commands_take_what_functions_take():
    for name, command in COMMANDS.items():
        if name in OWN:
            continue
        taken = set(
            inspect.signature(getattr(api, f"{name}_" if name == "import" else name)).parameters
        )
        offered = {p.name for p in command.params} - {"as_json"}
        assert taken - offered <= {"wait", "say"}, name
        assert offered - taken <= {"wait"}, name


def test_every_error_of_ours_has_a_hint():
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            called = (
                node.func.id
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
                else ""
            )
            if called in ERRORS:
                assert "hint" in {k.arg for k in node.keywords}, f"{path.name}:{node.lineno}"


# Its fields are those of another record, which its docstring names.
@pytest.mark.parametrize("name", sorted(set(types.__all__) - {"Summary"}))
def test_every_field_of_a_record_is_described(name):
    record = getattr(types, name)
    said = re.findall(r"^ +(\w+): ", inspect.getdoc(record) or "", re.MULTILINE)
    assert set(getattr(record, "__struct_fields__", ())) - set(said) == set()
