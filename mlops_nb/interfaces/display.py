"""What a cell shows: a card of the run, plain HTML that needs no script and survives export."""

from __future__ import annotations

import threading
from html import escape
from typing import TYPE_CHECKING, Any

from mlops_nb import encoding
from mlops_nb.interfaces import words
from mlops_nb.types import RunState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops_nb.types import Finding, Run, Setting, Snapshot, Stage, Status, Verdict

# Lab's own colours, with values for where there is no Lab.
_COLOURS = {
    "PENDING": "var(--jp-ui-font-color3, #8a8a8a)",
    "RUNNING": "var(--jp-info-color1, #1976d2)",
    "SUCCEEDED": "var(--jp-success-color1, #2e7d32)",
    "SKIPPED": "var(--jp-ui-font-color3, #8a8a8a)",
    "FAILED": "var(--jp-error-color1, #c62828)",
    "CANCELED": "var(--jp-warn-color1, #b26a00)",
    "LOST": "var(--jp-error-color1, #c62828)",
}
_SEVERITIES = {
    "error": _COLOURS["FAILED"],
    "warning": _COLOURS["CANCELED"],
    "info": _COLOURS["RUNNING"],
}
# How many metrics a card shows unfolded.
_TILES = 6
_CARD = (
    "border:1px solid var(--jp-border-color2,#d0d0d0);border-radius:6px;padding:10px 14px;"
    "max-width:860px;font-family:var(--jp-ui-font-family,sans-serif);font-size:13px;"
    "line-height:1.5;color:var(--jp-ui-font-color1,inherit)"
)
_DIM = "color:var(--jp-ui-font-color2,#707070)"
_CELL = "text-align:left;padding:1px 18px 1px 0;vertical-align:top;background:none"
_CODE = "font-family:var(--jp-code-font-family,monospace);font-size:12px"


class NotebookView:
    """Shows in the output of the running cell."""

    def text(self, text: str) -> None:
        """Print a text as it is."""
        print(text)

    def run(self, run: Run) -> None:
        """Show a run's card."""
        _display(run_html(run), run_text(run))

    def runs(self, runs: Sequence[Run]) -> None:
        """Show a table of runs."""
        if not runs:
            print("no runs yet; start one: %mlops train")
            return
        rows = [
            (
                r.id,
                f"{words.MARKS[r.state.value]} {r.state.value}",
                r.snapshot.notebook,
                r.created_at,
                words.seconds(r.seconds),
                words.main_metrics(r),
                words.model(r),
            )
            for r in runs
        ]
        head = ("run", "state", "notebook", "created", "time", "metrics", "model")
        _display(_frame(_table(head, rows)), "\n".join("  ".join(row) for row in rows))

    def follow(self, runs: Iterable[Run], *, wait: bool) -> Run | None:
        """Show a card that keeps up with the run; the cell returns at once unless it waits."""
        steps = iter(runs)
        first = next(steps)
        handle = _display(run_html(first), run_text(first), live=True)

        def keep_up() -> Run:
            last = first
            for last in steps:
                handle.update(_bundle(run_html(last), run_text(last)), raw=True)
            return last

        if wait:
            return keep_up()
        threading.Thread(target=keep_up, daemon=True, name=f"mlops-{first.id}").start()
        return None

    def status(self, status: Status) -> None:
        """Show pins, hyperparameters and findings."""
        parts = [f"<b>{escape(status.project)}</b>"]
        if status.snapshot is not None:
            parts += [_pins(status.snapshot), _parameters(status.snapshot)]
        parts += map(_finding, status.findings)
        text = [f"{f.severity}: {f.message}\n  hint: {f.hint}" for f in status.findings]
        _display(_frame("".join(parts)), "\n".join([status.project, *text]))

    def verdict(self, verdict: Verdict) -> None:
        """Show what was compared, and the verdict."""
        outcome = "PASS" if verdict.passed else "FAIL"
        colour = _COLOURS["SUCCEEDED" if verdict.passed else "FAILED"]
        rows = [(words.outcome(c), c.kind, c.name, c.recorded, c.again) for c in verdict.checks]
        head = (
            f'<div><b style="color:{colour}">{outcome}</b> {escape(verdict.reason or "")}</div>'
            f'<div style="{_DIM}">run {escape(verdict.run_id)}, repeated as '
            f"{escape(verdict.reproduction_id)}</div>"
        )
        table = _table(("", "what", "", "recorded", "again"), rows)
        text = "\n".join("  ".join(row) for row in rows)
        _display(_frame(head + table), f"{outcome} {verdict.reason or ''}\n{text}")

    def settings(self, settings: Sequence[Setting]) -> None:
        """Show a table of settings."""
        rows = [(s.name, encoding.plain(s.value), s.source, s.description) for s in settings]
        head = ("setting", "value", "source", "what it is")
        _display(_frame(_table(head, rows)), "\n".join("  ".join(row) for row in rows))


