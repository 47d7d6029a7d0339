"""What pruning saves: the same trials of the example, all to their end and with the pruner."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measure import cost

if TYPE_CHECKING:
    from pathlib import Path

TRIALS = 12
MLOPS = [sys.executable, "-m", "mlops_nb"]
# Random, because what it tries next does not follow from what was pruned: both try the same.
TUNE = ["tune", "digits.ipynb", "--sampler", "random", "--trials", str(TRIALS), "--wait"]


def table(folder: Path) -> str:
    """Return the table."""
    project = folder / "digits"
    subprocess.run(
        [*MLOPS, "init", "--example", "tuning", str(project)], check=True, capture_output=True
    )
    lines = ["| pruner | epochs | ratio | best | pruned | CPU s |", "|---|---|---|---|---|---|"]
    first = 0
    for pruner in ("none", "median", "halving"):
        taken = cost([*MLOPS, *TUNE, "--pruner", pruner], project)
        study = _study(project)
        epochs = sum(trial["reports"] for trial in study["trials"])
        first = first or epochs
        best = max(t["value"] for t in study["trials"] if t["state"] == "SUCCEEDED")
        pruned = sum(trial["state"] == "PRUNED" for trial in study["trials"])
        row = (pruner, f"{epochs}", f"{epochs / first:.2f}", f"{best:.4f}", f"{pruned}")
        lines.append(f"| {' | '.join(row)} | {taken.cpu_s:.0f} |")
    return f"Tuning, {TRIALS} trials of the example\n\n" + "\n".join(lines)


def _study(project: Path) -> dict:
    command = [*MLOPS, "show", "latest", "--json", "--project", str(project)]
    shown = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(shown.stdout)["study"]
