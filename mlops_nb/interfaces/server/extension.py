"""What Jupyter Server loads: the handlers of all routes, and what they share."""

from __future__ import annotations

from jupyter_server.extension.application import ExtensionApp

from mlops_nb.interfaces.server.events import EventsHandler
from mlops_nb.interfaces.server.handlers import VerbHandler
from mlops_nb.interfaces.server.hub import Hub
from mlops_nb.interfaces.server.openapi import DescriptionHandler
from mlops_nb.interfaces.server.routes import PREFIX, ROUTES, SWITCHING


class MlopsExtension(ExtensionApp):
    """Serves the verbs under `/mlops`."""

    name = "mlops_nb"
    load_other_extensions = True

    def initialize_settings(self) -> None:
        """Make what the handlers share."""
        self.hub = Hub()

    def initialize_handlers(self) -> None:
        """Make a handler for each path of the table."""
        self.handlers.append((f"{PREFIX}/openapi\\.json", DescriptionHandler))
        for pattern in dict.fromkeys(route.pattern for route in ROUTES):
            routes = {route.method: route for route in ROUTES if route.pattern == pattern}
            statuses = {route.status for route in routes.values()}
            handler = EventsHandler if SWITCHING in statuses else VerbHandler
            self.handlers.append((pattern, handler, {"routes": routes, "hub": self.hub}))

    async def stop_extension(self) -> None:
        """Let go of threads and watchers."""
        self.hub.stop()
