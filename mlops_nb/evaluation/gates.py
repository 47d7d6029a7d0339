"""Gates: what a model has to meet to go further.

    test_accuracy>=0.9               a threshold, on any metric of the run
    test_accuracy>champion           better than the champion, and not by chance
    test_accuracy>=champion-0.01     shown not to be worse than the champion by more than 0.01

It is the model that has to show it: where there are too few rows to tell, it has not passed.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops_nb.exceptions import ConfigError
from mlops_nb.types import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops_nb.types import Duel

OPPONENTS = ("champion", "parent", "against")
_NUMBER = r"[0-9]*\.?[0-9]+(?:[eE][-+]?[0-9]+)?"
_GATE = re.compile(
    rf"\s*(?P<metric>[^<>=!\s][^<>=!]*?)\s*(?P<sign>>=|<=|>|<)\s*"
    rf"(?:(?P<value>[-+]?{_NUMBER})"
    rf"|(?P<opponent>{'|'.join(OPPONENTS)})(?:\s*-\s*(?P<margin>{_NUMBER}))?)\s*"
)
_HINT = "write a metric, >= or <=, and a number or champion-MARGIN: test_accuracy>=champion-0.01"


@dataclass(frozen=True)
class Gate:
    """One gate.

    Attributes:
        text: As it was written.
        metric: Name of the metric, with its prefix.
        sign: One of >= > <= <.
        value: The threshold, None where it is another model.
        opponent: The other model, "" where it is a threshold.
        margin: How much worse the model may be.
    """

    text: str
    metric: str
    sign: str
    value: float | None = None
    opponent: str = ""
    margin: float = 0.0


def parse(text: str) -> Gate:
    """Read a gate.

    Raises:
        ConfigError: It is none.
    """
    match = _GATE.fullmatch(text)
    if match is None:
        raise ConfigError(f"{text!r} is no gate", hint=_HINT)
    metric, sign, value, opponent, margin = match.groups()
    if opponent and sign not in (">", ">="):
        raise ConfigError(
            f"the gate {text!r} has {sign}",
            hint=f"better is > for all metrics, also where less is: {metric}>={opponent}-0.01",
        )
    if opponent and sign == ">" and margin:
        raise ConfigError(f"the gate {text!r} is both better and a margin", hint=_HINT)
    return Gate(
        text.strip(),
        metric,
        sign,
        None if value is None else float(value),
        opponent or "",
        float(margin or 0),
    )


def parse_all(texts: Iterable[str]) -> list[Gate]:
    """Read gates.

    Raises:
        ConfigError: One of them is none.
    """
    return [parse(text) for text in texts]


def compared(texts: Iterable[str]) -> dict[str, list[str]]:
    """Return the metrics by which gates compare the model with each opponent."""
    found: dict[str, list[str]] = {}
    for gate in parse_all(texts):
        if gate.opponent:
            found.setdefault(gate.opponent, []).append(gate.metric)
    return found


def called(opponent: str) -> str:
    """Return how to speak of an opponent."""
    return "the other model" if opponent == "against" else f"the {opponent}"


def outcomes(
    texts: Iterable[str],
    metrics: Mapping[str, float],
    duels: Iterable[Duel],
    absent: Mapping[str, str],
    broken: Mapping[str, str],
) -> tuple[Outcome, ...]:
    """Return how a model does at each gate.

    Args:
        texts: The gates.
        metrics: All that is known of the model, by their names with prefix.
        duels: Its comparisons with other models.
        absent: Why there is no such other model, by what gates call it. A gate that has nobody to
            compare with is passed: the first model has no champion.
        broken: Why such another model, which there is, cannot be compared with, likewise.
    """
    fought = {(duel.opponent, duel.metric): duel for duel in duels}
    found = []
    for gate in parse_all(texts):
        if gate.value is not None:
            found.append(_threshold(gate, gate.value, metrics))
        elif gate.opponent in absent:
            found.append(_outcome(gate, True, absent[gate.opponent]))
        elif gate.opponent in broken:
            found.append(_outcome(gate, False, broken[gate.opponent]))
        elif (gate.opponent, gate.metric) in fought:
            found.append(_comparison(gate, fought[gate.opponent, gate.metric]))
        else:
            found.append(_unknown(gate, metrics))
    return tuple(found)


def _threshold(gate: Gate, wanted: float, metrics: Mapping[str, float]) -> Outcome:
    value = metrics.get(gate.metric)
    if value is None:
        return _unknown(gate, metrics)
    passed = {
        ">=": value >= wanted,
        ">": value > wanted,
        "<=": value <= wanted,
        "<": value < wanted,
    }[gate.sign]
    return _outcome(gate, passed and not math.isnan(value), f"it is {value:.6g}")


def _comparison(gate: Gate, duel: Duel) -> Outcome:
    name = called(gate.opponent)
    figures = f"{duel.ours:.4g} against {duel.theirs:.4g} of {name}, {duel.rows:,} rows"
    if gate.sign == ">":
        return _outcome(gate, duel.low > 0, f"{figures}: {duel.test} p = {duel.p_value:.3g}")
    bound = f"the gain is {duel.low:+.4g} at the least ({duel.test})"
    passed = duel.low >= -gate.margin
    told = duel.gain >= -gate.margin and not passed
    return _outcome(gate, passed, f"{figures}: {bound}{'; more rows may tell' if told else ''}")


def _unknown(gate: Gate, metrics: Mapping[str, float]) -> Outcome:
    known = ", ".join(sorted(metrics)[:12]) or "none"
    return _outcome(gate, False, f"there is no metric {gate.metric}; there are: {known}")


def _outcome(gate: Gate, passed: bool, reason: str) -> Outcome:
    return Outcome(gate=gate.text, passed=passed, reason=reason)
