"""How what is served does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.argument("name")
@click.option("--last", metavar="TIME", help="Requests of the last 24h, 30m, 7d.")
@click.option("--since", metavar="TIME", help="Requests from this time on, in ISO 8601.")
@click.option("--until", metavar="TIME", help="Requests before this time.")
@click.option("--rows", type=int, metavar="N", help="The newest so many rows.")
@click.option("--reference", metavar="RUN", help="The training run to compare with.")
@click.option(
    "--on-drift",
    default="nothing",
    metavar="VERB",
    help="What drift starts: nothing, train, update.",
)
@options.backend
@options.wait
@options.project
@options.json_
@click.pass_obj
def monitor(
    view: View,
    name: str,
    last: str | None,
    since: str | None,
    until: str | None,
    rows: int | None,
    reference: str | None,
    on_drift: str,
    backend: str | None,
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Look for drift in what a deployment is asked; with --wait, exit 3 for an alarm."""
    run = api.monitor(
        name,
        last=last,
        since=since,
        until=until,
        rows=rows,
        reference=reference,
        on_drift=on_drift,
        backend=backend,
        project=project,
    )
    answers.follow(view, run, wait=wait, project=project, as_json=as_json)


@click.command()
@click.argument("name")
@click.option("--input", "labels", default="-", metavar="FILE", help="JSON; - for standard input.")
@options.project
@options.json_
@click.pass_obj
def label(view: View, name: str, labels: str, project: str | None, as_json: bool) -> None:
    """Say what turned out to be right: {"request id": label, ...}."""
    found = api.label(name, options.json_object(labels), project=project)
    unknown = f", {found.unknown} of them of requests not in the log" if found.unknown else ""
    said = f"{found.told} labels{unknown}"
    answers.show(as_json, api.as_json(found), lambda: view.text(said))


COMMANDS = (monitor, label)
