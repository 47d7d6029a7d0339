"""What a terminal shows. A file or a pipe gets the same as plain lines."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from mlops_nb import encoding
from mlops_nb.drawing import sparklines, words
from mlops_nb.drawing import timetable as timetables
from mlops_nb.interfaces.study import study_lines
from mlops_nb.types import RunState, StageState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from mlops_nb.types import (
        Comparison,
        Deployment,
        Failure,
        Finding,
        Hyperparameter,
        Moment,
        Monitoring,
        Outcome,
        Pulse,
        RegisteredModel,
        Run,
        Schedule,
        Setting,
        Snapshot,
        Stage,
        Status,
        Summary,
        Timetable,
        Verdict,
    )

_STYLES = {
    "PENDING": "dim",
    "RUNNING": "cyan",
    "SUCCEEDED": "green",
    "SKIPPED": "dim",
    "FAILED": "red",
    "CANCELED": "yellow",
    "LOST": "red",
}
_OUTCOMES = {"PASS": "green", "FAIL": "bold red", "DIFFERS": "yellow"}
_SEVERITIES = {"error": "red", "warning": "yellow", "info": "cyan"}


class TerminalView:
    """Shows on standard output; colours and movement only where it is a terminal."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False, soft_wrap=True)

    def text(self, text: str) -> None:
        """Print a text as it is."""
        self.console.print(Text(words.inert(text)))

    def run(self, moment: Moment) -> None:
        """Print a run."""
        self.console.print(_run(moment))

    def runs(self, runs: Sequence[Summary]) -> None:
        """Print a table of runs."""
        if not runs:
            self.text("no such run; start one: jupyter mlops train NOTEBOOK")
            return
        # A line each; when it was begun is what the id begins with.
        table = Table(box=None, pad_edge=False, header_style="dim")
        for column in ("run", "state", "time", "notebook", "metrics", "model"):
            table.add_column(column, no_wrap=column in ("run", "state", "time"))
        for run in runs:
            table.add_row(
                run.id,
                _marked(run.state.value),
                words.seconds(run.seconds),
                *map(_cut, (run.notebook, words.main_metrics(run), words.model(run))),
            )
        self.console.print(table)

    def follow(
        self, moments: Iterator[Moment], *, wait: bool, cancel: Callable[[], Run]
    ) -> Run | None:
        """Show the run's stages, cells and curves as they go on; Ctrl-C leaves it alone."""
        if not wait:
            run = next(moments).run
            self.text(f"run {run.id} started\nfollow it: jupyter mlops watch {run.id}")
            return None
        last = self._live(moments) if self.console.is_terminal else self._lines(moments)
        self.console.print(_curves(last), end="")
        self.console.print(_study(last.run), end="")
        self.console.print(_result(last.run))
        return last.run

    def comparison(self, comparison: Comparison) -> None:
        """Print what differs between runs."""
        table = _table("", "", *comparison.runs)
        for column in table.columns[2:4]:
            # More of them than two have no room for whole ids on most screens.
            column.min_width = len(str(column.header))
        for row in comparison.rows:
            if row.differs:
                cells = (words.compared(row, value) or "-" for value in row.values)
                table.add_row(row.kind, _plain(row.name), *map(_plain, cells))
        self.console.print(table)
        equal = sum(not row.differs for row in comparison.rows)
        self.console.print(Text(f"{equal} more are equal; all of them: --json", style="dim"))

    def status(self, status: Status) -> None:
        """Print pins and findings."""
        parts: list[RenderableType] = [Text(f"project {status.project}", style="bold")]
        if status.snapshot is not None:
            parts.append(_pins(status.snapshot))
            parts.append(_parameters(status.snapshot.hyperparameters))
        parts += [_finding(finding) for finding in status.findings]
        self.console.print(Group(*parts))

    def models(self, models: Sequence[RegisteredModel]) -> None:
        """Print a table of the versions of models."""
        if not models:
            self.text("no model is registered; train one: jupyter mlops train NOTEBOOK")
            return
        table = _table(*words.MODEL_HEAD)
        for row in words.models(models):
            table.add_row(*map(_plain, row))
        self.console.print(table)

    def verdict(self, verdict: Verdict) -> None:
        """Print what was compared, and the verdict."""
        table = _table("", "what", "", "recorded", "again")
        for check in verdict.checks:
            how = words.outcome(check)
            mark = Text(how, _OUTCOMES[how])
            cells = (check.kind, check.name, check.recorded, check.again)
            table.add_row(mark, *map(_plain, cells))
        self.console.print(table)
        outcome = ("PASS", "bold green") if verdict.passed else ("FAIL", "bold red")
        self.console.print(Text.assemble(outcome, f" {words.inert(verdict.reason or '')}".rstrip()))
        self.console.print(Text(f"run {verdict.run_id}, repeated as {verdict.reproduction_id}"))

    def deployments(self, deployments: Sequence[Deployment]) -> None:
        """Print a table of what is served, and how to ask it."""
        if not deployments:
            self.text("nothing is deployed; deploy a run: jupyter mlops deploy RUN")
            return
        table = _table(*words.DEPLOYMENT_HEAD)
        for row in words.deployments(deployments):
            table.add_row(*map(_plain, row))
        self.console.print(table)
        for line in words.asking(deployments):
            self.console.print(_plain(line))

    def deployment(self, pulses: Iterator[Pulse], project: str | None) -> None:
        """Print a deployment's revisions, what they have counted, and how to ask it."""
        pulse = next(pulses)
        deployment = pulse.deployment
        self.console.print(_plain(f"{deployment.name}  {deployment.state.value}"))
        table = _table(*words.REVISION_HEAD)
        for revision in deployment.revisions:
            table.add_row(*map(_plain, words.revision(revision, pulse.load(revision.number))))
        self.console.print(table)
        for line in words.asking((deployment,)):
            self.console.print(_plain(line))

    def settings(self, settings: Sequence[Setting]) -> None:
        """Print a table of settings."""
        table = _table("setting", "value", "source", "what it is")
        for setting in settings:
            value = encoding.plain(setting.value)
            table.add_row(setting.name, _plain(value), _plain(setting.source), setting.description)
        self.console.print(table)

    def schedule(self, schedule: Schedule) -> None:
        """Print one schedule, its next firings and its history."""
        for line in timetables.schedule(schedule):
            self.console.print(_plain(line))
        if schedule.history:
            table = _table(*timetables.FIRING_HEAD)
            for firing in schedule.history:
                table.add_row(*map(_plain, timetables.firing(firing)))
            self.console.print(table)

    def timetable(self, timetable: Timetable) -> None:
        """Print a table of schedules, and whether anybody fires them."""
        if not timetable.schedules:
            self.text("nothing is scheduled; schedule a notebook: jupyter mlops schedule NOTEBOOK")
            return
        table = _table(*timetables.SCHEDULE_HEAD)
        for row in timetables.schedules(timetable):
            table.add_row(*map(_plain, row))
        self.console.print(table)
        self.console.print(_plain(timetables.fired_by(timetable)))

    def _live(self, moments: Iterable[Moment]) -> Moment:
        last: Moment | None = None
        with Live(console=self.console, refresh_per_second=4, transient=True) as live:
            for moment in moments:
                if moment is not last:
                    live.update(_Ticking(moment))
                last = moment
        assert last is not None  # noqa: S101  (follow yields at least once)
        self.console.print(_stages(last.run))
        return last

    def _lines(self, moments: Iterable[Moment]) -> Moment:
        seen: dict[str, StageState] = {}
        last: Moment | None = None
        waited = ""
        for last in moments:
            if words.waiting(last.run) != waited:
                waited = words.waiting(last.run)
                if waited:
                    self.console.print(_plain(f"  {waited}"))
            for stage in last.run.stages:
                if stage.state is not seen.get(stage.name, StageState.PENDING):
                    seen[stage.name] = stage.state
                    self.console.print(_stage_line(stage))
        assert last is not None  # noqa: S101
        return last


