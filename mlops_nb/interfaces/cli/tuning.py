"""Search the hyperparameters of a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.argument("notebook", required=False)
@click.option("--space", metavar="JSON|FILE", help="What is searched, by parameter.")
@click.option("--objective", metavar="METRIC", help="The metric, as the notebook logs it.")
@click.option("--direction", metavar="maximize|minimize", help="Which values are good.")
@click.option("--trials", type=int, metavar="N", help="How many trials.")
@click.option("--parallel", type=int, metavar="N", help="How many at once; 0 for one a core.")
@click.option("--sampler", metavar="NAME", help="tpe, random, grid or cmaes.")
@click.option("--pruner", metavar="NAME", help="none, median, percentile, halving or hyperband.")
@click.option("--seed", type=int, metavar="N", help="Seed of the sampler.")
@click.option("--deadline", type=int, metavar="S", help="Seconds after which it ends.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="One for all trials.")
@click.option("--train", metavar="PATH", help="Training dataset.")
@options.backend
@options.push
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="A setting, for this run."
)
@click.option("--register", is_flag=True, help="Make a model version of the best trial's model.")
@options.wait
@options.project
@options.json_
@click.pass_obj
def tune(
    view: View,
    /,
    params: tuple[str, ...],
    settings: tuple[str, ...],
    wait: bool,
    project: str | None,
    as_json: bool,
    **asked: Any,
) -> None:
    """Run the notebook once for each trial, and find the hyperparameters that do best."""
    run = api.tune(
        params=dict(options.pair("--param", text) for text in params),
        settings=dict(options.pair("--set", text) for text in settings),
        project=project,
        **asked,
    )
    answers.follow(view, run, wait=wait, project=project, as_json=as_json)


COMMANDS = (tune,)
