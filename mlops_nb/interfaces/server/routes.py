"""The table of all routes: a verb that has a row here is served, described and tested."""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

from mlops_nb import api
from mlops_nb.exceptions import UsageError
from mlops_nb.interfaces.server import containment, parameters, resources

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from mlops_nb.interfaces.server.parameters import Parameter

PREFIX = "/mlops"
SWITCHING = 101
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,199}$"
_IN_PATH = re.compile(r"\{(\w+)\}")
# What Jupyter itself reads from a query.
_OF_JUPYTER = {"project", "token", "no_track_activity", "session_id", "_xsrf"}
_FILES = (".yaml", ".yml", ".ipynb")


@dataclass(frozen=True)
class Route:
    """One thing that can be asked for.

    Attributes:
        method: HTTP's.
        path: Below `/mlops`, with names in braces.
        verb: What answers.
        under: Name in the answer's object of what the verb gives, as in `--json`; None where that
            is an object itself.
        status: Of an answer that is no error.
    """

    method: str
    path: str
    verb: Callable[..., Any]
    under: str | None = None
    status: int = 200

    @property
    def name(self) -> str:
        """The verb's name."""
        return self.verb.__name__.rstrip("_")

    @property
    def pattern(self) -> str:
        """The path as Tornado matches it."""
        return PREFIX + _IN_PATH.sub(r"(?P<\1>[^/]+)", self.path)

    @property
    def waits(self) -> bool:
        """Whether the verb is a coroutine, and not work for a thread."""
        return inspect.iscoroutinefunction(self.verb)

    @property
    def has_body(self) -> bool:
        """Whether what is asked for stands in a body, and not in the query."""
        return self.method in ("POST", "PATCH")

    @cached_property
    def in_path(self) -> tuple[str, ...]:
        """Names of the parameters in the path."""
        return tuple(_IN_PATH.findall(self.path))

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """What the verb takes."""
        return parameters.of(self.verb)

    @cached_property
    def request(self) -> type[msgspec.Struct]:
        """The record of what a request gives."""
        return msgspec.defstruct(
            f"{self.name.title()}Request",
            [(p.name, self.type_of(p), p.default) for p in self.parameters],
            forbid_unknown_fields=True,
            kw_only=True,
        )

    def type_of(self, parameter: Parameter) -> Any:
        """Return the type of a parameter; what names something in a path has few characters."""
        if parameter.name in self.in_path and parameter.type is str:
            return Annotated[str, msgspec.Meta(pattern=_NAME)]
        return parameter.type

    def read(
        self, in_path: Mapping[str, str], query: Mapping[str, Sequence[str]], body: bytes
    ) -> dict[str, Any]:
        """Return the arguments that a request gives.

        Raises:
            UsageError: One is unknown, missing or of a wrong type.
        """
        try:
            if self.has_body:
                self._must_have_no_query(query)
                given = msgspec.json.decode(body or b"{}", type=dict[str, Any])
                placed = msgspec.convert(in_path, self._path_request, strict=False)
                taken = {**given, **msgspec.structs.asdict(placed)}
                return msgspec.structs.asdict(msgspec.convert(taken, self.request))
            asked = {**self._asked(query), **in_path}
            return msgspec.structs.asdict(msgspec.convert(asked, self.request, strict=False))
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise UsageError(
                f"the request to {self.name} is wrong: {error}",
                hint=f"see {PREFIX}/openapi.json for what {self.method} {PREFIX}{self.path} takes",
            ) from None

    @cached_property
    def _path_request(self) -> type[msgspec.Struct]:
        fields = [(p.name, self.type_of(p)) for p in self.parameters if p.name in self.in_path]
        return msgspec.defstruct("InPath", fields)

    def _must_have_no_query(self, query: Mapping[str, Sequence[str]]) -> None:
        for name in query:
            if name not in _OF_JUPYTER:
                raise msgspec.ValidationError(f"{name!r} belongs into the body, not the query")

    def _asked(self, query: Mapping[str, Sequence[str]]) -> dict[str, Any]:
        repeating = {p.name for p in self.parameters if p.repeats}
        return {
            name: list(values) if name in repeating else values[-1]
            for name, values in query.items()
            if name not in _OF_JUPYTER
        }

    def arguments(
        self, taken: Mapping[str, Any], root: Path, project: Path | None
    ) -> dict[str, Any]:
        """Return the verb's arguments, with each path inside of the root.

        Raises:
            UsageError: A path leads out.
        """
        found = dict(taken)
        for parameter in self.parameters:
            value = found[parameter.name]
            if project is not None and value is not None and _is_path(parameter, value):
                found[parameter.name] = containment.file_of(root, project, value)
        if project is not None:
            found["project"] = project
        return found

    @property
    def of_project(self) -> bool:
        """Whether the verb is one of a project."""
        return parameters.takes(self.verb, "project")

    @property
    def of_server(self) -> bool:
        """Whether the verb asks for what handlers share."""
        return parameters.takes(self.verb, "hub")

    def answer(self, value: Any) -> Any:
        """Return the JSON data of what the verb gives."""
        data = api.as_json(value)
        return data if self.under is None else {self.under: data}


