"""Trials as lines across axes, one for each hyperparameter and the objective's at the end.

Inline SVG without a script: the best trial is drawn thick and last, pruned ones are dashed, and
each line has its values as its title.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from mlops_nb.drawing import charts, html, words
from mlops_nb.types import TrialState

if TYPE_CHECKING:
    from mlops_nb.types import Dimension, Study, Trial

_APART, _MARGIN, _HEIGHT = 128, 56, 178
_TOP, _BOTTOM = 40, 152
_GREY = "var(--jp-ui-font-color2,#616161)"
# More lines than these are one grey area.
LIMIT = 200


def coordinates(study: Study) -> str:
    """Return the picture, nothing where no trial has a value yet."""
    drawn = _drawn(study)
    values = [t.value for t in drawn if t.value is not None]
    if not values:
        return ""
    width = 2 * _MARGIN + _APART * len(study.plan.space)
    ends = (min(values), max(values))
    lines = "".join(_line(study, trial, ends) for trial in drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{_HEIGHT}" '
        f'viewBox="0 0 {width} {_HEIGHT}" style="display:block;max-width:100%">'
        f"<title>trials by their hyperparameters and {html.text(study.plan.objective, 60)}</title>"
        f"<desc>{html.text(_said(study, ends))}</desc>{_axes(study, ends)}{lines}</svg>"
    )


def _drawn(study: Study) -> list[Trial]:
    """Return the trials that have a value, the best one last, on top of the others."""
    pruned = [t for t in study.trials if t.state is TrialState.PRUNED and _is_number(t.value)]
    ranked = list(study.ranked)[:LIMIT]
    return pruned[-(LIMIT - len(ranked)) :] * (len(ranked) < LIMIT) + ranked[::-1]


def _is_number(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _said(study: Study, ends: tuple[float, float]) -> str:
    best = study.best
    values = "none yet" if best is None else _values(study, best)
    return f"{study.plan.objective} from {ends[0]:.4g} to {ends[1]:.4g}; the best trial: {values}"


def _values(study: Study, trial: Trial) -> str:
    given = ", ".join(f"{d.name} {words.value(trial.parameters[d.name])}" for d in study.plan.space)
    value = f"{trial.value:.6g}" if trial.value is not None else "no value"
    return f"trial {trial.number}: {given}, {study.plan.objective} {value}"


def _line(study: Study, trial: Trial, ends: tuple[float, float]) -> str:
    shares = [_share(d, trial.parameters[d.name]) for d in study.plan.space]
    shares.append(_between(trial.value or 0.0, *ends))
    points = "L".join(f"{_x(i)} {_y(share):.1f}" for i, share in enumerate(shares))
    best = trial == study.best
    colour = "var(--jp-brand-color1,#1976d2)" if best else _GREY
    look = 'stroke-width="2.6"' if best else 'stroke-width="1" opacity=".55"'
    if trial.state is TrialState.PRUNED:
        look += ' stroke-dasharray="3 3"'
    return (
        f'<path d="M{points}" fill="none" stroke="#777" stroke-linejoin="round" {look} '
        f'style="stroke:{colour}"><title>{html.text(_values(study, trial), 400)}</title></path>'
    )


def _axes(study: Study, ends: tuple[float, float]) -> str:
    axes = [_axis(i, d.name, *_ends(d)) for i, d in enumerate(study.plan.space)]
    last = (f"{ends[0]:.4g}", f"{ends[1]:.4g}")
    return "".join([*axes, _axis(len(axes), study.plan.objective, *last)])


def _axis(index: int, name: str, low: str, high: str) -> str:
    x = _x(index)
    return (
        f'<path d="M{x} {_TOP}V{_BOTTOM}" stroke="#999" style="stroke:{html.LINE}"/>'
        + charts.caption(x, 12, words.short(name), "middle")
        + charts.caption(x, _TOP - 10, words.short(high), "middle")
        + charts.caption(x, _BOTTOM + 16, words.short(low), "middle")
    )


def _ends(dimension: Dimension) -> tuple[str, str]:
    if dimension.kind == "choice":
        return words.value(dimension.choices[0]), words.value(dimension.choices[-1])
    return words.value(dimension.low), words.value(dimension.high)


def _share(dimension: Dimension, value: Any) -> float:
    """Return where a value is on its axis, from 0 to 1."""
    if dimension.kind == "choice":
        return _between(dimension.choices.index(value), 0, len(dimension.choices) - 1)
    low, high = float(dimension.low or 0), float(dimension.high or 0)
    if dimension.log:
        return _between(math.log(value), math.log(low), math.log(high))
    return _between(value, low, high)


def _between(value: float, low: float, high: float) -> float:
    # Halves first: the span of two floats may be more than a float.
    span = high / 2 - low / 2
    return min(1.0, max(0.0, (value / 2 - low / 2) / span)) if span > 0 else 0.5


def _x(index: int) -> int:
    return _MARGIN + _APART * index


def _y(share: float) -> float:
    return _BOTTOM - (_BOTTOM - _TOP) * share
