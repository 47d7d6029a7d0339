"""An update beside a training on everything: what it costs to fit, and what it is worth."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.record import Table, say
from mlops_nb import api

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops_nb.types import Run

PACKAGES = ("mlops_nb", "scikit-learn")
TABLES = ("incremental",)
# Autologging adds to `fit`, and not to `partial_fit`.
SETTINGS = {"tracking.autolog": "false", "update.gates": ""}
NOTEBOOKS = ("sgd.ipynb", "boosting.ipynb")
METRICS = ("fit_rows", "fit_cpu_s", "test_new_accuracy", "test_old_accuracy")


QUICK = {}


def measure(folder: Path) -> Iterator[Table]:
    """Train on four months of the example's stream, then update and retrain with a fifth."""
    root = folder / "stream"
    api.init(root, example="incremental")
    rows, ratios = [], []
    for notebook in NOTEBOOKS:
        say(notebook)
        parent = api.train(notebook, settings=SETTINGS, wait=True, project=root)
        stream = [sys.executable, "stream.py", "5"]
        subprocess.run(stream, cwd=root, check=True, stdout=subprocess.DEVNULL)
        updated = _update(notebook, parent, root)
        # The same comparison with the parent, and nothing of it learnt.
        full = _update(notebook, parent, root, retrain=True)
        for how, run in (("all of it, anew", full), ("update, replay 0.1", updated)):
            fit_rows, cpu_s, new, old = (run.metrics[name] for name in METRICS)
            ratio = cpu_s / full.metrics["fit_cpu_s"]
            figures = (f"{fit_rows:,.0f}", f"{cpu_s:.3f}", f"{new:.3f}", f"{old:.3f}")
            rows.append((notebook, how, *figures, f"{ratio:.3f}"))
        ratios.append(ratio)
        for part in ("train", "test"):
            (root / "data" / part / "2026-05.csv").unlink()
    yield Table(
        name="incremental",
        title="A month that is new in a stream of five, learnt by an update and by a new training",
        columns=(
            "notebook", "how", "rows", "CPU of the fit, s", "accuracy, new month", "old months",
            "CPU ratio",
        ),
        rows=tuple(rows),
        note="The example `incremental`; the CPU is that of the fit alone.",
        says=f"Learning on from a model took {ratios[0]:.2f} (SGD) and {ratios[1]:.2f} (boosting) "
        "of the CPU of a new fit.",
    )  # fmt: skip


def _update(notebook: str, parent: Run, root: Path, *, retrain: bool = False) -> Run:
    marker = root / "data" / "train" / "2026-01.csv"
    if retrain:
        # A line's end at the end: other bytes, the same rows.
        content = marker.read_bytes()
        marker.unlink()
        marker.write_bytes(content + b"\n")
    run = api.update(notebook, parent=parent.id, settings=SETTINGS, wait=True, project=root)
    assert run is not None
    assert (run.lineage is not None and run.lineage.retrained is not None) == retrain
    if retrain:
        marker.write_bytes(content)
    return run
