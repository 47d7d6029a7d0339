"""From a window and its reference to a report, and from a report to what the run came to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.monitoring import drift, quality
from mlops_nb.types import DriftVerdict, Finding, Monitoring, MonitoringReport, Profile

if TYPE_CHECKING:
    from mlops_nb.types import ColumnDrift, Performance, Window

_PREDICTION = "prediction: "


def report(
    window: Window,
    profile: Profile | None,
    *,
    run_id: str,
    reference: str | None,
    performance: Performance | None,
) -> MonitoringReport:
    """Return what there is to say of a window.

    Args:
        window: The window.
        profile: Its reference, None where there is none.
        run_id: The monitoring run.
        reference: The run that the profile is of.
        performance: What the predictions were worth, None where no label is known.
    """
    enough = window.rows >= drift.ROWS
    known = profile or Profile(dataset="", rows=0)
    columns = drift.drifts(known, window) if profile is not None and enough else ()
    return MonitoringReport(
        run_id=run_id,
        verdict=_verdict(profile, columns, enough=enough),
        window=window,
        reference=reference,
        dataset=known.dataset,
        reference_rows=known.rows,
        false_alarms=drift.FALSE_ALARMS,
        columns=columns,
        findings=(*_few(window, profile), *quality.findings(known, window)),
        performance=performance,
    )


def outcome(found: MonitoringReport, started: str | None = None) -> Monitoring:
    """Return a report in short."""
    drifted = [column for column in found.columns if column.drifted]
    return Monitoring(
        deployment=found.window.deployment,
        revision=found.window.revision,
        verdict=found.verdict,
        alarm=found.verdict is DriftVerdict.DRIFT,
        rows=found.window.rows,
        drifted=tuple(_named(column) for column in drifted),
        false_alarms=found.false_alarms,
        started=started,
    )


def alert(found: MonitoringReport) -> Finding | None:
    """Return what somebody should see of a report, None where nothing has drifted."""
    drifted = [column for column in found.columns if column.drifted]
    if not drifted:
        return None
    named = "; ".join(f"{_named(column)}: {column.reason}" for column in drifted[:5])
    more = f"; and {len(drifted) - 5} more" if len(drifted) > 5 else ""
    window = found.window
    return Finding(
        severity="warning",
        message=f"drift of {window.deployment} revision {window.revision} in {window.rows:,} rows, "
        f"where at most {found.false_alarms:.0%} of such alarms would be by chance without any: "
        f"{named}{more}",
        hint="see the report; train on data of now: monitor NAME --on-drift train",
    )


def figures(found: MonitoringReport) -> dict[str, float]:
    """Return the figures of a report that are followed over time, by their names in MLflow."""
    window, health = found.window, found.window.health
    given: dict[str, float | None] = {
        "rows": window.rows,
        "drift": float(found.verdict is DriftVerdict.DRIFT),
        "drifted_columns": sum(column.drifted for column in found.columns),
        "psi_max": max((column.psi for column in found.columns), default=None),
        "missing": _missing(window),
        "requests_per_s": health.rate,
        "latency_p50_s": health.p50_s,
        "latency_p99_s": health.p99_s,
        "failed_requests": health.failed if health.answered is not None else None,
        "labelled": window.labelled,
    }
    worth = found.performance.metrics if found.performance is not None else {}
    given |= {f"live_{name}": value for name, value in worth.items()}
    return {name: float(value) for name, value in given.items() if value is not None}


def _verdict(
    profile: Profile | None, columns: tuple[ColumnDrift, ...], *, enough: bool
) -> DriftVerdict:
    if profile is None:
        return DriftVerdict.UNKNOWN
    if not enough:
        return DriftVerdict.INSUFFICIENT
    drifted = any(column.drifted for column in columns)
    return DriftVerdict.DRIFT if drifted else DriftVerdict.STABLE


def _few(window: Window, profile: Profile | None) -> tuple[Finding, ...]:
    if profile is None:
        return (
            Finding(
                severity="warning",
                message="there is no reference to compare with: the model's run has kept none",
                hint="name a run that has: monitor NAME --reference RUN; or train again",
            ),
        )
    if window.rows < drift.ROWS:
        return (
            Finding(
                severity="info",
                message=f"{window.rows} rows are too few to tell drift from chance; it takes "
                f"{drift.ROWS}",
                hint="take a longer window: monitor NAME --last 7d",
            ),
        )
    return ()


def _missing(window: Window) -> float | None:
    rows = sum(column.rows for column in window.columns)
    return sum(column.missing for column in window.columns) / rows if rows else None


def _named(column: ColumnDrift) -> str:
    return f"{_PREDICTION}{column.name}" if column.role == "prediction" else column.name
