"""The OpenAPI description of all routes, made from the table and the records."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec
from jupyter_server.auth.decorator import authorized
from tornado import web

from mlops_nb.interfaces.server import parameters
from mlops_nb.interfaces.server.handlers import RefusingHandler
from mlops_nb.interfaces.server.routes import PREFIX, ROUTES, SWITCHING
from mlops_nb.types import Glimpse
from mlops_nb.version import __version__

if TYPE_CHECKING:
    from mlops_nb.interfaces.server.routes import Route

_REFERENCE = "#/components/schemas/{name}"
_JSON = "application/json"
_PROJECT = {
    "name": "project",
    "in": "query",
    "schema": {"type": "string", "default": ""},
    "description": "A folder relative to the server's root; the project is the nearest upwards.",
}
_ERROR = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["type", "message", "hint"],
            "properties": {name: {"type": "string"} for name in ("type", "message", "hint")},
        }
    },
}
_MESSAGE = {
    "type": "object",
    "required": ["seq", "kind", "id", "data"],
    "properties": {
        "seq": {"type": "integer", "description": "Name the last one seen as `since`."},
        "kind": {
            "type": "string",
            "examples": ["hello", "reset", "save", "run", "deployment", "schedule"],
        },
        "id": {"type": "string", "description": "Of what has changed, such as a run's."},
        "data": {"description": "As it is now, such as a `Glimpse` of a run; null if it is gone."},
    },
}
# JSON has no number for these.
_NUMBER = {"anyOf": [{"type": "number"}, {"enum": ["NaN", "Infinity", "-Infinity"]}]}
_SNAPSHOT = {
    "id": {"type": "string", "description": "Hash of what was pinned."},
    "parameters": {"type": "object", "description": "Value of each hyperparameter."},
}


class DescriptionHandler(RefusingHandler):
    """Gives the description out."""

    @web.authenticated
    @authorized
    async def get(self) -> None:
        """Answer with all of it."""
        self.finish(json.dumps(description(self.base_url)))


def description(base_url: str = "/") -> dict[str, Any]:
    """Return the description of a server's routes."""
    answers, schemas = _schemas()
    paths: dict[str, Any] = {
        f"{PREFIX}/openapi.json": {"get": _operation_of_description()},
    }
    for route in ROUTES:
        operation = _operation(route, answers[route])
        paths.setdefault(PREFIX + route.path, {})[route.method.lower()] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "mlops_nb",
            "version": __version__,
            "description": "Pin, run, track, register and deploy notebooks.",
        },
        "servers": [{"url": base_url.rstrip("/") or "/"}],
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "The server's token: `token TOKEN`.",
                }
            },
        },
    }


def _schemas() -> tuple[dict[Route, Any], dict[str, Any]]:
    kinds = [parameters.answer_of(route.verb) for route in ROUTES]
    found, schemas = msgspec.json.schema_components([*kinds, Glimpse], ref_template=_REFERENCE)
    schemas["Error"], schemas["Message"] = _ERROR, _MESSAGE
    schemas["Snapshot"]["properties"].update(_SNAPSHOT)
    return dict(zip(ROUTES, map(_with_odd_numbers, found), strict=False)), _with_odd_numbers(
        schemas
    )


def _with_odd_numbers(schema: Any) -> Any:
    """Return a schema of answers in which each number may be one that JSON has not."""
    if isinstance(schema, list):
        return [_with_odd_numbers(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") == "number":
        return {**{k: v for k, v in schema.items() if k != "type"}, **_NUMBER}
    return {key: _with_odd_numbers(value) for key, value in schema.items()}


def _operation(route: Route, answer: Any) -> dict[str, Any]:
    if route.under is not None:
        answer = _object({route.under: answer})
    body = [p for p in route.parameters if route.has_body and p.name not in route.in_path]
    others = [p for p in route.parameters if p not in body]
    operation = {
        "operationId": f"{route.name}_{route.method.lower()}",
        "summary": parameters.summary_of(route.verb),
        "parameters": [_parameter(route, p) for p in others]
        + ([_PROJECT] if route.of_project else []),
        "responses": {str(route.status): _answered(route, answer), **_refused()},
    }
    if body:
        operation["requestBody"] = {
            "required": any(p.default is msgspec.NODEFAULT for p in body),
            "content": {_JSON: {"schema": _body(route, body)}},
        }
    return operation


def _operation_of_description() -> dict[str, Any]:
    return {
        "operationId": "openapi_get",
        "summary": "Return this description.",
        "responses": {"200": _content("It.", {"type": "object"}), **_refused()},
    }


def _answered(route: Route, answer: Any) -> dict[str, Any]:
    if route.status != SWITCHING:
        return _content("What was asked for.", answer)
    return {"description": "A websocket, whose messages are each a `Message`."}


def _refused() -> dict[str, Any]:
    return {"default": _content("Why not.", {"$ref": _REFERENCE.format(name="Error")})}


def _content(description: str, schema: Any) -> dict[str, Any]:
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _parameter(route: Route, parameter: parameters.Parameter) -> dict[str, Any]:
    inside = parameter.name in route.in_path
    return {
        "name": parameter.name,
        "in": "path" if inside else "query",
        "required": inside or parameter.default is msgspec.NODEFAULT,
        "schema": _schema(route, parameter),
        "description": parameter.description,
    }


def _body(route: Route, body: list[parameters.Parameter]) -> dict[str, Any]:
    properties = {p.name: {**_schema(route, p), "description": p.description} for p in body}
    required = [p.name for p in body if p.default is msgspec.NODEFAULT]
    return {**_object(properties), "required": required, "additionalProperties": False}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "required": list(properties), "properties": properties}


def _schema(route: Route, parameter: parameters.Parameter) -> dict[str, Any]:
    schema = msgspec.json.schema(route.type_of(parameter))
    if parameter.default is not msgspec.NODEFAULT:
        schema["default"] = parameter.default
    return schema
