"""A whole training run beside papermill alone, on the quickstart."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.measure import Cost, cost, median

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROUNDS = 3
NOTEBOOK = "quickstart.ipynb"
MLOPS = [sys.executable, "-m", "mlops_nb"]
PEER = "papermill alone"
PAPERMILL = [sys.executable, "-m", "papermill", NOTEBOOK, "out.ipynb", "--no-progress-bar"]
TRAIN = [*MLOPS, "train", NOTEBOOK, "--wait"]
ANEW = {"MLOPS_NB_RUN_CACHE": "false"}
COMMANDS = {
    PEER: (PAPERMILL, {}),
    "train, end to end": (TRAIN, ANEW),
    "the same without autologging": (TRAIN, {**ANEW, "MLOPS_NB_TRACKING_AUTOLOG": "false"}),
    "train, skipping what is done": (TRAIN, {}),
}


def table(folder: Path) -> str:
    """Measure all in turn: cold (a project without any store) and again with nothing changed."""
    template = folder / "template"
    subprocess.run(
        [*MLOPS, "init", "--example", "quickstart", str(template)], check=True, capture_output=True
    )
    costs: dict[tuple[str, str], list[Cost]] = {}
    for turn in range(ROUNDS):
        for number, (name, (command, environment)) in enumerate(COMMANDS.items()):
            project = folder / f"{turn}-{number}"
            shutil.copytree(template, project, symlinks=True)
            for state in ("cold", "again"):
                costs.setdefault((state, name), []).append(cost(command, project, environment))
    return "\n".join(_lines(costs))


def _lines(costs: dict[tuple[str, str], list[Cost]]) -> Iterator[str]:
    yield f"A whole run on the quickstart, seconds, median of {ROUNDS}; the ratio is the median of"
    yield "those to papermill alone in the same round"
    yield ""
    yield "| state | command | CPU | wall | CPU ratio | wall ratio |"
    yield "|---|---|---|---|---|---|"
    for state in ("cold", "again"):
        for name in COMMANDS:
            own, peer = costs[state, name], costs[state, PEER]
            pairs = zip(own, peer, strict=True)
            ratio = median([Cost(a.cpu_s / b.cpu_s, a.wall_s / b.wall_s) for a, b in pairs])
            at = median(own)
            yield (
                f"| {state} | {name} | {at.cpu_s:.1f} | {at.wall_s:.1f} "
                f"| {ratio.cpu_s:.2f} | {ratio.wall_s:.2f} |"
            )
