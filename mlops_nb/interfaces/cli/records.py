"""Runs: listed, shown, followed, compared, ended, carried elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options
from mlops_nb.types import Moment

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.option("--state", metavar="STATE", help="Only runs in this state, such as FAILED.")
@click.option("--notebook", metavar="PATH", help="Only runs of this notebook.")
@click.option(
    "--where",
    multiple=True,
    metavar="CONDITION",
    help="Only runs that meet it, such as 'test_accuracy>0.9'; may be given again.",
)
@click.option(
    "--sort",
    metavar="NAME",
    help="created, seconds, metric.NAME or param.NAME; -NAME for the largest first.",
)
@click.option("--reverse", is_flag=True, help="The other way round.")
@click.option("--limit", type=int, metavar="N", help="No more than so many.")
@options.project
@options.json_
@click.pass_obj
def runs(view: View, /, as_json: bool, **asked: Any) -> None:
    """List the project's runs, newest first."""
    if as_json:
        answers.show(True, {"runs": api.as_json(api.runs(**asked))}, lambda: None)
    else:
        # A table shows so little of each that none needs to be read for it.
        view.runs(api.summaries(**asked).runs)


@click.command()
@options.run_id
@options.project
@options.json_
@click.pass_obj
def show(view: View, run_id: str, project: str | None, as_json: bool) -> None:
    """Show a run: pins, stages, metrics, model, error."""
    moment = next(api.follow(run_id, project=project))
    answers.show(as_json, api.as_json(moment.run), lambda: view.run(moment))


@click.command()
@click.argument("run_ids", nargs=-1, metavar="ID ID...")
@options.project
@options.json_
@click.pass_obj
def compare(view: View, run_ids: tuple[str, ...], project: str | None, as_json: bool) -> None:
    """Put runs side by side: parameters, metrics, pins, curves; differences first."""
    found = api.compare(*run_ids, project=project)
    answers.show(as_json, api.as_json(found), lambda: view.comparison(found))


@click.command()
@options.run_id
@options.project
@options.json_
@click.pass_obj
def watch(view: View, run_id: str, project: str | None, as_json: bool) -> None:
    """Follow a run to its end."""
    run = api.show(run_id, project=project)
    answers.follow(view, run, wait=True, project=project, as_json=as_json)


@click.command()
@options.run_id
@click.option("--stage", metavar="STAGE", help="Only this stage; 'driver' for the engine's log.")
@options.project
@options.json_
@click.pass_obj
def logs(view: View, run_id: str, stage: str | None, project: str | None, as_json: bool) -> None:
    """Print the log of a stage, or of all stages."""
    text = api.logs(run_id, stage=stage, project=project)
    answers.show(as_json, {"log": text}, lambda: view.text(text.rstrip("\n")))


@click.command()
@options.run_id
@options.project
@options.json_
@click.pass_obj
def cancel(view: View, run_id: str, project: str | None, as_json: bool) -> None:
    """End a run and all of its processes."""
    run = api.cancel(run_id, project=project)
    answers.show(as_json, api.as_json(run), lambda: view.run(Moment(run=run)))


@click.command()
@options.run_id
@options.wait
@options.project
@options.json_
@click.pass_obj
def resume(view: View, run_id: str, wait: bool, project: str | None, as_json: bool) -> None:
    """Start an ended run again from the stage that failed."""
    run = api.resume(run_id, project=project)
    answers.follow(view, run, wait=wait, project=project, as_json=as_json)


@click.command()
@click.argument("run_id", metavar="ID")
@click.option("--force", is_flag=True, help="Even if a registered model version came from it.")
@options.project
@options.json_
@click.pass_obj
def delete(view: View, run_id: str, force: bool, project: str | None, as_json: bool) -> None:
    """Delete an ended run, its snapshot and its run in MLflow."""
    deleted = api.delete(run_id, force=force, project=project)
    answers.show(as_json, {"deleted": deleted}, lambda: view.text(f"deleted run {deleted}"))


@click.command()
@click.argument("run_id", metavar="ID")
@click.argument("file")
@options.project
@options.json_
@click.pass_obj
def export(view: View, run_id: str, file: str, project: str | None, as_json: bool) -> None:
    """Write a run as one file: record, code, data, lock."""
    path = str(api.export(run_id, file, project=project))
    answers.show(as_json, {"file": path}, lambda: view.text(f"wrote {path}"))


@click.command(name="import")
@click.argument("file")
@options.project
@options.json_
@click.pass_obj
def import_(view: View, file: str, project: str | None, as_json: bool) -> None:
    """Put a run that `export` wrote into this project."""
    run = api.import_(file, project=project)
    answers.show(as_json, api.as_json(run), lambda: view.run(Moment(run=run)))


COMMANDS = (runs, show, compare, watch, logs, cancel, resume, delete, export, import_)