def run_html(run: Run) -> str:
    """Return a run as a card."""
    colour = _COLOURS[run.state.value]
    head = (
        f'<div><b style="color:{colour}">{words.MARKS[run.state.value]} {run.state.value}</b>'
        f" &nbsp;<b>{escape(run.snapshot.notebook)}</b>"
        f' &nbsp;<span style="{_DIM};{_CODE}">{escape(run.id)}</span></div>'
    )
    stages = "".join(map(_stage, run.stages))
    body = [
        head,
        f'<div style="margin:6px 0;display:flex;flex-wrap:wrap;gap:4px 18px">{stages}</div>',
        _progress(run),
        _error(run),
        _metrics(run),
        _links(run),
        _notes(run),
        _folded("what ran", _pins(run.snapshot) + _parameters(run.snapshot)),
    ]
    return _frame("".join(body))


def run_text(run: Run) -> str:
    """Return a run as a few lines of text."""
    stages = "  ".join(f"{words.MARKS[s.state.value]} {s.name}" for s in run.stages)
    lines = [f"run {run.id} {run.state.value}", stages]
    lines += [f"  {name} {value:.6g}" for name, value in words.metrics(run)]
    if run.model is not None:
        lines.append(f"model {words.model(run)}")
    if run.error is not None:
        lines.append(f"{run.error.type}: {run.error.message}\nhint: {run.error.hint}")
    return "\n".join(lines)


def _frame(body: str) -> str:
    return f'<div style="{_CARD}">{body}</div>'


def _stage(stage: Stage) -> str:
    state = stage.state.value
    title = f"{state}{f': {stage.note}' if stage.note else ''}"
    mark = f'<span style="color:{_COLOURS[state]}">{words.MARKS[state]}</span>'
    time = f'<span style="{_DIM}">{words.seconds(stage.seconds)}</span>'
    return f'<span title="{escape(title)}">{mark} {escape(stage.name)} {time}</span>'


def _progress(run: Run) -> str:
    progress = run.progress
    if progress is None or run.state is not RunState.RUNNING or not progress.total:
        return ""
    share = 100 * progress.done / progress.total
    return (
        f'<div role="progressbar" aria-valuemin="0" aria-valuemax="{progress.total}"'
        f' aria-valuenow="{progress.done}" style="height:4px;border-radius:2px;max-width:420px;'
        f'background:var(--jp-layout-color3,#e0e0e0)"><div style="height:4px;border-radius:2px;'
        f'width:{share:.0f}%;background:{_COLOURS["RUNNING"]}"></div></div>'
        f'<div style="{_DIM}">cell {progress.done} of {progress.total} done &nbsp;'
        f'<span style="{_CODE}">{escape(progress.source)}</span></div>'
    )


