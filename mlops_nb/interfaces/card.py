"""The card of a run: what it is doing, what it has found, what it was made of, what to do next."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.drawing import charts, html, monitoring, report, sparklines, words
from mlops_nb.interfaces.study import study_html, study_lines
from mlops_nb.types import RunState, StageState

if TYPE_CHECKING:
    from mlops_nb.types import Dataset, Moment, Run, Snapshot, Stage

# How many metrics a card shows unfolded, as curves and as figures.
CHARTS = 6
FIGURES = 6
_RESUMABLE = (RunState.FAILED, RunState.CANCELED, RunState.LOST)


def card(moment: Moment, *, buttons: bool = False) -> str:
    """Return a run as a card.

    Its parts are always the same elements in the same order, some of them empty, so that a live
    view can replace those that have changed.

    Args:
        moment: The run.
        buttons: Whether there are buttons for what can be done; else the commands are named.
    """
    run = moment.run
    parts = [
        _head(run),
        _stages(run),
        _progress(run),
        _error(run),
        study_html(run.study, run.id),
        _curves(moment),
        _figures(moment),
        _evaluation(moment),
        monitoring.body(moment.window) if moment.window else "",
        _notes(run),
        _facts(run),
        html.folded(
            "parameters and packages in full", parameters(run.snapshot) + _lock(run.snapshot)
        ),
        html.folded(
            f"last lines of the log of {moment.stage}", _log(moment), unfolded=run.error is not None
        ),
        "" if buttons else _next(run),
    ]
    return html.frame("".join(f"<div>{part}</div>" for part in parts))


def found(moment: Moment) -> str:
    """Return the part of a card that a training alone has not: trials, an evaluation, a window."""
    run = moment.run
    parts = [
        study_html(run.study, run.id),
        report.body(moment.report) if moment.report else "",
        monitoring.body(moment.window) if moment.window else "",
    ]
    return "".join(f"<div>{part}</div>" for part in parts if part)


def text(moment: Moment) -> str:
    """Return a run as a few lines of text."""
    run = moment.run
    stages = "  ".join(f"{words.MARKS[s.state.value]} {s.name}" for s in run.stages)
    lines = [f"run {run.id} {run.state.value}", stages]
    lines += sparklines.lines(moment.curves, run.metrics)
    lines += study_lines(run.study, run.id) if run.study is not None else ()
    lines += [f"  {name} {value:.6g}" for name, value in words.metrics(run)]
    lines += words.gates(run)
    if run.model is not None:
        lines.append(f"model {words.model_of(run)}")
    if run.url is not None:
        lines.append(f"answers at {words.served(run)}")
    if run.monitoring is not None:
        lines.append(f"window {words.watched(run.monitoring)}")
    if run.error is not None:
        lines.append(f"{run.error.type}: {run.error.message}\nhint: {run.error.hint}")
    return words.inert("\n".join(lines))


def commands(run: Run) -> list[tuple[str, str]]:
    """Return what can be done with a run in its state: the words to type, and what they do."""
    if run.state is RunState.PENDING and run.ahead is None:
        return []
    if not run.state.terminal:
        return [(f"%mlops cancel {run.id}", "end it and all of its processes")]
    found = []
    if run.state in _RESUMABLE:
        found.append((f"%mlops resume {run.id}", "go on from the stage that failed"))
        found.append((f"%mlops logs {run.id}", "read the logs"))
    else:
        repeated = f"{run.id}/{run.study.best.number}" if run.study and run.study.best else run.id
        found.append((f"%mlops reproduce {repeated}", "repeat it from its record, and compare"))
    return [*found, (f"%mlops compare {run.id} ID", "put it beside another run")]


def controls(run: Run) -> list[dict[str, str]]:
    """Return the buttons that fit a run's state."""
    if run.state.terminal:
        return []
    return [
        {
            "verb": "cancel",
            "label": "Cancel run",
            "question": "End the run and all of its processes?",
            "yes": "Yes, cancel it",
            "typed": f"jupyter mlops cancel {run.id}",
        }
    ]


def _head(run: Run) -> str:
    taken = words.seconds(run.seconds)
    return (
        f'<span role="status">{html.state(run.state.value)}</span>'
        f" &nbsp;<b>{html.text(run.snapshot.notebook)}</b> &nbsp;"
        f'<span style="{html.DIM}">{html.code(run.id)} {html.text(taken)}</span>'
    )


def _stages(run: Run) -> str:
    arrow = f'<span aria-hidden="true" style="{html.DIM};padding:0 5px"> \u2192 </span>'
    return (
        '<div role="list" aria-label="stages" style="display:flex;flex-wrap:wrap;'
        f'align-items:center;row-gap:5px;margin:8px 0">{arrow.join(map(_stage, run.stages))}</div>'
    )


