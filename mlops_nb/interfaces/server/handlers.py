"""From a request to a verb and back: what all routes have in common."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler, JupyterHandler
from tornado import web

from mlops_nb.exceptions import MlopsError, UsageError
from mlops_nb.interfaces.server import containment, errors

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops_nb.interfaces.server.hub import Hub
    from mlops_nb.interfaces.server.routes import Route

RESOURCE = "mlops"


class RefusingHandler(APIHandler):
    """Gives every answer that is an error one shape."""

    auth_resource = RESOURCE

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer with what went wrong; of an unplanned error only the log has more."""
        error = kwargs.get("exc_info", (None, None))[1]
        if isinstance(error, MlopsError):
            self.set_status(errors.status_of(error))
        self.finish(json.dumps(errors.body_for(status_code, error)))

    def log_exception(self, *exc_info: Any) -> None:
        """Log what is no answer of ours; a planned error is the caller's to read."""
        if not isinstance(exc_info[1], MlopsError):
            super().log_exception(*exc_info)


class VerbHandler(RefusingHandler):
    """Answers on one path, for each of the methods that the table has for it."""

    def initialize(self, routes: Mapping[str, Route], hub: Hub) -> None:
        """Take what the extension has for this path."""
        self.routes, self.hub = routes, hub

    @web.authenticated
    @authorized
    async def get(self, **in_path: str) -> None:
        """Answer what is only looked at."""
        await self._answer(in_path)

    @web.authenticated
    @authorized
    async def post(self, **in_path: str) -> None:
        """Do what changes something."""
        await self._answer(in_path)

    @web.authenticated
    @authorized
    async def patch(self, **in_path: str) -> None:
        """Change a part of something."""
        await self._answer(in_path)

    @web.authenticated
    @authorized
    async def delete(self, **in_path: str) -> None:
        """Take something away."""
        await self._answer(in_path)

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Say as well what can be asked for here, where it was something else."""
        if status_code == 405:
            self.set_header("Allow", ", ".join(self.routes))
        super().write_error(status_code, **kwargs)

    async def _answer(self, in_path: Mapping[str, str]) -> None:
        route = self.routes.get(self.request.method or "")
        if route is None:
            raise web.HTTPError(405)
        asked = query_of(self)
        if route.waits:
            body = _dumped(route.answer(await self._called(route, in_path, asked)))
        else:
            workers = self.hub.readers if route.method == "GET" else self.hub.actors
            body = await workers.run(functools.partial(self._worked, route, in_path, asked))
        self.set_status(route.status)
        self.finish(body)

    def _worked(self, route: Route, in_path: Mapping[str, str], asked: dict[str, list[str]]) -> str:
        """Answer in a thread, where reading and writing long bodies holds up nobody either."""
        return _dumped(route.answer(self._called(route, in_path, asked)))

    def _called(self, route: Route, in_path: Mapping[str, str], asked: dict[str, list[str]]) -> Any:
        taken = route.read(in_path, asked, self.request.body)
        root = root_of(self)
        folder = project_of(root, asked) if route.of_project else None
        arguments = route.arguments(taken, root, folder)
        if route.of_server:
            arguments["hub"] = self.hub
        return route.verb(**arguments)


def query_of(handler: JupyterHandler) -> dict[str, list[str]]:
    """Return the values of each name in the query, as they are."""
    names = handler.request.query_arguments
    return {name: handler.get_query_arguments(name, strip=False) for name in names}


def root_of(handler: JupyterHandler) -> Path:
    """Return the folder that the server shows."""
    return Path(handler.settings["server_root_dir"]).expanduser()


def project_of(root: Path, asked: Mapping[str, list[str]]) -> Path:
    """Return the project that a request is about.

    Raises:
        MlopsError: It names none.
    """
    given = asked.get("project", [""])
    if len(given) > 1:
        raise UsageError("two projects are named", hint="name one: ?project=FOLDER")
    return containment.project_of(root, given[0])


def _dumped(data: Any) -> str:
    return json.dumps(data, allow_nan=False)
