"""The verbs over HTTP, without a JupyterLab around them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops_nb.interfaces.cli import answers, options

if TYPE_CHECKING:
    from mlops_nb.interfaces.cli.view import View


@click.command()
@click.argument("arguments", nargs=-1, metavar="[-- OPTIONS OF JUPYTER SERVER]")
@click.option("--ip", default="127.0.0.1", metavar="ADDRESS", help="Address to listen on.")
@click.option("--port", type=int, default=8899, metavar="N", help="Port; 0 for any that is free.")
@options.project
@options.json_
@click.pass_obj
def serve(
    view: View, arguments: tuple[str, ...], ip: str, port: int, project: str | None, as_json: bool
) -> None:
    """Serve the verbs over HTTP, for CI systems and other services, until Ctrl-C."""
    from mlops_nb.interfaces.server import standalone

    def ready(server: dict[str, Any]) -> None:
        said = f"serving at {server['url']}\ntoken: {server['token'] or 'as you have set it'}"
        answers.show(as_json, server, lambda: view.text(said))
        # Who has started it as a process waits for this.
        sys.stdout.flush()

    root = Path(project or ".").absolute()
    standalone.serve(root, ip=ip, port=port, arguments=arguments, ready=ready)


COMMANDS = (serve,)
