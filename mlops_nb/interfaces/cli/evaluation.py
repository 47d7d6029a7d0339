"""Evaluate a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.argument("model", default="latest", metavar="[RUN|MODEL]")
@click.option("--test", multiple=True, metavar="PATH", help="Test dataset; may be given again.")
@click.option("--against", metavar="MODEL", help="champion, a version, or another model.")
@click.option(
    "--gate",
    multiple=True,
    metavar="GATE",
    help="Such as 'test_accuracy>=0.9'; may be given again.",
)
@options.backend
@options.push
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="A setting, for this run."
)
@options.wait
@options.project
@options.json_
@click.pass_obj
def evaluate(
    view: View,
    model: str,
    test: tuple[str, ...],
    against: str | None,
    gate: tuple[str, ...],
    backend: str | None,
    push: bool | None,
    settings: tuple[str, ...],
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Evaluate a model on test data: metrics, slices, the champion beside it, gates."""
    run = api.evaluate(
        model,
        test=test,
        against=against,
        gate=gate,
        backend=backend,
        push=push,
        settings=dict(options.pair("--set", text) for text in settings),
        project=project,
    )
    answers.follow(view, run, wait=wait, project=project, as_json=as_json)


COMMANDS = (evaluate,)