class _Ticking:
    """A run whose running cell counts its seconds between two moments."""

    def __init__(self, moment: Moment) -> None:
        self.moment, self.since = moment, time.monotonic()

    def __rich__(self) -> RenderableType:
        run = self.moment.run
        progress = run.progress
        parts: list[RenderableType] = [_stages(run)]
        if words.waiting(run):
            parts.append(Text(f"    {words.inert(words.waiting(run))}", style="dim"))
        elif progress is not None and run.state is RunState.RUNNING:
            waited = time.monotonic() - self.since
            text = f"    cell {progress.done} of {progress.total} done"
            parts.append(
                Text(f"{text}  {words.inert(progress.source)}  {waited:.0f} s", style="dim")
            )
        parts += [_curves(self.moment), _study(run)]
        if run.metrics:
            parts.append(Text(f"    {words.inert(words.main_metrics(run))}", style="dim"))
        return Group(*parts)


def _run(moment: Moment) -> RenderableType:
    run = moment.run
    parts: list[RenderableType] = [
        Text.assemble("run ", (run.id, "bold"), "  ", _marked(run.state.value)),
        _pins(run.snapshot),
        _parameters(run.snapshot.hyperparameters),
        _stages(run),
        _curves(moment),
        _study(run),
        _result(run),
    ]
    return Group(*parts)


