"""Lists as the server gives them: filtered, sorted, page by page."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

from mlops_nb.testing.kubeflow import refusals

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_nb.testing.kubeflow.records import Entry

_DEFAULT_PAGE, _LARGEST_PAGE = 20, 200
# The order is that of the numbers in the API's enumeration, which clients send too.
_OPERATIONS = (
    "OPERATION_UNSPECIFIED",
    "EQUALS",
    "NOT_EQUALS",
    "GREATER_THAN",
    "GREATER_THAN_EQUALS",
    "LESS_THAN",
    "LESS_THAN_EQUALS",
    "IN",
    "IS_SUBSTRING",
)
_KEYS = ("id", "name", "display_name", "namespace", "state", "storage_state", "status")


def page(entries: Iterable[Entry], query: Mapping[str, str], key: str) -> dict[str, Any]:
    """Return one page of things.

    Args:
        entries: All of them, as they are now.
        query: The request's `page_size`, `page_token`, `sort_by` and `filter`.
        key: The field of the answer that holds them.
    """
    wanted = {name: query.get(name, "") for name in ("sort_by", "filter")}
    start, wanted = _start(query.get("page_token", ""), wanted)
    predicates = _predicates(wanted["filter"])
    found = [entry for entry in entries if all(_holds(entry, one) for one in predicates)]
    found = _sorted(found, wanted["sort_by"])
    end = start + _size(query.get("page_size", ""))
    answer: dict[str, Any] = {
        key: [entry.public for entry in found[start:end]],
        "total_size": len(found),
    }
    if end < len(found):
        answer["next_page_token"] = _token(end, wanted)
    return answer


def _size(text: str) -> int:
    size = int(text or 0)
    if size < 0:
        raise refusals.invalid(f"The page size should be greater than 0. Got {size}")
    return min(size or _DEFAULT_PAGE, _LARGEST_PAGE)


def _token(start: int, wanted: dict[str, str]) -> str:
    return base64.b64encode(json.dumps([start, wanted]).encode()).decode()


def _start(token: str, wanted: dict[str, str]) -> tuple[int, dict[str, str]]:
    """Read a token, which carries the question that it belongs to."""
    if not token:
        return 0, wanted
    try:
        start, before = json.loads(base64.b64decode(token, validate=True))
    except ValueError as error:
        raise refusals.invalid("Invalid package token") from error
    if any(wanted[name] and wanted[name] != before[name] for name in wanted):
        raise refusals.invalid("page_token does not match the supplied sort by and/or filter")
    return start, before


def _sorted(entries: list[Entry], sort_by: str) -> list[Entry]:
    field, _, direction = (sort_by or "created_at").partition(" ")
    if direction not in ("", "asc", "desc"):
        raise refusals.invalid(f"Received invalid order by format {sort_by!r}")
    if field not in (*_KEYS, "created_at"):
        raise refusals.invalid(f"Invalid sorting field: {field!r}")
    return sorted(
        entries,
        key=lambda entry: (
            entry.order if field == "created_at" else _value(entry, field),
            entry.order,
        ),
        reverse=direction == "desc",
    )


def _predicates(text: str) -> list[dict[str, Any]]:
    if not text:
        return []
    try:
        predicates = json.loads(text)["predicates"]
    except (ValueError, KeyError, TypeError) as error:
        raise refusals.invalid(f"failed to parse the filter {text!r}") from error
    return list(predicates)


def _holds(entry: Entry, predicate: dict[str, Any]) -> bool:
    asked = predicate.get("operation", 0)
    operation = _OPERATIONS[asked] if isinstance(asked, int) else asked
    value = _value(entry, str(predicate.get("key")))
    wanted = predicate.get("string_value", predicate.get("stringValue"))
    several = predicate.get("string_values", predicate.get("stringValues")) or {}
    if operation == "IN":
        return value in several.get("values", ())
    if not isinstance(wanted, str):
        raise refusals.invalid(f"the filter {predicate} has no string_value")
    if operation == "EQUALS":
        return value == wanted
    if operation == "NOT_EQUALS":
        return value != wanted
    if operation == "IS_SUBSTRING":
        return wanted in value
    raise refusals.invalid(f"the filter's operation {operation} is not one for text")


def _value(entry: Entry, key: str) -> str:
    if key not in _KEYS:
        raise refusals.invalid(f"Invalid filter or sort key {key!r}; there are {', '.join(_KEYS)}")
    if key == "id":
        return entry.id
    if key == "name":
        return str(entry.public.get("name", entry.public.get("display_name", "")))
    return str(entry.public.get(key, ""))
