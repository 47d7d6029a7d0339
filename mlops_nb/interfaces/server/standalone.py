"""The routes without a JupyterLab around them: no contents, no kernels, no terminals."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from jupyter_server.serverapp import ServerApp
from traitlets.config import Config

from mlops_nb.interfaces.server.routes import PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

EXTENSION = "mlops_nb"


class MlopsServer(ServerApp):
    """A Jupyter Server that has our extension, logins, and nothing else."""

    no_browser_open_file = True
    default_services = ("auth", "security", "shutdown")  # type: ignore[assignment]


def serve(
    root: Path,
    *,
    ip: str,
    port: int,
    arguments: Sequence[str],
    ready: Callable[[dict[str, Any]], None],
) -> None:
    """Serve the projects below a folder until the process is told to end.

    Args:
        root: The folder; where it is a project itself, its services work too.
        ip: Address to listen on.
        port: Port to listen on; another one where it is taken, 0 for any.
        arguments: Further ones of Jupyter Server, such as `--ServerApp.certfile=FILE`.
        ready: Is given `url`, `token` and `pid` once requests are answered; the token is None
            where the user has set it, or none is needed.
    """
    app = MlopsServer.instance(config=_config(root, ip, port))
    app.initialize(argv=list(arguments), find_extensions=False)
    identity = app.identity_provider
    generated = bool(identity.token) and identity.token_generated
    said = {
        "url": app.connection_url.rstrip("/") + PREFIX,
        "token": identity.token if generated else None,
        "pid": os.getpid(),
    }
    # The socket is bound by the loop's first callback.
    app.io_loop.add_callback(ready, said)
    app.start()


def _config(root: Path, ip: str, port: int) -> Config:
    return Config(
        {
            "ServerApp": {
                "root_dir": str(root),
                "ip": ip,
                "port": port,
                "open_browser": False,
                "terminals_enabled": False,
                "default_url": f"{PREFIX}/openapi.json",
                "jpserver_extensions": {EXTENSION: True},
            }
        }
    )
