"""What pruning saves: the same trials of the example, all to their end and with the pruner."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measure import cost
from benchmarks.record import Table, say

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("mlops_nb", "optuna")
TABLES = ("tuning",)
TRIALS = 16
MLOPS = [sys.executable, "-m", "mlops_nb"]
# Random, because what it tries next does not follow from what was pruned: both try the same.
TUNE = ["tune", "digits.ipynb", "--sampler", "random", "--trials", str(TRIALS), "--wait"]


QUICK = {}


def measure(folder: Path) -> Iterator[Table]:
    """Tune with each pruner, and without one."""
    project = folder / "digits"
    subprocess.run(
        [*MLOPS, "init", "--example", "tuning", str(project)], check=True, capture_output=True
    )
    rows, ratios = [], {}
    first = 0
    for pruner in ("none", "median", "halving"):
        say(f"pruner {pruner}")
        taken = cost([*MLOPS, *TUNE, "--pruner", pruner], project)
        study = _study(project)
        epochs = sum(trial["reports"] for trial in study["trials"])
        first = first or epochs
        best = max(t["value"] for t in study["trials"] if t["state"] == "SUCCEEDED")
        pruned = sum(trial["state"] == "PRUNED" for trial in study["trials"])
        ratios[pruner] = epochs / first
        figures = (f"{epochs}", f"{ratios[pruner]:.2f}", f"{best:.4f}", f"{pruned}")
        rows.append((pruner, *figures, f"{taken.cpu_s:.0f}"))
    yield Table(
        name="tuning",
        title=f"Tuning, {TRIALS} trials of the example `tuning`, the same ones with each pruner",
        columns=("pruner", "epochs", "ratio", "best", "pruned", "CPU, s"),
        rows=tuple(rows),
        says=f"Of the epochs of {TRIALS} trials the median pruner runs {ratios['median']:.2f}, and "
        f"successive halving {ratios['halving']:.2f}.",
    )


def _study(project: Path) -> dict:
    command = [*MLOPS, "show", "latest", "--json", "--project", str(project)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)["study"]
