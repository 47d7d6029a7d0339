"""The options that verbs share."""

from __future__ import annotations

import json
from typing import Any

import click

from mlops_nb.exceptions import UsageError
from mlops_nb.types import CommandLineText

project = click.option(
    "--project", metavar="DIR", help="A folder of the project; the current one by default."
)
json_ = click.option("--json", "as_json", is_flag=True, help="Print one JSON object, nothing else.")
wait = click.option("--wait", is_flag=True, help="Stay until the run has ended.")
rebuild_env = click.option(
    "--rebuild-env",
    is_flag=True,
    default=None,
    help="Run in an environment built from the recorded lock.",
)
backend = click.option("--backend", metavar="NAME", help="Where the run goes: local, kubeflow.")
push = click.option(
    "--push/--no-push", default=None, help="Push snapshot and data to their remotes first."
)
run_id = click.argument("run_id", default="latest", metavar="[ID]")


def pair(option: str, text: str) -> tuple[str, CommandLineText]:
    """Return the name and the value of `NAME=VALUE`.

    Raises:
        UsageError: There is no value.
    """
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"{option} {text} has no value", hint=f"write it as {option} {name}=VALUE")
    return name, CommandLineText(value)


def data(option: str, text: str) -> tuple[str, Any]:
    """Return the name and the value of `NAME=VALUE`, which is text where it is no JSON.

    Raises:
        UsageError: There is no value.
    """
    name, value = pair(option, text)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, str(value)


def content(name: str) -> str:
    """Return the text of a file, or of standard input for "-".

    Raises:
        UsageError: It cannot be read, or is no text.
    """
    try:
        return str(click.open_file(name, encoding="utf-8").read())
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"{name} cannot be read: {why}", hint="name a file with JSON, or - for standard input"
        ) from None


def json_object(name: str) -> dict[str, Any]:
    """Return the JSON object in a file, or on standard input for "-".

    Raises:
        UsageError: It is none.
    """
    try:
        found = json.loads(content(name))
    except ValueError as error:
        raise UsageError(
            f"{name} holds no JSON: {error}", hint='such as {"a request\'s id": 1}'
        ) from None
    if not isinstance(found, dict):
        raise UsageError(f"{name} holds no JSON object", hint='such as {"a request\'s id": 1}')
    return found
