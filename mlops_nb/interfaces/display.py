"""What a cell shows: plain HTML that needs no script and survives export, and text beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb import encoding
from mlops_nb.drawing import html, words
from mlops_nb.drawing import timetable as timetables
from mlops_nb.interfaces import card, comparison

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mlops_nb.types import (
        Comparison,
        Deployment,
        Moment,
        Pulse,
        RegisteredModel,
        Run,
        Schedule,
        Setting,
        Status,
        Summary,
        Timetable,
        Verdict,
    )


class NotebookView:
    """Shows in the output of the running cell."""

    def text(self, text: str) -> None:
        """Print a text as it is."""
        print(text)

    def run(self, moment: Moment) -> None:
        """Show a run's card."""
        _display(card.card(moment), card.text(moment))

    def runs(self, runs: Sequence[Summary]) -> None:
        """Show a table of runs."""
        if not runs:
            print("no such run; start one: %mlops train")
            return
        rows = [
            (
                r.id,
                f"{words.MARKS[r.state.value]} {r.state.value}",
                r.notebook,
                r.created_at,
                words.seconds(r.seconds),
                words.main_metrics(r),
                words.model(r),
            )
            for r in runs
        ]
        head = ("run", "state", "notebook", "created", "time", "metrics", "model")
        _display(html.frame(html.table(head, rows)), _lines(rows))

    def follow(
        self, moments: Iterator[Moment], *, wait: bool, cancel: Callable[[], Run]
    ) -> Run | None:
        """Show a card that keeps up with the run; the cell returns at once unless it waits."""
        from mlops_nb.interfaces.follower import Follower

        follower = Follower(moments, cancel)
        follower.start()
        return follower.wait() if wait else None

    def comparison(self, found: Comparison) -> None:
        """Show runs side by side."""
        _display(comparison.comparison_html(found), comparison.comparison_text(found))

    def status(self, status: Status) -> None:
        """Show pins, hyperparameters and findings."""
        parts = [f"<b>{html.text(status.project)}</b>"]
        if status.snapshot is not None:
            parts += [card.pins(status.snapshot), card.parameters(status.snapshot)]
        parts += map(html.finding, status.findings)
        text = [f"{f.severity}: {f.message}\n  hint: {f.hint}" for f in status.findings]
        _display(html.frame("".join(parts)), "\n".join([status.project, *text]))

    def deployments(self, deployments: Sequence[Deployment]) -> None:
        """Show a table of what is served."""
        if not deployments:
            print("nothing is deployed; deploy a run: %mlops deploy RUN")
            return
        rows = words.deployments(deployments)
        asking = words.asking(deployments)
        shown = html.table(words.DEPLOYMENT_HEAD, rows)
        shown += "".join(f"<div>{html.dim(line)}</div>" for line in asking)
        _display(html.frame(shown), "\n".join([_lines(rows), *asking]))

    def models(self, models: Sequence[RegisteredModel]) -> None:
        """Show a table of the versions of models."""
        if not models:
            print("no model is registered; train one: %mlops train")
            return
        rows = words.models(models)
        _display(html.frame(html.table(words.MODEL_HEAD, rows)), _lines(rows))

    def deployment(self, pulses: Iterator[Pulse], project: str | None) -> None:
        """Show a panel that keeps up with the deployment and has buttons."""
        from mlops_nb.interfaces.attendant import Attendant

        Attendant(pulses, project).start()

    def verdict(self, verdict: Verdict) -> None:
        """Show what was compared, and the verdict."""
        outcome = "PASS" if verdict.passed else "FAIL"
        colour = html.COLOURS["SUCCEEDED" if verdict.passed else "FAILED"]
        rows = [(words.outcome(c), c.kind, c.name, c.recorded, c.again) for c in verdict.checks]
        head = (
            f'<div><b style="color:{colour}">{outcome}</b> {html.text(verdict.reason or "")}</div>'
            f"<div>{html.dim(f'run {verdict.run_id}, repeated as {verdict.reproduction_id}')}</div>"
        )
        table = html.table(("", "what", "", "recorded", "again"), rows)
        _display(html.frame(head + table), f"{outcome} {verdict.reason or ''}\n{_lines(rows)}")

    def schedule(self, schedule: Schedule) -> None:
        """Show one schedule, its next firings and its history."""
        lines = timetables.schedule(schedule)
        rows = [timetables.firing(firing) for firing in schedule.history]
        shown = "".join(f"<div>{html.text(line)}</div>" for line in lines)
        if rows:
            shown += html.table(timetables.FIRING_HEAD, rows)
        _display(html.frame(shown), "\n".join([*lines, _lines(rows)]))

    def timetable(self, timetable: Timetable) -> None:
        """Show a table of schedules, and whether anybody fires them."""
        if not timetable.schedules:
            print("nothing is scheduled; schedule this notebook: %mlops schedule")
            return
        rows, fired = timetables.schedules(timetable), timetables.fired_by(timetable)
        shown = html.table(timetables.SCHEDULE_HEAD, rows) + f"<div>{html.dim(fired)}</div>"
        _display(html.frame(shown), "\n".join([_lines(rows), fired]))

    def settings(self, settings: Sequence[Setting]) -> None:
        """Show a table of settings."""
        rows = [(s.name, encoding.plain(s.value), s.source, s.description) for s in settings]
        head = ("setting", "value", "source", "what it is")
        _display(html.frame(html.table(head, rows)), _lines(rows))


def _lines(rows: Sequence[Sequence[str]]) -> str:
    return "\n".join("  ".join(row) for row in rows)


def _display(body: str, text: str) -> None:
    from IPython.display import display

    display({"text/html": body, "text/plain": words.inert(text)}, raw=True)