def _stage(stage: Stage) -> str:
    state = stage.state.value
    colour = html.COLOURS[state]
    waits = stage.state in (StageState.PENDING, StageState.SKIPPED)
    line = "dashed" if waits else "solid"
    weight = "font-weight:600;" if stage.state is StageState.RUNNING else ""
    held = words.memory(stage.peak_memory_bytes)
    note = f": {stage.note}" if stage.note else f", held {held} at the most" if held else ""
    return (
        f'<span role="listitem" title="{html.text(state + note)}" style="{weight}'
        f'border:1px {line} {colour};border-radius:12px;padding:0 9px;white-space:nowrap">'
        f'<span style="color:{colour}">{words.MARKS[state]}</span> {html.text(stage.name)}'
        f"{_time(stage)}</span>"
    )


def _time(stage: Stage) -> str:
    """Return the time of a stage; a live card's script counts on from `data-since`."""
    taken = words.stage_time(stage)
    if not taken:
        return ""
    runs = stage.state is StageState.RUNNING
    since = f' data-since="{stage.started_at:.1f}"' if runs else ""
    return f' <span{since} style="{html.DIM};font-variant-numeric:tabular-nums">{taken}</span>'


def _progress(run: Run) -> str:
    progress = run.progress
    if run.trouble is not None:
        return f'<div role="alert">{html.warned(words.waiting(run))}</div>'
    if progress is None or run.state.terminal or not progress.total:
        return html.dim(words.waiting(run))
    share = 100 * progress.done / progress.total
    source = f" &nbsp;{html.code(progress.source)}" if progress.source else ""
    return (
        f'<div role="progressbar" aria-label="cells" aria-valuemin="0" '
        f'aria-valuemax="{progress.total}" aria-valuenow="{progress.done}" style="height:4px;'
        f"border-radius:2px;max-width:480px;background:var(--jp-layout-color3,#e0e0e0);"
        f'margin-top:2px"><div style="height:4px;border-radius:2px;width:{share:.0f}%;'
        f'background:{html.COLOURS["RUNNING"]}"></div></div>'
        f'<div style="{html.DIM};white-space:nowrap;overflow:hidden;text-overflow:ellipsis">'
        f"cell {progress.done} of {progress.total} done{source}</div>"
    )


def _error(run: Run) -> str:
    error = run.error
    if error is None:
        return ""
    where = f" in stage {error.stage}" if error.stage else ""
    where += f", cell {error.cell}" if error.cell else ""
    log = f'<div style="{html.DIM}">log: {html.code(error.log)}</div>' if error.log else ""
    return (
        f'<div role="alert" style="margin:8px 0;padding:2px 10px;border-left:3px solid '
        f'{html.COLOURS["FAILED"]}"><b>{html.text(error.type)}</b>{html.text(where)}'
        f'<div style="{html.CODE};white-space:pre-wrap;overflow-wrap:anywhere">'
        f"{html.text(error.message)}</div><div>hint: {html.text(error.hint)}</div>{log}</div>"
    )


def _curves(moment: Moment) -> str:
    drawn = [curve for curve in words.ranked(moment.curves) if curve.count > 1]
    figures = [_figure(charts.Line(curve)) for curve in drawn]
    rest = html.folded(f"{len(drawn) - CHARTS} more curves", html.row(figures[CHARTS:]))
    return html.row(figures[:CHARTS]) + (rest if len(drawn) > CHARTS else "")


def _figure(line: charts.Line) -> str:
    curve = line.curve
    last = curve.points[-1][1]
    return (
        f'<div style="max-width:270px"><div><b>{html.text(curve.name, 60)}</b> &nbsp;'
        f"{last:.4g}</div>{charts.chart(curve.name, [line])}"
        f'<div style="{html.DIM};font-size:11px">{html.text(charts.summary(curve))}</div></div>'
    )


def _figures(moment: Moment) -> str:
    """Return the metrics that have one value."""
    curves = {curve.name for curve in moment.curves if curve.count > 1}
    metrics = [(n, v) for n, v in words.metrics(moment.run) if n not in curves]
    tiles = [
        f'<div><div style="{html.DIM}">{html.text(name, 60)}</div>'
        f'<div style="font-size:17px;font-variant-numeric:tabular-nums">{value:.4g}</div></div>'
        for name, value in metrics[:FIGURES]
    ]
    rest = [(name, f"{value:.6g}") for name, value in metrics[FIGURES:]]
    more = html.folded(f"{len(rest)} more metrics", html.table((), rest) if rest else "")
    return html.row(tiles) + more


def _evaluation(moment: Moment) -> str:
    """Say which gates the model has passed, and which not; then all that was found of it."""
    found = moment.run.evaluation
    said = report.gates(found) if found is not None else ""
    return said + html.folded("evaluation", report.body(moment.report) if moment.report else "")


