"""Whether a model may be deployed: what its last evaluation has said."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from mlops_nb import evaluation as evaluations
from mlops_nb.evaluation import gates
from mlops_nb.exceptions import DeploymentError
from mlops_nb.journal import read_report
from mlops_nb.tracking import tags
from mlops_nb.types import Evaluation, Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_nb.orders.rollout import Found
    from mlops_nb.types import Duel, Run


def refusal(found: Found, wanted: Sequence[str], runs: Iterable[Run]) -> str:
    """Return why a model may not be deployed, "" where it may.

    Args:
        found: The model.
        wanted: Gates of the deployment's own, which the last evaluation has to have met.
        runs: The project's runs, newest first.
    """
    of_model = (
        r for r in runs if r.evaluation is not None and r.evaluation.model == found.model.uri
    )
    last = next(of_model, None)
    if found.gates:
        # Of a registered version everyone's evaluations count, and the registry has the last one.
        said = "" if found.gates == tags.PASSED else found.gates
    else:
        said = last.evaluation.refusal if last is not None and last.evaluation is not None else ""
    return said or _refused_by(wanted, last)


def must_be_cleared(found: Found, why: str, *, force: bool) -> tuple[Finding, ...]:
    """Stop a deployment that is refused, unless it is to go on all the same.

    Returns:
        What the deployment's record says of it.

    Raises:
        DeploymentError: It is refused.
    """
    if not why:
        return ()
    if not force:
        raise DeploymentError(
            f"the model {found.model.uri} may not be deployed: {why}",
            hint="train a better one, or deploy it all the same, for the record: deploy --force",
        )
    return (
        Finding(
            severity="warning",
            message=f"deployed by force, although: {why}",
            hint="deploy a model that passes its gates",
        ),
    )


def _refused_by(wanted: Sequence[str], last: Run | None) -> str:
    if not wanted:
        return ""
    if last is None or last.evaluation is None:
        return f"nothing is known of {wanted[0]}; find out: jupyter mlops evaluate MODEL"
    outcomes = gates.outcomes(wanted, last.metrics, _duels(last.evaluation), {}, {})
    return Evaluation(model=last.evaluation.model, gates=outcomes).refusal


def _duels(evaluation: Evaluation) -> list[Duel]:
    report = read_report(Path(evaluation.report)) if evaluation.report else None
    return evaluations.all_duels(report.tables) if report else []
