"""A page of the documentation as a program: commands, settings, what it makes of a cluster."""

from __future__ import annotations

import re
import shlex
from argparse import ArgumentParser
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import tomlkit
import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_BLOCK = re.compile(r"(?:^<!-- ([^>]+) -->\n)?^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXPORT = re.compile(r"(\w+)=\$\((kubectl .*)\)")
_ROW = re.compile(r"^\| (`.*?) \|", re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        kind: sh, python, toml, yaml or json.
        text: What is in it.
        note: What the page's source says of it, and its reader does not see.
    """

    kind: str
    text: str
    note: str = ""

    @property
    def alternative(self) -> bool:
        """Whether it stands for something that was set before, in another way."""
        return self.note == "another way"

    @property
    def commands(self) -> list[list[str]]:
        """Its command lines, as words."""
        return [shlex.split(line) for line in self.text.splitlines()]


def blocks(path: Path) -> list[Block]:
    """Return the fenced blocks of a page."""
    return [Block(m[2], m[3], m[1] or "") for m in _BLOCK.finditer(path.read_text())]


def symptoms(path: Path) -> list[str]:
    """Return the messages that the table of troubles quotes."""
    table = path.read_text().partition("\n| it says |")[2]
    return [row.partition("`")[2].partition("`")[0] for row in _ROW.findall(table)]


def settings(given: str, block: Block) -> str:
    """Return settings with those of a block added."""
    document = tomlkit.parse(given)
    for section, values in tomlkit.parse(block.text).items():
        table: Any = document.setdefault(section, tomlkit.table())
        table.update(values)
    return tomlkit.dumps(document)


def export(word: str) -> tuple[str, list[str]]:
    """Return the variable that is set, and the kubectl that gives its value."""
    found = _EXPORT.fullmatch(word)
    assert found, word
    return found[1], shlex.split(found[2])


class Cluster:
    """What kubectl makes in a namespace.

    Args:
        namespace: The only one that there is.
        values: What the shell has in variables.
    """

    def __init__(self, namespace: str, values: Mapping[str, str]) -> None:
        self.namespace, self._values = namespace, values
        self.secrets: dict[str, dict[str, str]] = {}
        self.pull_secrets: set[str] = set()
        self.claims: set[str] = set()

    def kubectl(self, words: list[str], files: Mapping[str, str]) -> None:
        """Do what a command does; any that is not known here fails."""
        given = _parser().parse_args(words[1:])
        assert given.namespace == self.namespace, words
        if given.verb == "create":
            self._create(given)
        else:
            document = yaml.safe_load(files[given.filename])
            assert document["kind"] == "PersistentVolumeClaim"
            self.claims.add(document["metadata"]["name"])

    def _create(self, given: Any) -> None:
        if given.kind == "docker-registry":
            self.pull_secrets.add(given.name)
        else:
            pairs = dict(self._pairs(given.from_literal, given.from_file))
            assert pairs, given.name
            self.secrets[given.name] = pairs

    def _pairs(self, literals: list[str], files: list[str]) -> Iterator[tuple[str, str]]:
        for text in literals:
            key, _, value = text.partition("=")
            yield key, self._values[value[1:]] if value.startswith("$") else value
        for text in files:
            key, _, _ = text.partition("=")
            yield key, "content of a file"


class _Strict(ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise AssertionError(f"kubectl would not take that: {message}")


def _parser() -> ArgumentParser:
    parser = _Strict(allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True, parser_class=_Strict)
    apply = verbs.add_parser("apply")
    apply.add_argument("--namespace", required=True)
    apply.add_argument("--filename", required=True)
    kinds = verbs.add_parser("create").add_subparsers(dest="what", required=True)
    of_secret = kinds.add_parser("secret").add_subparsers(dest="kind", required=True)
    generic, registry = of_secret.add_parser("generic"), of_secret.add_parser("docker-registry")
    for secret in (generic, registry):
        secret.add_argument("name")
        secret.add_argument("--namespace", required=True)
    generic.add_argument("--from-literal", action="append", default=[])
    generic.add_argument("--from-file", action="append", default=[])
    for option in ("server", "username", "password"):
        registry.add_argument(f"--docker-{option}", required=True)
    return parser
