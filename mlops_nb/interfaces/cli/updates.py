"""Update a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View

_NOTHING = "no data are new since the parent was trained; nothing was started"


@click.command()
@click.argument("notebook", required=False)
@click.option("--parent", metavar="MODEL", help="Deployment, run, version or alias; the champion.")
@click.option("--replay", type=float, metavar="SHARE", help="Of the old data, to learn again.")
@click.option("--only-new", is_flag=True, help="Learn on even where old data have changed.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A hyperparameter.")
@click.option("--train", metavar="PATH", help="Training dataset.")
@click.option("--test", metavar="PATH", help="Test dataset.")
@options.backend
@options.push
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="A setting, for this run."
)
@options.wait
@options.project
@options.json_
@click.pass_obj
def update(
    view: View,
    notebook: str | None,
    parent: str | None,
    replay: float | None,
    only_new: bool,
    params: tuple[str, ...],
    train: str | None,
    test: str | None,
    backend: str | None,
    push: bool | None,
    settings: tuple[str, ...],
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Let a model learn on from the data that are new since it was trained."""
    run = api.update(
        notebook,
        parent=parent,
        replay=replay,
        only_new=only_new,
        params=dict(options.pair("--param", text) for text in params),
        train=train,
        test=test,
        backend=backend,
        push=push,
        settings=dict(options.pair("--set", text) for text in settings),
        project=project,
    )
    if run is None:
        answers.show(as_json, {"run": None, "reason": _NOTHING}, lambda: view.text(_NOTHING))
    else:
        answers.follow(view, run, wait=wait, project=project, as_json=as_json)


COMMANDS = (update,)
