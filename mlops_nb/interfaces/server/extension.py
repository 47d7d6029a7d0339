"""What Jupyter Server loads: the handlers of all routes, and what they share."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from jupyter_server.extension.application import ExtensionApp
from traitlets import Bool

from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces.server.events import EventsHandler
from mlops_nb.interfaces.server.handlers import VerbHandler
from mlops_nb.interfaces.server.hub import Hub
from mlops_nb.interfaces.server.openapi import DescriptionHandler
from mlops_nb.interfaces.server.routes import PREFIX, ROUTES, SWITCHING
from mlops_nb.interfaces.server.services import SERVICES, Service
from mlops_nb.settings import FILE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

    from jupyter_server.serverapp import ServerApp


class MlopsExtension(ExtensionApp):
    """Serves the verbs under `/mlops`."""

    name = "mlops_nb"
    load_other_extensions = True
    services = Bool(
        True, help="Whether the services of the root's project work for as long as the server."
    ).tag(config=True)

    def initialize_settings(self) -> None:
        """Make what the handlers share."""
        self.hub = Hub()
        self.working: list[Service] = []

    def initialize_handlers(self) -> None:
        """Make a handler for each path of the table."""
        self.handlers.append((f"{PREFIX}/openapi\\.json", DescriptionHandler))
        for pattern in dict.fromkeys(route.pattern for route in ROUTES):
            routes = {route.method: route for route in ROUTES if route.pattern == pattern}
            statuses = {route.status for route in routes.values()}
            handler = EventsHandler if SWITCHING in statuses else VerbHandler
            self.handlers.append((pattern, handler, {"routes": routes, "hub": self.hub}))

    async def _start_jupyter_server_extension(self, serverapp: ServerApp) -> None:
        """Start the services, once requests are answered."""
        root = Path(serverapp.root_dir)
        if self.services and (root / FILE_NAME).is_file():
            for begin in SERVICES:
                self._begin(begin, root)

    def _begin(self, begin: Callable[[Path], Service | None], root: Path) -> None:
        try:
            service = begin(root)
        except MlopsError as error:
            # The routes answer all the same, and the user may be about to mend it.
            self.log.warning("mlops_nb: %s", error)
            return
        if service is not None:
            self.working.append(service)

    async def stop_extension(self) -> None:
        """Let go of services, threads and watchers."""
        for service in self.working:
            await asyncio.to_thread(service.stop)
        self.hub.stop()
