"""The websocket that tells of changes as they come."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

from jupyter_core.utils import ensure_async
from jupyter_server.auth.decorator import ws_authenticated
from jupyter_server.base.handlers import JupyterHandler
from jupyter_server.base.websocket import WebSocketMixin
from tornado import web
from tornado.websocket import WebSocketClosedError, WebSocketHandler

from mlops_nb.exceptions import MlopsError
from mlops_nb.interfaces.server import errors
from mlops_nb.interfaces.server.handlers import RESOURCE, project_of, query_of, root_of

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import Mapping

    from mlops_nb.interfaces.server.channel import Channel
    from mlops_nb.interfaces.server.hub import Hub
    from mlops_nb.interfaces.server.routes import Route

# One that does not read is let go; it comes back, and goes on where it was.
_UNSENT = 1_000
_TRY_AGAIN_LATER = 1013


class EventsHandler(WebSocketMixin, WebSocketHandler, JupyterHandler):
    """A client of a project's channel."""

    auth_resource = RESOURCE

    def initialize(self, routes: Mapping[str, Route], hub: Hub) -> None:
        """Take what the extension has for this path."""
        self.route, self.hub = routes["GET"], hub
        self.channel: Channel | None = None
        self._unsent: set[Future[None]] = set()

    @ws_authenticated
    async def get(self, *args: Any, **kwargs: Any) -> None:
        """Look whether the client may listen, and to what; then switch protocols."""
        user = self.current_user
        allowed = self.authorizer.is_authorized(self, user, "read", RESOURCE)
        if not await ensure_async(allowed):
            raise web.HTTPError(403)
        asked = query_of(self)
        look = functools.partial(project_of, root_of(self), asked)
        self.taken = self.route.read({}, asked, b"")
        self.project = await self.hub.readers.run(look)
        await super().get(*args, **kwargs)

    def open(self, *args: Any, **kwargs: Any) -> None:
        """Join the channel; a browser is one that can save notebooks."""
        super().open(*args, **kwargs)
        self.channel = self.hub.channel(self.project)
        if self.taken["saves"] or (self.taken["saves"] is None and self.get_origin()):
            self.hub.relay.fronts[self] = self.ask_to_save
        self.channel.join(self, self.taken["since"])

    def ask_to_save(self, nonce: str, path: str) -> None:
        """Ask the client to save a notebook."""
        seq = self.channel.seq if self.channel else 0
        data = {"seq": seq, "kind": "save", "id": nonce, "data": {"path": path}}
        self.tell(json.dumps(data))

    def tell(self, text: str) -> None:
        """Send a message."""
        try:
            sending = self.write_message(text)
        except WebSocketClosedError:
            return
        self._unsent.add(sending)
        sending.add_done_callback(self._sent)
        if len(self._unsent) > _UNSENT:
            self.close(_TRY_AGAIN_LATER, "too slow")

    def _sent(self, sending: Future[None]) -> None:
        self._unsent.discard(sending)
        # A connection that broke is told by on_close.
        sending.exception()

    def on_message(self, message: str | bytes) -> None:
        """Pass over what a client says: it asks by requests."""

    def on_close(self) -> None:
        """Leave the channel."""
        self.hub.relay.fronts.pop(self, None)
        if self.channel is not None:
            self.channel.leave(self)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Refuse in the shape of all routes."""
        error = kwargs.get("exc_info", (None, None))[1]
        self.set_header("Content-Type", "application/json")
        if isinstance(error, MlopsError):
            self.set_status(errors.status_of(error))
        self.finish(json.dumps(errors.body_for(status_code, error)))
