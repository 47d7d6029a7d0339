"""Every block of every page is what it says: commands and names that there are, settings, data."""

from __future__ import annotations

import ast
import contextlib
import inspect
import io
import json
import re
import shlex
import sys
import types
import typing
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
import yaml
from IPython.core.inputtransformer2 import TransformerManager

import mlops_nb
from mlops_nb.interfaces.cli import verbs
from mlops_nb.interfaces.server import parameters
from mlops_nb.settings import FILE_NAME, Config
from tests.docs import page

if TYPE_CHECKING:
    from collections.abc import Iterator

TOP = Path(__file__).parents[2]
PAGES = [*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("docs/reference/*.md")]
BLOCKS = [
    pytest.param(block, id=f"{path.name}-{number}-{block.kind}")
    for path in PAGES
    for number, block in enumerate(page.blocks(path))
]
KINDS = {block.values[0].kind for block in BLOCKS}
OURS = {"mlops", "mlops_nb"}
# In the text of a page, where the words are those of a command and no placeholder.
QUOTED = re.compile(r"`(?:jupyter mlops|%mlops) ([a-z][^`]*)`", re.DOTALL)
MAGIC = re.compile(r"^%mlops (.*(?:\\\n.*)*)", re.MULTILINE)
SENTENCES = [
    pytest.param(found[1], id=f"{path.name}-{found[1]}")
    for path in PAGES
    for found in QUOTED.finditer(path.read_text())
]


def of_kind(kind):
    return [block for block in BLOCKS if block.values[0].kind == kind]


def must_parse(words):
    command: click.Command = verbs
    while isinstance(command, click.Group):
        command, words = command.commands[words[0]], words[1:]
    with contextlib.suppress(click.exceptions.Exit), contextlib.redirect_stdout(io.StringIO()):
        command.make_context("mlops", list(words), resilient_parsing=False)


def commands(text) -> Iterator[list[str]]:
    """The words of each command in a script of the shell."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split, lexer.commenters = True, "#"
        words: list[str] = []
        for word in lexer:
            if set(word) <= set("();<>|&"):
                yield words
                words = []
            else:
                words.append(word)
        yield words


def test_there_is_a_check_for_every_kind_of_block():
    assert {"sh", "python", "toml", "yaml", "json"} == KINDS


@pytest.mark.parametrize("block", of_kind("sh"))
def test_commands_are_those_that_there_are(block):
    ours = [words[2:] for words in commands(block.text) if words[:2] == ["jupyter", "mlops"]]
    for words in ours:
        must_parse(words)


@pytest.mark.parametrize("words", SENTENCES)
def test_commands_in_the_text_are_those_that_there_are(words):
    verb, *given = shlex.split(" ".join(words.split()))
    # A verb alone is a mention of it.
    must_parse([verb, *(given or ["--help"])])


@pytest.mark.parametrize("block", of_kind("toml"))
def test_settings_are_those_that_there_are(block, tmp_path):
    (tmp_path / FILE_NAME).write_text(block.text)
    set_here = {s.name for s in Config.load(tmp_path).settings() if s.source == FILE_NAME}
    assert set_here


@pytest.mark.parametrize("block", of_kind("yaml"))
def test_yaml_is_yaml(block):
    assert all(isinstance(one, dict) for one in yaml.safe_load_all(block.text))


@pytest.mark.parametrize("block", of_kind("json"))
def test_json_is_json(block):
    assert json.loads(block.text)


@pytest.mark.parametrize("block", of_kind("python"))
def test_python_has_names_and_arguments_that_there_are(block):
    for words in MAGIC.findall(block.text):
        must_parse(shlex.split(words.replace("\\\n", " "), comments=True))
    Reader().visit(ast.parse(TransformerManager().transform_cell(block.text)))


class Reader(ast.NodeVisitor):
    """Who knows of each name of ours what it takes, and of what it gives what that has."""

    def __init__(self) -> None:
        self.known: dict[str, object] = {}

    def visit_Assign(self, node):
        self.visit(node.value)
        given = self.kind(node.value)
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.known[target.id] = given

    def visit_Call(self, node):
        self.generic_visit(node)
        function = self.function(node.func)
        if function is not None:
            named = {keyword.arg: None for keyword in node.keywords}
            inspect.signature(function).bind(*node.args, **named)

    def visit_Attribute(self, node):
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id in OURS:
            assert hasattr(mlops_nb, node.attr), f"mlops_nb.{node.attr}"
        of = self.kind(node.value)
        if of is not None and not typing.get_origin(of):
            assert hasattr(of, node.attr) or node.attr in typing.get_type_hints(of), node.attr

    def function(self, node):
        ours = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        return getattr(mlops_nb, node.attr, None) if ours and node.value.id in OURS else None

    def kind(self, node):
        """Return the record that an expression gives, None where that is not known."""
        if isinstance(node, ast.Name):
            return self.known.get(node.id)
        if isinstance(node, ast.Call):
            function = self.function(node.func)
            # Of what a notebook asks for in a run, a library has made it.
            verb = function is not None and function.__module__.startswith("mlops_nb.api")
            return record(parameters.hints_of(function)["return"]) if verb else None
        if isinstance(node, ast.Attribute):
            of = self.kind(node.value)
            return record(typing.get_type_hints(of).get(node.attr)) if of else None
        return None


def record(hint):
    """Return the record of ours that a type says, None where it says something else."""
    union = typing.get_origin(hint) in (typing.Union, types.UnionType)
    found = [kind for kind in (typing.get_args(hint) if union else (hint,)) if is_record(kind)]
    return found[0] if found else None


def is_record(kind):
    return isinstance(kind, type) and sys.modules[kind.__module__].__name__.startswith("mlops_nb.")


@pytest.mark.parametrize(
    "text",
    [
        "mlops.trains()",
        "mlops.train('a.ipynb', parms={})",
        "run = mlops.show()\nrun.metric",
        "run = mlops.show()\nrun.study.bests",
    ],
)
def test_what_there_is_not_is_found(text):
    with pytest.raises((AssertionError, TypeError)):
        Reader().visit(ast.parse(text))


def test_a_command_that_there_is_not_is_found():
    with pytest.raises(click.UsageError):
        must_parse(["train", "--params", "C=1"])
