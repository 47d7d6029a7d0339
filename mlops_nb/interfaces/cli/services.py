"""Models behind REST endpoints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.interfaces.cli import answers, options
from mlops_nb.types import Run

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.argument("what", required=False, metavar="[RUN|MODEL|deployment.yaml]")
@click.option("--name", metavar="NAME", help="Name of the deployment.")
@click.option("--target", metavar="NAME", help="Where it is served: local, container or kserve.")
@click.option("--traffic", metavar="P", help="replace, shadow, or a canary's percentage.")
@click.option("--force", is_flag=True, help="Even if its last evaluation has failed a gate.")
@click.option("--write", is_flag=True, help="Write deployment.yaml, and deploy nothing.")
@click.option(
    "--set", "settings", multiple=True, metavar="SETTING=VALUE", help="A setting, for this once."
)
@options.wait
@options.project
@options.json_
@click.pass_obj
def deploy(
    view: View,
    what: str | None,
    name: str | None,
    target: str | None,
    traffic: str | None,
    force: bool,
    write: bool,
    settings: tuple[str, ...],
    wait: bool,
    project: str | None,
    as_json: bool,
) -> None:
    """Put a model behind a REST endpoint: of a run, a version, a URI, or as a file describes it."""
    done = api.deploy(
        what,
        name=name,
        target=target,
        traffic=traffic,
        force=force,
        write=write,
        settings=dict(options.pair("--set", text) for text in settings),
        project=project,
    )
    if isinstance(done, Run):
        answers.follow(view, done, wait=wait, project=project, as_json=as_json)
    else:
        answers.show(as_json, {"file": str(done)}, lambda: view.text(f"wrote {done}"))


@click.command()
@click.argument("name", required=False)
@click.option("--start", is_flag=True, help="Start those that do not run, as after a reboot.")
@options.project
@options.json_
@click.pass_obj
def deployments(
    view: View, name: str | None, start: bool, project: str | None, as_json: bool
) -> None:
    """Show what is served: revisions, traffic, health, address."""
    found = api.deployments(name, start=start, project=project)
    if name and not as_json:
        view.deployment(api.pulses(name, project=project), project)
    else:
        answers.show(as_json, {"deployments": api.as_json(found)}, lambda: view.deployments(found))


@click.command()
@options.project
@options.json_
@click.pass_obj
def models(view: View, project: str | None, as_json: bool) -> None:
    """List the registered models: versions, aliases, and the run that each came from."""
    found = api.models(project=project)
    answers.show(as_json, {"models": api.as_json(found)}, lambda: view.models(found))


@click.command()
@click.argument("name")
@click.option("--input", "data", default="-", metavar="FILE", help="JSON; - for standard input.")
@click.option("--revision", type=int, metavar="N", help="Ask this one, whatever its traffic.")
@options.project
@options.json_
@click.pass_obj
def predict(
    view: View, name: str, data: str, revision: int | None, project: str | None, as_json: bool
) -> None:
    """Ask a deployment for predictions."""
    found = api.predict(name, options.content(data), revision=revision, project=project)
    answers.show(as_json, {"predictions": found}, lambda: view.text(json.dumps(found)))


@click.command()
@click.argument("name")
@click.option("--canary", type=int, metavar="PERCENT", help="Of the newest revision.")
@click.option("--shadow", type=int, metavar="N", help="It gets a copy of each request; 0: none.")
@click.option("--promote", is_flag=True, help="Give the newest revision all requests.")
@click.option("--revision", type=int, metavar="N", help="In place of the newest one.")
@options.project
@options.json_
@click.pass_obj
def traffic(
    view: View,
    name: str,
    canary: int | None,
    shadow: int | None,
    promote: bool,
    revision: int | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Change which revisions get the requests."""
    found = api.traffic(
        name, canary=canary, shadow=shadow, promote=promote, revision=revision, project=project
    )
    answers.show(as_json, api.as_json(found), lambda: view.deployments((found,)))


@click.command()
@click.argument("name")
@click.option("--revision", type=int, metavar="N", help="Go back to this one.")
@options.project
@options.json_
@click.pass_obj
def rollback(
    view: View, name: str, revision: int | None, project: str | None, as_json: bool
) -> None:
    """Give all requests to the revision that served before."""
    found = api.rollback(name, revision=revision, project=project)
    answers.show(as_json, api.as_json(found), lambda: view.deployments((found,)))


@click.command()
@click.argument("name")
@click.option("--keep", is_flag=True, help="Keep it, for `deployments --start`.")
@options.project
@options.json_
@click.pass_obj
def undeploy(view: View, name: str, keep: bool, project: str | None, as_json: bool) -> None:
    """Take a deployment down, once it has answered what it has."""
    done = api.undeploy(name, keep=keep, project=project)
    said = f"{done} is {'stopped' if keep else 'gone'}"
    answers.show(as_json, {"undeployed": done}, lambda: view.text(said))


COMMANDS = (deploy, deployments, models, predict, traffic, rollback, undeploy)
