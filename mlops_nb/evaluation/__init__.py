"""What a model is worth on test data: metrics, slices, comparisons, gates.

`assess` does it all for one table; the stage knows where models and tables come from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops_nb.evaluation import curves, paired, predictions, quality, scores, slices
from mlops_nb.types import TableReport

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    import pandas

    from mlops_nb.evaluation.tables import Table
    from mlops_nb.types import Criteria, Duel


@dataclass(frozen=True)
class Opponent:
    """Another model on the same rows; `metrics` are those that gates compare it by."""

    name: str
    uri: str
    model: Any
    metrics: Sequence[str] = field(default_factory=tuple)


def assess(
    model: Any,
    table: Table,
    criteria: Criteria,
    *,
    prefix: str,
    opponents: Sequence[Opponent] = (),
    seen: pandas.DataFrame | None = None,
) -> TableReport:
    """Return what a model is worth on a table.

    Args:
        model: As MLflow's pyfunc loads it.
        table: The test rows.
        criteria: What to look at.
        prefix: What the metrics' names begin with.
        opponents: Models to compare with.
        seen: The rows that the model was trained on, None where they are not known.

    Raises:
        StageError: Model and table do not fit.
    """
    made = predictions.predict(model, table, criteria.task)
    metrics = scores.of(made)
    return TableReport(
        path=table.path,
        prefix=prefix,
        rows=len(table.frame),
        task=made.task,
        metrics={prefix + name: value for name, value in metrics.items()},
        classes=tuple(map(str, made.classes)),
        confusion=curves.confusion(made),
        roc=curves.roc(made),
        calibration=curves.calibration(made),
        residuals=curves.residuals(made),
        slices=slices.of(table, made, criteria.slices),
        duels=tuple(
            duel for other in opponents for duel in _duels(made, other, table, criteria, prefix)
        ),
        findings=quality.check(model, table, criteria.slices, seen),
    )


def _duels(
    ours: predictions.Predictions,
    other: Opponent,
    table: Table,
    criteria: Criteria,
    prefix: str,
) -> list[Duel]:
    theirs = predictions.predict(other.model, table, ours.task)
    wanted = dict.fromkeys((scores.MAIN[ours.task], *_of_table(other.metrics, prefix)))
    return [
        paired.duel(
            ours, theirs, metric, opponent=other.name, uri=other.uri, prefix=prefix,
            significance=criteria.significance,
        )
        for metric in wanted
        if metric in scores.of(ours) and metric in scores.of(theirs)
    ]  # fmt: skip


def _of_table(metrics: Sequence[str], prefix: str) -> Mapping[str, None]:
    """Return the metrics of a table without its prefix, of names that may be another's."""
    return {name.removeprefix(prefix): None for name in metrics if name.startswith(prefix)}
