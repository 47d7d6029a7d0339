"""Train a notebook, and repeat a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options
from mlops_nb.types import Moment

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.argument("notebook", required=False)
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A hyperparameter.")
@click.option("--train", metavar="PATH", help="Training dataset.")
@click.option("--test", metavar="PATH", help="Test dataset.")
@options.backend
@options.rebuild_env
@click.option("--cache/--no-cache", default=None, help="Skip what an earlier run has done.")
@options.push
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="A setting, for this run."
)
@click.option("--dry-run", is_flag=True, help="Show what would run; keep and start nothing.")
@options.wait
@options.project
@options.json_
@click.pass_obj
def train(
    view: View,
    notebook: str | None,
    params: tuple[str, ...],
    train: str | None,
    test: str | None,
    backend: str | None,
    rebuild_env: bool | None,
    cache: bool | None,
    push: bool | None,
    settings: tuple[str, ...],
    dry_run: bool,
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Pin what is in front of you and train it as a pipeline run."""
    run = api.train(
        notebook,
        params=dict(options.pair("--param", text) for text in params),
        train=train,
        test=test,
        backend=backend,
        rebuild_env=rebuild_env,
        cache=cache,
        push=push,
        settings=dict(options.pair("--set", text) for text in settings),
        dry_run=dry_run,
        project=project,
    )
    if dry_run:
        answers.show(as_json, api.as_json(run), lambda: view.run(Moment(run=run)))
    else:
        answers.follow(view, run, wait=wait, project=project, as_json=as_json)


@click.command()
@options.run_id
@click.option("--tolerance", type=float, default=1e-6, help="Relative difference of a metric.")
@options.rebuild_env
@options.project
@options.json_
@click.pass_obj
def reproduce(
    view: View,
    run_id: str,
    tolerance: float,
    rebuild_env: bool | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Run a run again from its record alone and compare: PASS or FAIL, and why."""
    verdict = api.reproduce(
        run_id, tolerance=tolerance, rebuild_env=bool(rebuild_env), project=project
    )
    answers.show(as_json, api.as_json(verdict), lambda: view.verdict(verdict))
    if not verdict.passed:
        raise click.exceptions.Exit(1)


COMMANDS = (train, reproduce)
