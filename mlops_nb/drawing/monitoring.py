"""The report of a window of requests: inline in a notebook, and as a page of its own."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from mlops_nb.drawing import html, words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops_nb.types import ColumnDrift, Health, MonitoringReport, Performance, Window

# How many columns are drawn, and how many bins of each.
_DRAWN, _BINS = 12, 16
_WIDTH, _HEIGHT, _BASE, _TOP = 270, 96, 78, 6
_NAME = 60
_COLOURS = {"STABLE": "SUCCEEDED", "DRIFT": "FAILED", "INSUFFICIENT": "CANCELED"}
_BEFORE = "fill:none;stroke:var(--jp-ui-font-color2,#616161)"
_NOW = "fill:var(--jp-brand-color1,#1976d2);fill-opacity:.65"


def page(report: MonitoringReport) -> str:
    """Return a report as a page."""
    window = report.window
    return html.page(f"{window.deployment}, revision {window.revision}", body(report))


def body(report: MonitoringReport) -> str:
    """Return a report as a part of a card."""
    drifted = [column for column in report.columns if column.drifted]
    parts = [
        _head(report),
        _drifted(drifted),
        html.row([_picture(column) for column in drifted[:_DRAWN]]),
        _health(report.window.health),
        _performance(report.performance),
        *map(html.finding, report.findings),
        html.folded(f"all {len(report.columns)} columns", _columns(report.columns)),
    ]
    return "".join(parts)


def _head(report: MonitoringReport) -> str:
    verdict = report.verdict.value
    colour = html.COLOURS[_COLOURS.get(verdict, "PENDING")]
    window = report.window
    said = f"{window.rows:,} rows of {window.health.requests:,} requests{_times(window)}"
    beside = (
        f"beside {report.reference_rows:,} rows of {report.dataset}, run {report.reference}; "
        f"without drift, at most {report.false_alarms:.0%} of windows come out as drift"
    )
    return (
        f'<div><b style="color:{colour}">{html.text(words.VERDICTS[verdict])}</b> &nbsp;'
        f"{html.text(said)}</div><div>{html.dim(beside) if report.reference_rows else ''}</div>"
    )


def _times(window: Window) -> str:
    if window.since is None or window.until is None:
        return ""
    since, until = (
        time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(at)) for at in (window.since, window.until)
    )
    return f", {since} to {until} UTC"


def _drifted(columns: Sequence[ColumnDrift]) -> str:
    rows = [(f"{c.role} {c.name}"[:_NAME], c.reason) for c in columns]
    return html.table(("what", "how"), rows) if rows else ""


def _picture(column: ColumnDrift) -> str:
    name = column.name if column.role == "input" else f"prediction: {column.name}"
    return (
        f'<div style="max-width:270px"><div><b>{html.text(name, _NAME)}</b></div>'
        f"{bars(name, column)}<div>{_legend()}</div></div>"
    )


def _legend() -> str:
    box = '<svg xmlns="http://www.w3.org/2000/svg" width="10" height="10" aria-hidden="true">'
    rect = '<rect x="1" y="1" width="8" height="8" style="{}"/></svg>'
    return (
        f"{box}{rect.format(_BEFORE)} {html.dim('training')} &nbsp;"
        f"{box}{rect.format(_NOW)} {html.dim('window')}"
    )


def bars(name: str, column: ColumnDrift) -> str:
    """Return the parts of the bins as a picture: an outline for the training, filled for now."""
    bins = list(zip(column.labels, column.before, column.now, strict=True))[:_BINS]
    if not bins:
        return ""
    most = max(max(before, now) for _, before, now in bins) or 1.0
    width = _WIDTH / len(bins)
    drawn = "".join(
        _bar(place * width, width, before / most, now / most)
        for place, (_, before, now) in enumerate(bins)
    )
    said = "; ".join(f"{label}: {before:.1%}, now {now:.1%}" for label, before, now in bins)
    ends = _label(0, "start", bins[0][0])
    ends += _label(_WIDTH, "end", bins[-1][0]) if len(bins) > 1 else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{_WIDTH}" height="{_HEIGHT}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="display:block;max-width:100%">'
        f"<title>{html.text(name, _NAME)}</title><desc>{html.text(said)}</desc>{drawn}{ends}</svg>"
    )


def _bar(left: float, width: float, before: float, now: float) -> str:
    return "".join(
        f'<rect x="{left + pad:.1f}" y="{_BASE - part * (_BASE - _TOP):.1f}" '
        f'width="{max(1.0, width - 2 * pad):.1f}" height="{part * (_BASE - _TOP):.1f}" '
        f'style="{style}"/>'
        for part, pad, style in ((now, width * 0.2, _NOW), (before, width * 0.1, _BEFORE))
    )


def _label(x: float, anchor: str, label: str) -> str:
    style = "fill:var(--jp-ui-font-color2,#616161);font-family:var(--jp-ui-font-family,sans-serif)"
    return (
        f'<text x="{x:.0f}" y="{_HEIGHT - 4}" text-anchor="{anchor}" font-size="10" '
        f'style="{style}">{html.text(label, 18)}</text>'
    )


def _health(health: Health) -> str:
    if not health.requests:
        return ""
    return html.table((), [*_pace(health), *_answers(health)])


def _pace(health: Health) -> Iterator[tuple[str, str]]:
    yield "requests a second", f"{health.rate:.3g}"
    if health.p50_s is not None and health.p99_s is not None:
        yield "latency", f"{health.p50_s * 1000:.3g} ms (half), {health.p99_s * 1000:.3g} ms (99 %)"


def _answers(health: Health) -> Iterator[tuple[str, str]]:
    if health.answered is not None:
        said = f"{health.answered:,}, {health.refused:,} refused, {health.failed:,} failed"
        yield "since the service started", said


def _performance(found: Performance | None) -> str:
    if found is None:
        return ""
    rows = [
        (name, f"{value:.4g}", f"{found.before[name]:.4g}" if name in found.before else "")
        for name, value in found.metrics.items()
    ]
    return html.table((f"of {found.rows:,} labelled rows", "window", "test data"), rows)


def _columns(columns: Sequence[ColumnDrift]) -> str:
    rows = [
        (
            words.MARKS["FAILED"] if c.drifted else "",
            f"{c.role} {c.name}"[:_NAME],
            "" if c.p_value is None else f"{c.p_value:.3g}",
            f"{c.psi:.3f}",
            f"{c.novel:.2%}",
            f"{c.missing:.1%} ({c.missing_before:.1%})",
        )
        for c in columns
    ]
    head = ("", "column", "p", "PSI", "new values", "missing (training)")
    return html.table(head, rows) if rows else ""
