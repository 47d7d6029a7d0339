"""Which runs, and in which order: conditions are parsed and compared, never evaluated."""

from __future__ import annotations

import difflib
import math
import operator
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops_nb import paths
from mlops_nb.exceptions import UsageError
from mlops_nb.types import RunState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from mlops_nb.types import Summary

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
_CONDITION = re.compile(r"\s*([^<>=!]+?)\s*(<=|>=|==|!=|=|<|>)\s*(.*?)\s*", re.DOTALL)
_OWN = ("created", "seconds")


@dataclass(frozen=True)
class Condition:
    """A name, how it is compared, and with what."""

    name: str
    sign: str
    text: str

    @classmethod
    def parse(cls, text: str) -> Condition:
        """Read a condition such as `test_accuracy>0.9`.

        Raises:
            UsageError: It is none.
        """
        match = _CONDITION.fullmatch(text)
        if match is None or not match[3]:
            raise UsageError(
                f"{text!r} is not a condition",
                hint="write a name, one of = != < <= > >=, and a value: test_accuracy>0.9",
            )
        return cls(*match.groups())

    def holds(self, value: Any) -> bool:
        """Whether a value meets it; one that is missing never does.

        Raises:
            UsageError: A number is to be less or greater than something that is none.
        """
        if value is None:
            return False
        compare = _OPERATORS[self.sign]
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return compare(_text(value), self.text.lower() if _is_flag(value) else self.text)
        number = _number(self.text)
        if number is not None:
            return compare(value, number)
        if self.sign in ("=", "==", "!="):
            return self.sign == "!="
        raise UsageError(
            f"{self.name} is a number, and {self.text!r} is none",
            hint=f"compare it with a number: {self.name}{self.sign}0.5",
        )


@dataclass(frozen=True)
class Selection:
    """What is asked of a list of runs."""

    state: RunState | None
    notebook: str | None
    conditions: tuple[Condition, ...]
    sort: str | None
    descending: bool
    limit: int | None

    @classmethod
    def of(
        cls,
        *,
        state: str | None,
        notebook: Path | str | None,
        where: str | Sequence[str],
        sort: str | None,
        reverse: bool,
        limit: int | None,
    ) -> Selection:
        """Read what a user asks for.

        Raises:
            UsageError: The state, a condition or the limit is not one.
        """
        must_be_part(limit)
        conditions = (where,) if isinstance(where, str) else where
        if sort is None and reverse:
            sort = "-created"
        downwards = sort is not None and sort.startswith("-")
        return cls(
            state=None if state is None else _state(state),
            notebook=None if notebook is None else Path(notebook).as_posix(),
            conditions=tuple(map(Condition.parse, conditions)),
            sort=sort.removeprefix("-") if sort is not None else None,
            descending=downwards is not reverse,
            limit=limit,
        )

    def apply(self, runs: Sequence[Summary]) -> tuple[Summary, ...]:
        """Return the runs that are asked for, in the order that is.

        Raises:
            UsageError: No run has such a notebook, metric or parameter.
        """
        found: Iterable[Summary] = runs
        if self.state is not None:
            found = [run for run in found if run.state is self.state]
        if self.notebook is not None:
            found = _of_notebook(self.notebook, runs, found)
        for condition in self.conditions:
            key = _key(condition.name, runs)
            found = [run for run in found if condition.holds(_values(run).get(key))]
        if self.sort is not None:
            found = _sorted(found, _key(self.sort, runs), descending=self.descending)
        return tuple(found)[: self.limit]


def must_be_part(limit: int | None, offset: int = 0) -> None:
    """Refuse a part of a list that is none.

    Raises:
        UsageError: The limit leaves no run, or the offset is before the first.
    """
    if limit is not None and limit < 1:
        raise UsageError(f"a limit of {limit} leaves no run", hint="take 1 or more")
    if offset < 0:
        raise UsageError(f"an offset of {offset} is before the first run", hint="take 0 or more")


def names(runs: Iterable[Summary]) -> tuple[str, ...]:
    """Return all that runs can be filtered and sorted by."""
    return tuple(dict.fromkeys([*_OWN, *(name for run in runs for name in _values(run))]))


def _values(run: Summary) -> dict[str, Any]:
    return {
        "created": run.created_at,
        "seconds": run.seconds,
        **{f"metric.{name}": value for name, value in run.metrics.items()},
        **{f"param.{name}": value for name, value in run.parameters.items()},
    }


def _key(name: str, runs: Sequence[Summary]) -> str:
    """Return the full name; where a metric and a parameter share one, it means the metric."""
    known = names(runs)
    for key in (name, f"metric.{name}", f"param.{name}"):
        if key in known or not runs:
            return key
    bare = [key.partition(".")[2] or key for key in known]
    raise UsageError(
        f"no run has a metric or a parameter {name!r}", hint=_hint(name, [*known, *bare], known)
    )


def _state(name: str) -> RunState:
    states = [state.value for state in RunState]
    if name.upper() not in states:
        raise UsageError(f"{name!r} is no state of a run", hint=_hint(name.upper(), states, states))
    return RunState(name.upper())


def _of_notebook(wanted: str, runs: Sequence[Summary], found: Iterable[Summary]) -> list[Summary]:
    """Return those of the runs found whose notebook is meant; a notebook may be without runs."""
    known = {run.notebook for run in runs}
    meant = {path for path in known if path == wanted or path.endswith(f"/{wanted}")}
    if known and not meant and not paths.given(wanted).is_file():
        raise UsageError(
            f"no run is of a notebook {wanted!r}", hint=_hint(wanted, sorted(known), sorted(known))
        )
    return [run for run in found if run.notebook in meant]


def _hint(name: str, candidates: Sequence[str], known: Sequence[str]) -> str:
    near = difflib.get_close_matches(name, candidates, n=1)
    return f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(known[:12])}"


def _sorted(runs: Iterable[Summary], key: str, *, descending: bool) -> list[Summary]:
    found = [(_values(run).get(key), run) for run in runs]
    placed = [pair for pair in found if not _is_missing(pair[0])]
    placed.sort(key=lambda pair: _rank(pair[0]), reverse=descending)
    return [run for _, run in placed] + [run for value, run in found if _is_missing(value)]


def _rank(value: Any) -> tuple[int, Any]:
    return (0, value) if isinstance(value, (int, float)) else (1, _text(value))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _text(value: Any) -> str:
    return str(value).lower() if _is_flag(value) else str(value)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
