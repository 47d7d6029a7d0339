"""The API's contract: routes, parameters and models, read from the client that Kubeflow generates.

Nothing is written down a second time. Every method of the generated client is called once against a
recorder that sends nothing, which shows its route; its models know their own fields.
"""

from __future__ import annotations

import functools
import inspect
import re
from typing import TYPE_CHECKING, Any

import msgspec

from mlops_nb.testing.kubeflow import refusals

if TYPE_CHECKING:
    from collections.abc import Iterator

_DOCUMENTED = re.compile(r":type (\w+): ([\w\[\](), ]+)")
# 64-bit numbers, which are text in JSON and may be sent as numbers; the client's types hide them.
_LONG = {"interval_second", "long_value", "max_concurrency"}
_DICTIONARY = re.compile(r"dict\(str, (.+)\)")
_LIST = re.compile(r"list\[(.+)\]")
_PLAIN: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "int": (int,),
    "float": (int, float),
    "bool": (bool,),
    "datetime": (str,),
    "file": (str, bytes),
}


class Route(msgspec.Struct, frozen=True):
    """One operation of the API: where it is, and what it takes and gives, by names of types."""

    operation: str
    method: str
    path: str
    query: dict[str, str]
    body: str
    answer: str
    upload: bool

    def match(self, path: str) -> dict[str, str] | None:
        """Return the parameters in a path, None where the path is another one's."""
        found = _pattern(self.path).fullmatch(path)
        return found and found.groupdict()


@functools.cache
def _pattern(path: str) -> re.Pattern[str]:
    literal = re.split(r"\{([^}]+)\}", path)
    parts = [
        f"(?P<{part.rpartition('.')[2]}>[^/:]+)" if number % 2 else re.escape(part)
        for number, part in enumerate(literal)
    ]
    return re.compile("".join(parts))


@functools.cache
def routes() -> tuple[Route, ...]:
    """List all operations, those without parameters in their path first."""
    from kfp_server_api import api

    services = [member for _, member in inspect.getmembers(api, inspect.isclass)]
    found = [route for service in services for route in _of_service(service)]
    return tuple(sorted(found, key=lambda route: route.path.count("{")))


def _of_service(service: Any) -> Iterator[Route]:
    for name, method in inspect.getmembers(service, inspect.isfunction):
        if not name.startswith("_") and not name.endswith("_with_http_info"):
            yield _recorded(service, name, method)


def _recorded(service: Any, name: str, method: Any) -> Route:
    documented = dict(_DOCUMENTED.findall(inspect.getdoc(method) or ""))
    types = {key: kind.partition(",")[0] for key, kind in documented.items() if key != "async_req"}
    recorder = _Recorder()
    getattr(service(recorder), name)(**{key: key for key in types if not key.startswith("_")})
    return Route(
        operation=name,
        method=recorder.method,
        path=recorder.path,
        query={key: types[parameter] for key, parameter in recorder.query},
        body=types.get(recorder.body or "", ""),
        answer=recorder.answer,
        upload=bool(recorder.files),
    )


class _Recorder:
    """Stands where the client's connection is, and notes what would be sent."""

    client_side_validation = True

    def call_api(
        self,
        path: str,
        method: str,
        path_params: dict[str, str],
        query_params: list[tuple[str, str]],
        header_params: dict[str, str],
        *,
        body: str | None = None,
        files: dict[str, str] | None = None,
        response_type: str,
        **_: object,
    ) -> None:
        self.path, self.method, self.query = path, method, query_params
        self.body, self.files, self.answer = body, files, response_type

    def select_header_accept(self, kinds: list[str]) -> str:
        return kinds[0]

    select_header_content_type = select_header_accept


def check(value: Any, kind: str, where: str = "body") -> None:
    """Refuse a value that is not of a type of the contract: unknown keys, wrong JSON types.

    Raises:
        RefusedError: As the server answers what it cannot parse.
    """
    if value is None or kind == "object":
        return
    if kind in _PLAIN:
        _check_plain(value, kind, where)
    elif inner := _DICTIONARY.fullmatch(kind):
        for key, item in _typed(value, dict, where).items():
            check(item, inner[1], f"{where}.{key}")
    elif inner := _LIST.fullmatch(kind):
        for number, item in enumerate(_typed(value, list, where)):
            check(item, inner[1], f"{where}[{number}]")
    else:
        _check_model(value, kind, where)


def _check_plain(value: Any, kind: str, where: str) -> None:
    if isinstance(value, bool) is not (kind == "bool"):
        raise _mistyped(value, kind, where)
    _typed(value, _PLAIN[kind], where)


def _check_model(value: Any, kind: str, where: str) -> None:
    from kfp_server_api import models

    model = getattr(models, kind)
    if allowed := getattr(model, "allowable_values", None):
        if value not in allowed:
            raise refusals.invalid(f"{where}: {value!r} is none of {', '.join(allowed)}")
        return
    keys = {model.attribute_map[name]: name for name in model.openapi_types}
    for key, item in _typed(value, dict, where).items():
        if key not in keys:
            raise refusals.invalid(f"{where}: unknown field {key!r} in {kind}")
        kind_of_item = model.openapi_types[keys[key]]
        long = key in _LONG and type(item) is int
        check(item, "int" if long else kind_of_item, f"{where}.{key}")


def _typed(value: Any, kinds: type | tuple[type, ...], where: str) -> Any:
    if not isinstance(value, kinds):
        wanted = kinds if isinstance(kinds, tuple) else (kinds,)
        raise _mistyped(value, " or ".join(kind.__name__ for kind in wanted), where)
    return value


def _mistyped(value: Any, wanted: str, where: str) -> refusals.RefusedError:
    return refusals.invalid(f"{where}: {type(value).__name__} {value!r} is not {wanted}")
