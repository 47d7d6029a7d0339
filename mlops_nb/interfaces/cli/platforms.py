"""What a cluster is given."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import click

from mlops_nb import api
from mlops_nb.drawing import words
from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command(name="compile")
@click.option("--output", default=".", metavar="DIR", help="Folder to write to.")
@click.option(
    "--backend",
    default="local",
    metavar="NAME",
    help="kubeflow: as `publish` uploads them; otherwise the same for every project.",
)
@options.project
@options.json_
@click.pass_obj
def compile_(view: View, output: str, backend: str, project: str | None, as_json: bool) -> None:
    """Write the pipelines' YAML, one file each."""
    files = [str(path) for path in api.compile(output, backend=backend, project=project)]
    answers.show(as_json, {"files": files}, lambda: view.text("\n".join(files)))


@click.group()
def images() -> None:
    """Make the images that stages run in on a cluster."""


@images.command(name="build")
@click.option("--stage", "stages", multiple=True, metavar="NAME", help="Only this one: train.")
@click.option("--base", metavar="IMAGE", help="Image to build on, which has Python.")
@click.option("--push", metavar="REGISTRY", help="Push them, and note the digests in mlops.toml.")
@click.option("--engine", metavar="NAME", help="podman, docker or buildah.")
@options.project
@options.json_
@click.pass_obj
def build_images(
    view: View,
    stages: tuple[str, ...],
    base: str | None,
    push: str | None,
    engine: str | None,
    project: str | None,
    as_json: bool,
) -> None:
    """Build an image for every stage."""
    built = api.build_images(stages=stages, base=base, push=push, engine=engine, project=project)
    answers.show(
        as_json,
        {"images": api.as_json(built)},
        lambda: view.text("\n".join(map(words.image, built))),
    )


@click.command()
@options.project
@options.json_
@click.pass_obj
def publish(view: View, project: str | None, as_json: bool) -> None:
    """Upload the pipelines to the Kubeflow server, where it lacks them."""
    done = api.publish(project=project)
    answers.show(
        as_json, {"pipelines": api.as_json(done)}, lambda: view.text(words.published(done))
    )


@click.command()
@options.project
@options.json_
@click.pass_obj
def login(view: View, project: str | None, as_json: bool) -> None:
    """Log in at the Kubeflow endpoint, or look whether its token is there."""
    say = functools.partial(click.echo, err=True) if as_json else view.text
    who = api.login(project=project, say=say)
    answers.show(as_json, {"login": who}, lambda: view.text(f"logged in: {who}"))


@click.command()
@options.project
@options.json_
@click.pass_obj
def logout(view: View, project: str | None, as_json: bool) -> None:
    """Forget the session at the Kubeflow endpoint."""
    done = api.logout(project=project)
    text = "logged out" if done else "no session of ours is kept"
    answers.show(as_json, {"logged_out": done}, lambda: view.text(text))


COMMANDS = (compile_, images, publish, login, logout)
