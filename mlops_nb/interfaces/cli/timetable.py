"""Runs at their time."""

from __future__ import annotations

import sys
from functools import partial
from typing import TYPE_CHECKING, Any

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops_nb.interfaces.cli.view import View

_TIMES = (
    click.option("--cron", metavar="CRON", help='Such as "0 6 * * 1-5".'),
    click.option("--timezone", metavar="ZONE", help="Such as Europe/Berlin."),
    click.option("--every", metavar="TIME", help="Such as 30m, 6h or 1d."),
    click.option("--on-change", is_flag=True, help="When code or data have changed."),
    click.option("--missed", metavar="POLICY", help="skip, once or all. Default: once."),
    click.option("--overlap", metavar="POLICY", help="skip, queue or parallel. Default: skip."),
    click.option("--retries", type=int, metavar="N", help="How often a failure is tried again."),
    click.option("--backoff", type=int, metavar="S", help="Seconds before that; they double."),
    click.option("--deadline", type=int, metavar="S", help="Seconds that a firing may take."),
    click.option("--until", metavar="DATE", help="Date of the last firing."),
    click.option(
        "--even-if-unchanged/--only-if-changed",
        default=None,
        help="Whether it runs where nothing has changed since the last success.",
    ),
)


def _times(command: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_TIMES):
        command = option(command)
    return command


@click.command()
@click.argument("what", required=False, metavar="[NOTEBOOK]")
@click.option("--pipeline", default="training", metavar="NAME", help="What it starts.")
@_times
@click.option("--name", metavar="NAME", help="Name of the schedule; the notebook's by default.")
@click.option("--param", "params", multiple=True, metavar="NAME=VALUE", help="A hyperparameter.")
@click.option("--train", metavar="PATH", help="Training dataset.")
@click.option("--test", metavar="PATH", help="Test dataset.")
@click.option("--branch", metavar="BRANCH", help="Pin its head at each firing.")
@click.option("--frozen", is_flag=True, help="Pin code, data and parameters as they are now.")
@click.option(
    "--argument",
    "arguments",
    multiple=True,
    metavar="NAME=VALUE",
    help="Another argument of the pipeline's verb; JSON, or text.",
)
@options.backend
@click.option("--fired-by", metavar="WHO", help="scheduler, or kubeflow: the cluster itself.")
@options.project
@options.json_
@click.pass_obj
def schedule(
    view: View,
    /,
    as_json: bool,
    params: tuple[str, ...],
    arguments: tuple[str, ...],
    **given: Any,
) -> None:
    """Run a notebook, or another pipeline, at its times, with code and data as they are then."""
    done = api.schedule(
        params=dict(options.pair("--param", text) for text in params),
        arguments=dict(options.data("--argument", text) for text in arguments),
        **given,
    )
    answers.show(as_json, api.as_json(done), lambda: view.schedule(done))


@click.command()
@click.argument("name", required=False)
@options.project
@options.json_
@click.pass_obj
def schedules(view: View, name: str | None, project: str | None, as_json: bool) -> None:
    """Show schedules: next firings, what became of the last ones, who fires."""
    found = api.schedules(name, project=project)
    shown = partial(view.schedule, *found.schedules) if name else partial(view.timetable, found)
    answers.show(as_json, api.as_json(found), shown)


@click.command()
@click.argument("name")
@_times
@click.option("--pause", is_flag=True, help="Fire no more.")
@click.option("--resume", is_flag=True, help="Fire again.")
@click.option("--now", is_flag=True, help="Fire now, beside its times.")
@click.option("--repair", is_flag=True, help="Make the cluster fire it as it is recorded here.")
@options.project
@options.json_
@click.pass_obj
def reschedule(view: View, /, as_json: bool, **given: Any) -> None:
    """Change a schedule, pause it, or fire it now."""
    done = api.reschedule(**given)
    answers.show(as_json, api.as_json(done), lambda: view.schedule(done))


@click.command()
@click.argument("name")
@click.option("--forget", is_flag=True, help="Also where the cluster that fires it is gone.")
@options.project
@options.json_
@click.pass_obj
def unschedule(view: View, name: str, forget: bool, project: str | None, as_json: bool) -> None:
    """Forget a schedule; its runs stay."""
    done = api.unschedule(name, forget=forget, project=project)
    answers.show(as_json, {"unscheduled": done}, lambda: view.text(f"{done} is scheduled no more"))


@click.command()
@options.project
@options.json_
@click.pass_obj
def scheduler(view: View, project: str | None, as_json: bool) -> None:
    """Fire the project's schedules until you press Ctrl-C."""
    say = partial(print, file=sys.stderr, flush=True) if as_json else view.text
    try:
        api.scheduler(say=say, project=project)
    finally:
        answers.show(
            as_json, {"scheduler": "ended"}, lambda: view.text("nothing is fired any more")
        )


COMMANDS = (schedule, schedules, reschedule, unschedule, scheduler)
