"""The words and marks that a terminal and a cell have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlops_nb.types import Check, Run

# State is never told by colour alone.
MARKS = {
    "PENDING": "○",
    "RUNNING": "◐",
    "SUCCEEDED": "✓",
    "SKIPPED": "\u2013",
    "FAILED": "✗",
    "CANCELED": "■",
    "LOST": "?",
}


def outcome(check: Check) -> str:
    """Name how a comparison came out."""
    return "PASS" if check.passed else "FAIL" if check.decides else "DIFFERS"


def seconds(value: float | None) -> str:
    """Return a time in words, nothing for one that is not known."""
    return "" if value is None else f"{value:.1f} s"


def model(run: Run) -> str:
    """Name the run's model version; its URI where it has none, nothing where there is no model."""
    if run.model is None:
        return ""
    if run.model.name is None:
        return run.model.uri
    alias = f" @{run.model.alias}" if run.model.alias else ""
    return f"{run.model.name} version {run.model.version}{alias}"


def metrics(run: Run) -> list[tuple[str, float]]:
    """List test metrics first, the notebook's own next, what autologging adds last."""
    return sorted(run.metrics.items(), key=_rank)


def main_metrics(run: Run) -> str:
    """Return the first few metrics in one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics(run)[:3])


def _rank(metric: tuple[str, float]) -> tuple[int, str]:
    name = metric[0]
    return (0 if name.startswith("test_") else 2 if name.startswith("training_") else 1), name
