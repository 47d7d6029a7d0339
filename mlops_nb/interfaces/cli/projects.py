"""A folder as a project."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.argument("folder", default=".", metavar="[DIR]")
@click.option("--example", metavar="NAME", help="Start from an example: quickstart, tuning.")
@options.json_
@click.pass_obj
def init(view: View, folder: str, example: str | None, as_json: bool) -> None:
    """Make a folder a project: git, DVC, mlops.toml."""
    done = api.init(folder, example=example)
    answers.show(as_json, {"done": done}, lambda: view.text("\n".join(done)))


@click.command()
@click.argument("notebook", required=False)
@options.backend
@options.project
@options.json_
@click.pass_obj
def status(
    view: View, notebook: str | None, backend: str | None, project: str | None, as_json: bool
) -> None:
    """Show what would be pinned now, and what is to be said about it."""
    found = api.status(notebook, backend=backend, project=project)
    answers.show(as_json, api.as_json(found), lambda: view.status(found))
    if found.snapshot is None:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("path")
@options.project
@options.json_
@click.pass_obj
def track(view: View, path: str, project: str | None, as_json: bool) -> None:
    """Put a dataset under DVC, or its new version."""
    pointer = api.track(path, project=project)
    answers.show(
        as_json, {"pointer": pointer}, lambda: view.text(f"{path} is tracked by {pointer}")
    )


@click.command()
@options.project
@options.json_
@click.pass_obj
def config(view: View, project: str | None, as_json: bool) -> None:
    """Show every setting, its value and its source."""
    settings = api.config(project=project)
    answers.show(as_json, {"settings": api.as_json(settings)}, lambda: view.settings(settings))


COMMANDS = (init, status, track, config)
