"""Put runs side by side, what differs first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops_nb.types import Comparison, Row

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from mlops_nb.types import Curve, Run, Snapshot

Values = dict[str, Any]


def compare(runs: Sequence[Run], curves: Sequence[tuple[Curve, ...]]) -> Comparison:
    """Compare runs by what went in and what came out.

    Args:
        runs: At least two.
        curves: The curves of each.
    """
    pins = [run.snapshot for run in runs]
    rows = [
        *_rows("parameter", [snapshot.parameters for snapshot in pins]),
        *_rows("metric", [dict(run.metrics) for run in runs]),
        *_rows("code", map(_code, pins)),
        *_rows("data", [{f"{d.role} {d.path}": d.hash for d in s.datasets} for s in pins]),
        *_rows("environment", map(_environment, pins)),
        *(row for row in _rows("package", [s.environment.packages for s in pins]) if row.differs),
        *_rows("variable", [dict(snapshot.variables) for snapshot in pins]),
        *_rows("run", map(_ending, runs)),
    ]
    return Comparison(
        runs=tuple(run.id for run in runs),
        # The sort is stable: within each half the order above is kept.
        rows=tuple(sorted(rows, key=lambda row: not row.differs)),
        curves=tuple(curves),
    )


def _rows(kind: str, sides: Iterable[Mapping[str, Any]]) -> list[Row]:
    columns = list(sides)
    names = dict.fromkeys(name for column in columns for name in column)
    return [_row(kind, name, tuple(column.get(name) for column in columns)) for name in names]


def _row(kind: str, name: str, values: tuple[Any, ...]) -> Row:
    differs = any(not _same(values[0], value) for value in values[1:])
    return Row(kind=kind, name=name, values=values, differs=differs)


def _same(one: Any, other: Any) -> bool:
    """Whether two values are one: NaN is itself here, and True is not 1."""
    if isinstance(one, bool) is not isinstance(other, bool):
        return False
    return bool(one == other) or (one != one and other != other)


def _code(snapshot: Snapshot) -> Values:
    code = snapshot.code
    return {
        "notebook": snapshot.notebook,
        "sha": code.sha,
        "branch": code.branch,
        "dirty": code.dirty,
    }


def _environment(snapshot: Snapshot) -> Values:
    found = snapshot.environment
    return {"hash": found.hash, "python": found.python, "platform": found.platform}


def _ending(run: Run) -> Values:
    return {
        "state": run.state.value,
        "error": f"{run.error.type}: {run.error.message}" if run.error else None,
        "created": run.created_at,
        "seconds": run.seconds,
    }
