"""The report of an evaluation: inline in a notebook, and as a page of its own, without a script."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.drawing import charts, figures, html, words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_nb.types import Duel, Evaluation, Plot, Report, Slice, TableReport


def page(report: Report) -> str:
    """Return a report as a page."""
    return html.page(f"Evaluation {report.run_id}", body(report))


def body(report: Report) -> str:
    """Return a report as a part of a card."""
    model = f"<div>{html.dim('model')} {html.code(report.evaluation.model)}</div>"
    tables = "".join(_table(table, report.significance) for table in report.tables)
    return model + gates(report.evaluation) + tables


def gates(evaluation: Evaluation) -> str:
    """Return how the model did at the gates, nothing where there are none."""
    if not evaluation.gates:
        return ""
    rows = [(_mark(o.passed), html.text(o.gate), html.text(o.reason)) for o in evaluation.gates]
    return html.raw_table((), rows)


def _mark(passed: bool) -> str:
    name = "SUCCEEDED" if passed else "FAILED"
    return f'<b style="color:{html.COLOURS[name]}">{words.gate(passed)}</b>'


def _table(table: TableReport, significance: float) -> str:
    names = [name.removeprefix(table.prefix) for name in table.metrics]
    figures_ = [f"{value:.6g}" for value in table.metrics.values()]
    parts = [
        f"<h2 style='font-size:14px;margin:14px 0 4px'>{html.text(table.path)}</h2>",
        html.dim(f"{table.rows:,} rows, {table.task}"),
        html.table(names, [figures_]) if names else "",
        html.row(list(filter(None, _pictures(table)))),
        _duels(table.duels, significance),
        _slices(table.slices),
        *map(html.finding, table.findings),
    ]
    return "".join(parts)


def _pictures(table: TableReport) -> Iterable[str]:
    yield _titled("confusion", figures.matrix("confusion", table.classes, table.confusion), ())
    yield _titled(
        "ROC",
        figures.lines("ROC", table.roc, across="false positives", up="true positives"),
        table.roc,
    )
    yield _titled(
        "calibration",
        figures.lines("calibration", table.calibration, across="predicted", up="observed"),
        table.calibration,
    )
    yield _titled(
        "predictions",
        figures.dots("predictions", table.residuals, across="truth", up="prediction"),
        (),
    )


def _titled(title: str, picture: str, plots: Sequence[Plot]) -> str:
    if not picture:
        return ""
    legend = "".join(
        f"<div>{charts.sample(i)} {html.dim(plot.label)}</div>" for i, plot in enumerate(plots)
    )
    return f"<div><b>{html.text(title)}</b>{picture}{legend}</div>"


def _duels(duels: Sequence[Duel], significance: float) -> str:
    if not duels:
        return ""
    sure = f"{1 - significance:.0%}"
    head = ("against", "metric", "this model", "the other", "gain", f"{sure} sure of", "p", "test")
    rows = [
        (
            f"{d.opponent} {d.model}",
            d.metric,
            f"{d.ours:.4g}",
            f"{d.theirs:.4g}",
            f"{d.gain:+.4g}",
            f"{d.low:+.4g} or more",
            f"{d.p_value:.3g}",
            _test(d),
        )
        for d in duels
    ]
    return html.table(head, rows)


def _test(duel: Duel) -> str:
    if duel.only_ours is None:
        return duel.test
    return (
        f"{duel.test}: {duel.only_ours} rows only this one has right, "
        f"{duel.only_theirs} rows only the other one"
    )


def _slices(slices: Sequence[Slice]) -> str:
    if not slices:
        return ""
    names = list(dict.fromkeys(name for part in slices for name in part.metrics))
    rows = [
        (
            f"{part.column} = {part.value}",
            f"{part.rows:,}",
            *(f"{part.metrics[n]:.4g}" if n in part.metrics else "" for n in names),
        )
        for part in slices
    ]
    return html.table(("part", "rows", *names), rows)
