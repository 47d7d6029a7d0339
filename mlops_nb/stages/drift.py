"""Stage: compare a window with its reference, and report what is found."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import msgspec

from mlops_nb import encoding, journal
from mlops_nb.drawing import monitoring as drawn
from mlops_nb.journal import MetricsLogged, emit
from mlops_nb.monitoring import judging, performance
from mlops_nb.monitoring.windows import Pairs
from mlops_nb.stages import collect
from mlops_nb.stages import volume as volumes
from mlops_nb.tracking import tags
from mlops_nb.tracking.store import Store
from mlops_nb.types import MonitoringReport, Profile, Window

if TYPE_CHECKING:
    from pathlib import Path

REPORT = "report.json"


def run(
    *, volume: str, window: str, origin: str, reference_run: str, tracking_uri: str,
    experiment: str, run_id: str, snapshot: str,
) -> dict[str, str]:  # fmt: skip
    """Judge the window, draw the report, and log the figures to MLflow.

    Args:
        volume: What the stages of the run share.
        window: Place of the counts in it.
        origin: The run that trained the model, "" for one from elsewhere.
        reference_run: The run whose reference was taken instead, "" for the model's own.
        tracking_uri: Where MLflow keeps the figures.
        experiment: Name of the MLflow experiment that has those of deployments.
        run_id: This run.
        snapshot: Has the environment that a pod works in.

    Returns:
        `report`, its place in the volume.

    Raises:
        TrackingError: MLflow cannot be used.
    """
    folder = volumes.existing(volume, window)
    counted = msgspec.json.decode((folder / collect.WINDOW).read_bytes(), type=Window)
    pairs = msgspec.json.decode((folder / collect.PAIRS).read_bytes(), type=Pairs)
    store = Store(tracking_uri)
    tested = _tested(store, origin) if pairs.truth else {}
    report = judging.report(
        counted,
        _profile(folder),
        run_id=run_id,
        reference=reference_run or origin or None,
        performance=performance.of(pairs, tested),
    )
    _keep(store, experiment, report)
    (folder / REPORT).write_bytes(encoding.record(report).encode())
    print(f"{report.verdict.value}: {sum(c.drifted for c in report.columns)} columns drifted")
    return {"report": f"{window}/{REPORT}"}


def _profile(folder: Path) -> Profile | None:
    path = folder / collect.PROFILE
    return msgspec.json.decode(path.read_bytes(), type=Profile) if path.is_file() else None


def _tested(store: Store, origin: str) -> dict[str, float]:
    mlflow_run_id, _ = store.find(origin) if origin else ("", None)
    return store.metrics(mlflow_run_id) if mlflow_run_id else {}


def _keep(store: Store, experiment: str, report: MonitoringReport) -> None:
    """Keep the report in the run's folder, and both report and figures in MLflow."""
    page, text = drawn.page(report), encoding.record(report, indent=2)
    journal.keep_report(page, report)
    figures = judging.figures(report)
    mlflow_run_id = store.series(experiment=experiment, deployment=report.window.deployment)
    store.log_step(mlflow_run_id, figures, report.window.until or time.time())
    for suffix, content in ((".html", page), (".json", text)):
        store.log_text(mlflow_run_id, content, f"{tags.WINDOWS_FOLDER}/{report.run_id}{suffix}")
    emit(MetricsLogged(metrics=figures))