def _error(run: Run) -> str:
    error = run.error
    if error is None:
        return ""
    where = f" in stage {error.stage}" if error.stage else ""
    where += f", cell {error.cell}" if error.cell else ""
    log = f'<div style="{_DIM}">log: {escape(error.log)}</div>' if error.log else ""
    return (
        f'<div role="alert" style="margin:6px 0;padding-left:8px;border-left:3px solid '
        f'{_COLOURS["FAILED"]}"><b>{escape(error.type)}</b>{escape(where)}'
        f'<div style="{_CODE};white-space:pre-wrap">{escape(error.message)}</div>'
        f"<div>hint: {escape(error.hint)}</div>{log}</div>"
    )


def _metrics(run: Run) -> str:
    if not run.metrics:
        return ""
    metrics = words.metrics(run)
    shown, rest = metrics[:_TILES], metrics[_TILES:]
    tiles = "".join(
        f'<div><div style="{_DIM}">{escape(name)}</div>'
        f'<div style="font-size:16px">{value:.4g}</div></div>'
        for name, value in shown
    )
    html = f'<div style="margin:8px 0;display:flex;flex-wrap:wrap;gap:6px 22px">{tiles}</div>'
    if rest:
        table = _table((), [(name, f"{value:.6g}") for name, value in rest])
        html += _folded(f"{len(rest)} more metrics", table)
    return html


def _links(run: Run) -> str:
    parts = []
    if run.model is not None:
        parts.append(f"model <b>{escape(words.model(run))}</b>")
    if run.mlflow_run_id is not None:
        parts.append(f'MLflow run <span style="{_CODE}">{escape(run.mlflow_run_id)}</span>')
    if run.notebook is not None:
        parts.append(f'executed notebook <span style="{_CODE}">{escape(run.notebook)}</span>')
    return "".join(f"<div>{part}</div>" for part in parts)


def _notes(run: Run) -> str:
    """Say why stages had nothing to do, and what the preflight warned of."""
    skipped = "".join(
        f'<div style="{_DIM}">{escape(stage.name)} skipped: {escape(stage.note)}</div>'
        for stage in run.stages
        if stage.note
    )
    return skipped + "".join(_finding(f) for f in run.findings if f.severity != "info")


def _finding(finding: Finding) -> str:
    colour = _SEVERITIES[finding.severity]
    return (
        f'<div><b style="color:{colour}">{finding.severity}</b> {escape(finding.message)}'
        f'<div style="{_DIM}">hint: {escape(finding.hint)}</div></div>'
    )


def _pins(snapshot: Snapshot) -> str:
    code, environment = snapshot.code, snapshot.environment
    dirty = " + uncommitted changes" if code.dirty else ""
    rows = [("code", f"{code.sha[:12]} on {code.branch or 'no branch'}{dirty}")]
    for d in snapshot.datasets:
        changed = ", changed since it was tracked" if d.changed else ""
        rows.append((d.role, f"{d.path} {d.hash[:12]} {d.size_bytes:,} bytes{changed}"))
    detail = f"Python {environment.python}, {len(environment.lock)} packages, "
    rows.append(("environment", f"{detail}{environment.hash[:12]}"))
    return _table((), rows)


def _parameters(snapshot: Snapshot) -> str:
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
    return _table(head, rows) if rows else ""


def _folded(title: str, body: str) -> str:
    summary = f'<summary style="cursor:pointer;{_DIM}">{escape(title)}</summary>'
    return f"<details>{summary}{body}</details>"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    top = "".join(f'<th style="{_CELL};{_DIM};font-weight:normal">{escape(h)}</th>' for h in head)
    lines = "".join(
        "<tr>" + "".join(f'<td style="{_CELL}">{escape(v)}</td>' for v in row) + "</tr>"
        for row in rows
    )
    return f'<table style="margin:4px 0;font-size:12px"><tr>{top}</tr>{lines}</table>'


def _bundle(html: str, text: str) -> dict[str, str]:
    return {"text/html": html, "text/plain": text}


def _display(html: str, text: str, *, live: bool = False) -> Any:
    from IPython.display import display

    return display(_bundle(html, text), raw=True, display_id=True if live else None)