def _notes(run: Run) -> str:
    """Say why stages had nothing to do, and what the preflight warned of."""
    skipped = "".join(
        f"<div>{html.dim(f'{stage.name} skipped: {stage.note}')}</div>"
        for stage in run.stages
        if stage.note
    )
    return skipped + "".join(html.finding(f) for f in run.findings if f.severity != "info")


def _facts(run: Run) -> str:
    """Return what came out, where it is, and what it is made of."""
    rows = []
    if run.model is not None:
        rows.append(("model", f"<b>{html.text(words.model_of(run))}</b>"))
    if run.url is not None:
        rows.append(("answers at", f"<b>{html.text(words.served(run))}</b>"))
    if run.lineage is not None:
        rows.append(("learnt on from", html.text(words.lineage(run.lineage))))
        rows.append(("chain", html.code(words.chain(run))))
    rows += _pins(run.snapshot)
    if run.notebook is not None:
        rows.append(("executed notebook", html.code(run.notebook)))
    if run.monitoring is not None:
        rows.append(("window", html.text(words.watched(run.monitoring))))
        rows += [("report", html.code(run.monitoring.report))] if run.monitoring.report else []
        rows += [("started", html.code(run.monitoring.started))] if run.monitoring.started else []
    if run.evaluation is not None:
        rows.append(("evaluated", html.code(words.evaluated(run.evaluation))))
    if run.mlflow_run_id is not None:
        rows.append(("MLflow run", _mlflow(run)))
    if run.kfp_run_id is not None:
        rows.append(("Kubeflow run", html.code(run.kfp_run_id) + _at(run.kfp_url)))
    return _named(rows)


def _named(rows: list[tuple[str, str]]) -> str:
    return html.raw_table((), [(html.dim(name), cell) for name, cell in rows])


def _mlflow(run: Run) -> str:
    """Link to a server; the store in a file has none, and is opened by a command."""
    uri, name = run.tracking_uri or "", html.code(run.mlflow_run_id or "")
    if uri.startswith(("http://", "https://")):
        return name + _at(uri)
    command = f"mlflow ui --backend-store-uri {shlex.quote(uri)}"
    return f"{name}<br>{html.code(command)}" if uri else name


def _at(url: str | None) -> str:
    if url is None or not url.startswith(("http://", "https://")):
        return ""
    return f' on <a href="{html.text(url, 2_000)}" rel="noopener" target="_blank">the server</a>'


def pins(snapshot: Snapshot) -> str:
    """Return what a run is made of."""
    return _named(_pins(snapshot))


def _pins(snapshot: Snapshot) -> list[tuple[str, str]]:
    code, environment = snapshot.code, snapshot.environment
    values = ", ".join(f"{n} = {words.value(v)}" for n, v in snapshot.parameters.items())
    commit = html.text(f"{code.sha[:12]} on {code.branch or 'no branch'}", 400)
    packages = f"Python {environment.python}, {len(environment.lock)} packages"
    return [
        ("parameters", html.text(values or "none", 400)),
        ("code", f"{commit} {html.warned('with uncommitted changes') if code.dirty else ''}"),
        *((f"{data.role} data", _dataset(data)) for data in snapshot.datasets),
        ("environment", html.text(f"{packages} \u00b7 {environment.hash[:12]}")),
    ]


def _dataset(data: Dataset) -> str:
    detail = f"{data.path} \u00b7 {data.hash[:12]} \u00b7 {data.size_bytes:,} bytes"
    changed = html.warned("changed since it was tracked") if data.changed else ""
    return f"{html.text(detail, 400)} {changed}"


def parameters(snapshot: Snapshot) -> str:
    """Return the hyperparameters, with who had the last word over each."""
    rows = [
        (
            p.name,
            p.type,
            p.expression if p.expression is not None else encoding.plain(p.default),
            p.expression or "" if p.source == "expression" else encoding.plain(p.value),
            p.source,
        )
        for p in snapshot.hyperparameters
    ]
    head = ("parameter", "type", "in the cell", "value", "from")
    return html.table(head, rows) if rows else ""


def _lock(snapshot: Snapshot) -> str:
    lock = ", ".join(snapshot.environment.lock)
    return f'<div style="{html.CODE};{html.DIM}">{html.text(lock, 20_000)}</div>'


def _log(moment: Moment) -> str:
    if not moment.log.strip():
        return ""
    style = f"{html.CODE};margin:4px 0;white-space:pre-wrap;overflow-wrap:anywhere;line-height:1.4"
    return f'<pre style="{style}">{html.text(moment.log, 6_000)}</pre>'


def _next(run: Run) -> str:
    rows = [(html.code(typed), html.dim(does)) for typed, does in commands(run)]
    return html.raw_table((), rows) if rows else ""
