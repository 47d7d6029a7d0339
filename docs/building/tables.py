"""Parts of the reference that are made from the code each time the site is built."""

from __future__ import annotations

import itertools
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from sphinx.pycode import ModuleAnalyzer
from sphinx.util.docutils import SphinxDirective

from mlops_nb import exceptions
from mlops_nb.interfaces.server import errors
from mlops_nb.interfaces.server.openapi import description
from mlops_nb.settings import Config, dotted
from mlops_nb.tracking import tags

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from docutils import nodes
    from sphinx.application import Sphinx

_REFERENCE = "#/components/schemas/"


def add_to(app: Sphinx) -> None:
    """Add a directive for each table."""
    for made in (settings, routes, statuses, names_in_mlflow):
        app.add_directive(made.__name__.replace("_", "-"), _directive(made))


def _directive(made: Callable[[], Iterable[str]]) -> type[SphinxDirective]:
    class Made(SphinxDirective):
        def run(self) -> list[nodes.Node]:
            text = "\n".join(made())
            return self.parse_text_to_nodes(text, allow_section_headings=True)

    return Made


def settings() -> Iterator[str]:
    """Every setting, a table a section of `mlops.toml`."""
    known = [field for field in fields(Config) if "description" in field.metadata]
    for section, group in itertools.groupby(known, lambda field: field.name.partition("_")[0]):
        yield from ("", f"## `[{section}]`", "")
        yield from ("| setting, variable | default | what it is |", "|---|---|---|")
        for field in group:
            name, default = field.name, field.metadata["default"]
            both = f"`{dotted(name)}`<br>`MLOPS_NB_{name.upper()}`"
            yield f"| {both} | {_value(default)} | {_cell(field.metadata['description'])} |"


def routes() -> Iterator[str]:
    """Every route of the server, with what it takes and gives."""
    for path, methods in description()["paths"].items():
        for method, operation in methods.items():
            yield from ("", f"## `{method.upper()} {path}`", "", _cell(operation["summary"]), "")
            taken = list(_taken(operation))
            if taken:
                yield from ("| name | in | type | default | what it is |", "|---|---|---|---|---|")
                yield from taken
            yield from ("", _answers(operation["responses"]), "")


def statuses() -> Iterator[str]:
    """The HTTP status of each error, and the code with which the command line ends."""
    yield from ("| error | HTTP | exit code |", "|---|---|---|")
    for name in exceptions.__all__:
        error = getattr(exceptions, name)
        status = next(errors.STATUSES[c] for c in error.__mro__ if c in errors.STATUSES)
        code = 2 if issubclass(error, exceptions.UsageError) else 1
        yield f"| {{py:class}}`~mlops_nb.exceptions.{name}` | {status} | {code} |"


def names_in_mlflow() -> Iterator[str]:
    """What a run leaves in MLflow, by the names of `tracking/tags.py`."""
    said = ModuleAnalyzer.for_module(tags.__name__).find_attr_docs()
    yield from ("| name | what it is |", "|---|---|")
    for (_, name), lines in said.items():
        yield f"| `{getattr(tags, name)}` | {_cell(' '.join(lines))} |"


def _taken(operation: dict[str, Any]) -> Iterator[str]:
    for parameter in operation.get("parameters", ()):
        # The page says it once of all routes.
        if parameter["name"] == "project":
            continue
        yield _row(parameter["name"], parameter["in"], parameter["schema"], parameter)
    body = operation.get("requestBody")
    for name, schema in (_schema(body)["properties"] if body else {}).items():
        yield _row(name, "body", schema, schema)


def _row(name: str, place: str, schema: dict[str, Any], said: dict[str, Any]) -> str:
    default = _value(schema["default"]) if "default" in schema else ""
    told = _cell(said.get("description", ""))
    return f"| `{name}` | {place} | {_type(schema)} | {default} | {told} |"


def _answers(responses: dict[str, Any]) -> str:
    status, answer = next((s, a) for s, a in responses.items() if s != "default")
    if "content" not in answer:
        return f"Gives {status}: {answer['description']}"
    schema = _schema(answer)
    if schema.get("type") == "object" and "properties" in schema:
        parts = (f"`{name}`: {_type(of)}" for name, of in schema["properties"].items())
        return f"Gives {status} and an object with {', '.join(parts)}."
    return f"Gives {status} and {_type(schema)}."


def _schema(holder: dict[str, Any]) -> Any:
    return next(iter(holder["content"].values()))["schema"]


def _type(schema: dict[str, Any]) -> str:
    """Return the words for a schema's type; a record leads to its own description."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(_REFERENCE)
        return f"{{py:class}}`~mlops_nb.types.{name}`"
    if "anyOf" in schema:
        words = dict.fromkeys(_type(part) for part in schema["anyOf"] if "enum" not in part)
        return " or ".join(word for word in words if word != "null")
    if schema.get("type") == "array" and schema.get("items"):
        return f"list of {_type(schema['items'])}"
    return str(schema.get("type", "any"))


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value is None or (isinstance(value, (str, dict, tuple, list)) and not value):
        return ""
    if isinstance(value, (tuple, list)):
        return ", ".join(f"`{item}`" for item in value)
    return f"`{value}`"


def _cell(text: str) -> str:
    """Return a text as it can stand in a cell of a table."""
    return text.replace("|", r"\|").replace("<", "&lt;").replace("\n", " ")
