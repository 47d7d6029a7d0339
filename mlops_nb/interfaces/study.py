"""The part of a card, and of a terminal's page, that shows what a tuning has tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.drawing import bars, html, parallel, words
from mlops_nb.types import TrialState

if TYPE_CHECKING:
    from mlops_nb.types import Study, Trial

# How many trials are shown unfolded.
BEST = 5


def study_html(study: Study | None, run_id: str) -> str:
    """Return counts, pictures and the best trials; nothing for a run that is no tuning."""
    if study is None:
        return ""
    pictures = [parallel.coordinates(study), _importance(study)]
    rest = _table(study, [t for t in study.trials if t not in study.ranked[:BEST]], run_id)
    return (
        f'<div role="status" style="margin:6px 0">{html.text(counts(study))}</div>'
        + html.row([picture for picture in pictures if picture])
        + _table(study, study.ranked[:BEST], run_id)
        + html.folded("all other trials", rest)
    )


def study_lines(study: Study, run_id: str) -> list[str]:
    """Return the counts and the best trials as lines of text."""
    lines = [counts(study)]
    for trial in study.ranked[:BEST]:
        given = "  ".join(f"{k}={words.value(v)}" for k, v in trial.parameters.items())
        lines.append(
            f"  {run_id}/{trial.number}  {study.plan.objective} {trial.value:.6g}  {given}"
        )
    if study.importance:
        shares = "  ".join(f"{name} {share:.0%}" for name, share in _shares(study))
        lines.append(f"  importance  {shares}")
    return lines


def counts(study: Study) -> str:
    """Return how many trials are in which state, and the best value."""
    named = {
        "done": TrialState.SUCCEEDED,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.FAILED,
        "running": TrialState.RUNNING,
    }
    parts = [f"{study.count(s)} {word}" for word, s in named.items() if study.count(s)]
    told = f"{study.plan.trials} trials: {', '.join(parts) or 'none begun'}"
    if study.best is not None:
        told += f"; best {study.plan.objective} {study.best.value:.6g} (trial {study.best.number})"
    return told


def _importance(study: Study) -> str:
    drawn = bars.bars(_shares(study))
    return f"<div><div>{html.dim('importance')}</div>{drawn}</div>" if drawn else ""


def _shares(study: Study) -> list[tuple[str, float]]:
    return sorted(study.importance.items(), key=lambda pair: -pair[1])


def _table(study: Study, trials: list[Trial] | tuple[Trial, ...], run_id: str) -> str:
    if not trials:
        return ""
    names = [dimension.name for dimension in study.plan.space]
    head = ("trial", "", study.plan.objective, *names, "time", "")
    return html.table(head, [_row(trial, names, run_id) for trial in trials])


def _row(trial: Trial, names: list[str], run_id: str) -> tuple[str, ...]:
    return (
        f"{run_id}/{trial.number}",
        f"{words.MARKS[trial.state.value]} {trial.state.value}",
        words.value(trial.value),
        *(words.value(trial.parameters[name]) for name in names),
        words.seconds(trial.seconds),
        trial.note or "",
    )