def _curves(moment: Moment) -> RenderableType:
    return Group(*map(_plain, sparklines.lines(moment.curves, moment.run.metrics)))


def _study(run: Run) -> RenderableType:
    lines = study_lines(run.study, run.id) if run.study is not None else []
    return Group(*map(_plain, lines))


def _stages(run: Run) -> RenderableType:
    return Group(*(_stage_line(stage) for stage in run.stages))


def _stage_line(stage: Stage) -> Text:
    state = stage.state.value
    line = Text.assemble((f"  {words.MARKS[state]}", _STYLES[state]), f" {stage.name:<15}")
    line.append(f" {words.stage_time(stage):>8}", style="dim")
    if stage.peak_memory_bytes is not None and not stage.note:
        line.append(f" {words.memory(stage.peak_memory_bytes):>10}", style="dim")
    if stage.note:
        line.append(f"  skipped: {words.inert(stage.note)}", style="dim")
    return line


def _result(run: Run) -> RenderableType:
    parts: list[RenderableType] = []
    if run.metrics:
        table = Table.grid(padding=(0, 2))
        for name, value in words.metrics(run):
            table.add_row(_plain(name), f"{value:.6g}")
        parts += [Text("metrics", style="bold"), Padding(table, (0, 0, 0, 2))]
    if run.lineage is not None:
        told = words.inert(words.lineage(run.lineage))
        parts.append(Text.assemble(("learnt on from ", "bold"), told))
        parts.append(Text.assemble(("chain ", "bold"), words.inert(words.chain(run))))
    if run.evaluation is not None:
        parts += [_gate(outcome) for outcome in run.evaluation.gates]
        told = words.inert(words.evaluated(run.evaluation))
        parts.append(Text.assemble(("evaluated ", "bold"), told))
    if run.model is not None:
        parts.append(Text.assemble(("model ", "bold"), words.inert(words.model_of(run))))
    if run.monitoring is not None:
        parts.append(_watched(run.monitoring))
    if run.url is not None:
        parts.append(Text.assemble(("answers at ", "bold"), words.inert(words.served(run))))
    if run.mlflow_run_id is not None:
        parts.append(Text.assemble(("mlflow ", "bold"), f"run {words.inert(run.mlflow_run_id)}"))
    if run.kfp_run_id is not None:
        page = words.inert(run.kfp_url or run.kfp_run_id)
        parts.append(Text.assemble(("kubeflow ", "bold"), f"run {page}"))
    if run.trouble is not None and not run.state.terminal:
        parts.append(Text(words.inert(words.waiting(run)), style="yellow"))
    if run.notebook is not None:
        parts.append(Text.assemble(("notebook ", "bold"), words.inert(run.notebook)))
    parts += [_finding(finding) for finding in run.findings if finding.severity != "info"]
    if run.error is not None:
        parts.append(_error(run.error))
    parts.append(Text.assemble(("run ", "bold"), run.id, " ", _marked(run.state.value)))
    if run.state is RunState.SUCCEEDED and run.tracking_uri is not None:
        parts.append(Text("look next", style="bold"))
        parts.append(Text(f"  jupyter mlops show {run.id}"))
        uri = words.inert(run.tracking_uri)
        served = uri.startswith(("http://", "https://"))
        parts.append(Text(f"  {uri}" if served else f"  mlflow ui --backend-store-uri {uri}"))
    return Group(*parts)


