"""What becomes of runs side by side: a comparison, and the verdict of a reproduction."""

from __future__ import annotations

from typing import Any

from mlops_nb.types.base import Record
from mlops_nb.types.runs import Curve


class Row(Record, frozen=True, kw_only=True):
    """One thing that runs are compared by.

    Attributes:
        kind: "parameter", "metric", "code", "data", "environment", "package", "variable" or "run".
        name: What it is.
        values: One a run, in the order of the runs; None where a run has none.
        differs: Whether they are not all the same.
    """

    kind: str
    name: str
    values: tuple[Any, ...]
    differs: bool


class Comparison(Record, frozen=True, kw_only=True):
    """Runs side by side.

    Attributes:
        runs: Ids, in the order in which they were asked for.
        rows: What differs comes first. Packages are there only where they differ.
        curves: Curves of each run, in the order of the runs.
    """

    runs: tuple[str, ...]
    rows: tuple[Row, ...]
    curves: tuple[tuple[Curve, ...], ...] = ()


class Check(Record, frozen=True, kw_only=True):
    """One thing that was compared.

    A check that does not decide is for the reader's information: a model file may differ in its
    bytes while all that was measured of the model is the same.

    Attributes:
        kind: "data", "interpreter", "package", "run", "metric" or "model".
        name: What it is.
        recorded: What the record has.
        again: What the repetition has.
        passed: Whether they agree.
        decides: Whether the verdict depends on it.
    """

    kind: str
    name: str
    recorded: str
    again: str
    passed: bool
    decides: bool = True


class Verdict(Record, frozen=True, kw_only=True):
    """Whether a run came out the same from its record.

    Attributes:
        run_id: The recorded run.
        reproduction_id: The run that repeated it.
        passed: Whether all that decides agrees.
        reason: The first difference, None where there is none.
        checks: All that was compared.
    """

    run_id: str
    reproduction_id: str
    passed: bool
    reason: str | None
    checks: tuple[Check, ...]