def _is_path(parameter: Parameter, value: Any) -> bool:
    """Whether a value is one; what is to be deployed may be a run or a model just as well."""
    if not parameter.is_path or not isinstance(value, str):
        return False
    return parameter.name != "what" or value.endswith(_FILES)


ROUTES = (
    Route("GET", "/status", api.status),
    Route("GET", "/config", api.config, under="settings"),
    Route("GET", "/parameters", api.parameters, under="parameters"),
    Route("GET", "/datasets", api.dataset_names, under="datasets"),
    Route("POST", "/track", api.track, under="pointer"),
    Route("POST", "/train", api.train, status=202),
    Route("POST", "/tune", api.tune, status=202),
    Route("POST", "/evaluate", api.evaluate, status=202),
    Route("GET", "/runs", resources.runs),
    Route("GET", "/runs/{run_id}", api.show),
    Route("DELETE", "/runs/{run_id}", api.delete, under="deleted"),
    Route("GET", "/runs/{run_id}/moment", resources.moment),
    Route("GET", "/runs/{run_id}/card", resources.card, under="html"),
    Route("GET", "/runs/{run_id}/report", resources.report, under="html"),
    Route("GET", "/runs/{run_id}/logs", api.logs, under="log"),
    Route("GET", "/runs/{run_id}/points", api.points, under="points"),
    Route("GET", "/runs/{run_id}/notebook", resources.notebook),
    Route("POST", "/runs/{run_id}/cancel", api.cancel),
    Route("POST", "/runs/{run_id}/resume", api.resume, status=202),
    Route("POST", "/runs/{run_id}/reproduce", resources.reproduce, status=202),
    Route("GET", "/runs/{run_id}/verdict", api.verdict),
    Route("GET", "/compare", resources.compare),
    Route("POST", "/update", api.update, status=202),
    Route("GET", "/models", api.models, under="models"),
    Route("POST", "/deploy", resources.deploy, status=202),
    Route("GET", "/deployments", resources.deployments, under="deployments"),
    Route("GET", "/deployments/{name}", resources.deployment),
    Route("DELETE", "/deployments/{name}", api.undeploy, under="undeployed"),
    Route("GET", "/deployments/{name}/pulse", resources.pulse),
    Route("POST", "/deployments/{name}/start", resources.start),
    Route("POST", "/deployments/{name}/predict", api.predict, under="predictions"),
    Route("POST", "/deployments/{name}/traffic", api.traffic),
    Route("POST", "/deployments/{name}/rollback", api.rollback),
    Route("POST", "/deployments/{name}/monitor", api.monitor, status=202),
    Route("POST", "/deployments/{name}/labels", api.label),
    Route("GET", "/schedules", api.schedules),
    Route("GET", "/upcoming", api.upcoming, under="upcoming"),
    Route("POST", "/schedules", api.schedule, status=201),
    Route("PATCH", "/schedules/{name}", api.reschedule),
    Route("DELETE", "/schedules/{name}", api.unschedule, under="unscheduled"),
    Route("POST", "/publish", api.publish, under="pipelines"),
    Route("GET", "/events", resources.events, status=SWITCHING),
    Route("POST", "/save", resources.save),
    Route("POST", "/saved", resources.saved, under="taken"),
)