def _gate(outcome: Outcome) -> Text:
    style = _STYLES["SUCCEEDED" if outcome.passed else "FAILED"]
    said = f" {words.inert(outcome.gate)}: {words.inert(outcome.reason)}"
    return Text.assemble("gate ", (words.gate(outcome.passed), style), said)


def _watched(found: Monitoring) -> Text:
    style = "bold red" if found.alarm else "bold"
    text = Text.assemble(("window ", "bold"), (words.inert(words.watched(found)), style))
    if found.started is not None:
        text.append(f"\nstarted run {words.inert(found.started)}")
    if found.report is not None:
        text.append(f"\nreport {words.inert(found.report)}")
    return text


def _error(error: Failure) -> Text:
    where = f" in stage {words.inert(error.stage)}" if error.stage else ""
    text = Text.assemble(("error", "bold red"), f"{where}: {words.inert(error.type)}\n")
    text.append(f"  {words.inert(error.message)}\n")
    text.append(f"  hint: {words.inert(error.hint)}")
    if error.log:
        text.append(f"\n  log: {words.inert(error.log)}", style="dim")
    return text


def _pins(snapshot: Snapshot) -> RenderableType:
    code, environment = snapshot.code, snapshot.environment
    dirty = ", with uncommitted changes" if code.dirty else ""
    table = Table.grid(padding=(0, 2))
    table.add_row("  notebook", _plain(snapshot.notebook))
    table.add_row("  code", _plain(f"{code.sha[:12]} on {code.branch or 'no branch'}{dirty}"))
    for dataset in snapshot.datasets:
        changed = ", changed since it was tracked" if dataset.changed else ""
        detail = f"{dataset.path}  {dataset.hash[:12]}  {dataset.size_bytes:,} bytes{changed}"
        table.add_row(f"  {dataset.role}", _plain(detail))
    packages = len(environment.lock)
    detail = f"Python {environment.python}, {packages} packages, {environment.hash[:12]}"
    table.add_row("  environment", _plain(detail))
    return table


def _parameters(parameters: Sequence[Hyperparameter]) -> RenderableType:
    if not parameters:
        return Text("  no hyperparameters", style="dim")
    table = _table("parameter", "type", "in the cell", "value", "from")
    for p in parameters:
        default = p.expression if p.expression is not None else encoding.plain(p.default)
        value = p.expression if p.source == "expression" else encoding.plain(p.value)
        style = "" if p.source in ("cell", "expression") else "bold"
        table.add_row(
            p.name, p.type, _plain(default or ""), Text(words.inert(value or ""), style), p.source
        )
    return Padding(table, (0, 0, 0, 2))


def _finding(finding: Finding) -> Text:
    style = _SEVERITIES[finding.severity]
    return Text.assemble(
        (finding.severity, style),
        f": {words.inert(finding.message)}\n  hint: {words.inert(finding.hint)}",
    )


# What is typed next is copied from the first two, and the others say more in one line.
_WHOLE = ("run", "deployment", "state", "created")


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(_plain(column), overflow="fold", no_wrap=column in _WHOLE)
    return table


def _marked(state: str) -> Text:
    return Text(f"{words.MARKS[state]} {state}", style=_STYLES[state])


def _plain(text: str) -> Text:
    return Text(words.inert(text))


def _cut(text: str) -> Text:
    """Return a text that is cut off where its column ends."""
    return Text(words.inert(text), no_wrap=True, overflow="ellipsis")
