"""A whole training run beside papermill alone, on the quickstart."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measure import Cost, cost, median
from benchmarks.record import Table, say, version_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PACKAGES = ("mlops_nb", "mlflow", "kfp", "scikit-learn")
TABLES = ("training",)
ROUNDS = 3
NOTEBOOK = "quickstart.ipynb"
MLOPS = [sys.executable, "-m", "mlops_nb"]
PEER = "papermill alone"
PAPERMILL = [sys.executable, "-m", "papermill", NOTEBOOK, "out.ipynb", "--no-progress-bar"]
TRAIN = [*MLOPS, "train", NOTEBOOK, "--wait"]
ANEW = {"MLOPS_NB_RUN_CACHE": "false"}
OURS = "train, end to end"
# Of each: what its project has seen before, its command and its environment. Those of a project
# come one after another.
COMMANDS = {
    ("cold", PEER): ("peer", PAPERMILL, {}),
    ("cold", OURS): ("own", TRAIN, {}),
    ("cold", "the same without autologging"): (
        "plain",
        TRAIN,
        {"MLOPS_NB_TRACKING_AUTOLOG": "false"},
    ),
    ("again", PEER): ("peer", PAPERMILL, {}),
    ("again", OURS): ("own", TRAIN, ANEW),
    ("again", "train, skipping what is done"): ("own", TRAIN, {}),
}


QUICK = {"ROUNDS": 1}


def measure(folder: Path) -> Iterator[Table]:
    """Measure all in turn: cold (a project without any store) and again with nothing changed."""
    template = folder / "template"
    subprocess.run(
        [*MLOPS, "init", "--example", "quickstart", str(template)], check=True, capture_output=True
    )
    costs: dict[tuple[str, str], list[Cost]] = {row: [] for row in COMMANDS}
    for turn in range(ROUNDS):
        say(f"round {turn + 1} of {ROUNDS}")
        for row, (place, command, environment) in COMMANDS.items():
            project = folder / f"{turn}-{place}"
            if not project.exists():
                shutil.copytree(template, project, symlinks=True)
            costs[row].append(cost(command, project, environment))
    ratios = {row: _ratio(costs, row) for row in COMMANDS}
    again = ratios["again", OURS]
    yield Table(
        name="training",
        title="A whole run on the quickstart",
        columns=("state", "command", "CPU, s", "wall, s", "CPU ratio", "wall ratio"),
        rows=tuple(_row(row, median(costs[row]), ratios[row]) for row in COMMANDS),
        note=f"Medians of {ROUNDS} rounds, all processes counted; a ratio is the median of those "
        "to papermill alone in the same round and state. Cold is a project without any store. "
        "Papermill runs the notebook and nothing else; a training run also pins, provisions, "
        "evaluates on the test data, registers a model version and draws autologging's pictures.",
        says=f"A training run takes {again.cpu_s:.2f} times the CPU, and {again.wall_s:.2f} times "
        "the time, of papermill alone.",
        peers={"papermill": version_of("papermill")},
    )


def _ratio(costs: dict[tuple[str, str], list[Cost]], row: tuple[str, str]) -> Cost:
    pairs = zip(costs[row], costs[row[0], PEER], strict=True)
    return median([Cost(a.cpu_s / b.cpu_s, a.wall_s / b.wall_s) for a, b in pairs])


def _row(row: tuple[str, str], at: Cost, ratio: Cost) -> tuple[str, ...]:
    figures = (f"{at.cpu_s:.1f}", f"{at.wall_s:.1f}", f"{ratio.cpu_s:.2f}", f"{ratio.wall_s:.2f}")
    return (*row, *figures)
