"""The words and marks that a terminal and a cell have in common."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlops_nb import encoding
from mlops_nb.types import RunState, StageState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlops_nb.types import (
        Check,
        Curve,
        Deployment,
        Evaluation,
        Image,
        Lineage,
        Load,
        Monitoring,
        Published,
        RegisteredModel,
        Revision,
        Row,
        Run,
        Stage,
        Summary,
    )

# State is never told by colour alone.
MARKS = {
    "PENDING": "○",
    "RUNNING": "◐",
    "SUCCEEDED": "✓",
    "SKIPPED": "\u2013",
    "FAILED": "✗",
    "CANCELED": "■",
    "PRUNED": "✂",
    "LOST": "?",
    "STARTING": "◐",
    "UPDATING": "◐",
    "READY": "✓",
    "DEGRADED": "■",
    "STOPPED": "○",
}


VERDICTS = {
    "STABLE": "no drift",
    "DRIFT": "drift",
    "INSUFFICIENT": "too few rows to tell",
    "UNKNOWN": "no reference to compare with",
}


def outcome(check: Check) -> str:
    """Name how a comparison came out."""
    return "PASS" if check.passed else "FAIL" if check.decides else "DIFFERS"


def gate(passed: bool) -> str:
    """Name how a model did at a gate."""
    return f"{MARKS['SUCCEEDED']} passed" if passed else f"{MARKS['FAILED']} failed"


def gates(run: Run) -> list[str]:
    """Return how a run's model did at the gates, a line each."""
    passed = run.evaluation.gates if run.evaluation is not None else ()
    return [f"gate {outcome.gate} {gate(outcome.passed)}: {outcome.reason}" for outcome in passed]


def watched(found: Monitoring) -> str:
    """Return what a window of requests came to, in one line."""
    verdict = VERDICTS[found.verdict.value]
    named = f": {', '.join(found.drifted[:5])}" if found.drifted else ""
    more = f" and {len(found.drifted) - 5} more" if len(found.drifted) > 5 else ""
    return (
        f"{found.deployment} revision {found.revision}, {found.rows:,} rows: {verdict}{named}{more}"
    )


def lineage(found: Lineage) -> str:
    """Say what an update went out from, and what of the data was new."""
    model = found.parent
    named = f"{model.name} version {model.version}" if model.version else model.uri
    news = (
        f"{found.files:,} new files" if found.files is not None else f"{found.rows or 0:,} new rows"
    )
    how = f"learnt anew: {found.retrained}" if found.retrained else f"replay {found.replay:g}"
    return f"{named}, data {found.since[:12]} \u2192 {found.until[:12]}, {news}, {how}"


def chain(run: Run) -> str:
    """Return the runs that led to a run and the run itself, oldest first."""
    before = run.lineage.chain if run.lineage is not None else ()
    return " \u2192 ".join((*before, run.id))


def evaluated(found: Evaluation) -> str:
    """Return the model of an evaluation, and where its report is."""
    where = found.report or "mlops/report.html in MLflow"
    return f"{found.model}, report: {where}"


def inert(text: str) -> str:
    """Return a text that steers nothing: control and direction characters are made visible.

    A log holds whatever a notebook printed. It must not move a cursor or set a title, and no name
    may read in another order than it is written.
    """
    return "".join(c if c.isprintable() or c in "\n\t" else _code(c) for c in text)


def short(text: str, length: int = 18) -> str:
    """Return a text that has room in a picture."""
    return text if len(text) <= length else text[: length - 1] + "\u2026"


def value(found: Any) -> str:
    """Return a value for people, nothing for one that is missing."""
    if found is None:
        return ""
    if isinstance(found, float):
        return f"{found:.6g}"
    return found if isinstance(found, str) else encoding.plain(found)


def compared(row: Row, found: Any) -> str:
    """Return a value of a comparison; hashes are shortened."""
    text = value(found)
    hashed = (row.kind, row.name) in (("code", "sha"), ("environment", "hash"))
    return text[:12] if hashed or row.kind == "data" else text


def published(done: Sequence[Published]) -> str:
    """Return what became of pipelines that were to be uploaded, a line each."""
    return "\n".join(
        f"{one.pipeline} {one.version}: {'uploaded' if one.uploaded else 'the server has it'}"
        for one in done
    )


MODEL_HEAD = ("model", "version", "aliases", "run", "created")


def models(found: Sequence[RegisteredModel]) -> list[tuple[str, ...]]:
    """Return a row for every version of every model."""
    return [
        (model.name, v.version, ", ".join(v.aliases), v.run_id or v.uri, v.created_at)
        for model in found
        for v in model.versions
    ]


def waiting(run: Run) -> str:
    """Say what a run waits for that is in no stage yet, nothing where it waits for nothing."""
    if run.state is RunState.PENDING and run.ahead is not None:
        return f"waiting in the queue, {run.ahead} before it" if run.ahead else "next in the queue"
    if run.trouble is not None:
        return f"not seen any more, though it may go on: {run.trouble}"
    if run.kfp_run_id is not None and not run.state.terminal:
        states = {stage.state: stage.name for stage in reversed(run.stages)}
        if StageState.RUNNING not in states and StageState.PENDING in states:
            return f"waiting for the pod of {states[StageState.PENDING]}"
    progress = run.progress
    prepares = progress is not None and not progress.total and not run.state.terminal
    return progress.source if progress is not None and prepares else ""


def memory(held_bytes: int | None) -> str:
    """Return an amount of memory in words, nothing for one that is not known."""
    return "" if held_bytes is None else f"{held_bytes / 1e6:,.0f} MB"


def seconds(taken: float | None) -> str:
    """Return a time in words, nothing for one that is not known."""
    return "" if taken is None else f"{taken:.1f} s"


def stage_time(stage: Stage) -> str:
    """Return how long a stage took, or has taken so far."""
    if stage.state is StageState.RUNNING and stage.started_at is not None:
        return f"{max(0.0, time.time() - stage.started_at):.0f} s"
    return seconds(stage.seconds)


def model_of(run: Run) -> str:
    """Name the run's model version and the alias that the run gave it."""
    alias = f" @{run.model.alias}" if run.model is not None and run.model.alias else ""
    return f"{model(run)}{alias}"


def model(run: Run | Summary) -> str:
    """Name the run's model version; its URI where it has none, nothing where there is no model.

    Without the alias, which others may have had since.
    """
    if run.model is None:
        return ""
    if run.model.name is None:
        return run.model.uri
    return f"{run.model.name} version {run.model.version}"


def image(built: Image) -> str:
    """Return an image's name, its size, and how long its build took."""
    name = built.reference or f"{built.name}  {built.id[:12]}"
    return f"{name}  {built.size_bytes / 1e6:,.0f} MB  {seconds(built.seconds)}"


def metrics(run: Run | Summary) -> list[tuple[str, float]]:
    """List test metrics first, the notebook's own next, what autologging adds last."""
    return sorted(run.metrics.items(), key=lambda metric: rank(metric[0]))


def ranked(curves: Sequence[Curve]) -> list[Curve]:
    """List curves in the order of `metrics`."""
    return sorted(curves, key=lambda curve: rank(curve.name))


def main_metrics(run: Run | Summary) -> str:
    """Return the first few metrics in one line."""
    return "  ".join(f"{name} {value:.4g}" for name, value in metrics(run)[:3])


def _code(character: str) -> str:
    number = ord(character)
    return f"\\x{number:02x}" if number < 256 else f"\\u{number:04x}"


def rank(name: str) -> tuple[int, str]:
    """Return the place of a metric: test metrics, the notebook's own, what autologging adds."""
    return (0 if name.startswith("test_") else 2 if name.startswith("training_") else 1), name


DEPLOYMENT_HEAD = ("deployment", "state", "revision", "traffic", "model", "run", "answers at")


def deployments(found: Sequence[Deployment]) -> list[tuple[str, ...]]:
    """Return a row for each revision, under `DEPLOYMENT_HEAD`."""
    return [row for deployment in found for row in _revisions(deployment)]


def _revisions(deployment: Deployment) -> list[tuple[str, ...]]:
    rows = [
        ("", r.state.value, str(r.number), _traffic(r), _served(r), r.origin.run_id or "", "")
        for r in deployment.revisions
    ]
    first = rows[0] if rows else ("",) * len(DEPLOYMENT_HEAD)
    return [(deployment.name, *first[1:-1], deployment.url or ""), *rows[1:]]


REVISION_HEAD = (
    *("revision", "traffic", "model", "run"),
    *("requests", "per second", "p50", "p99", "refused", "failed", "memory"),
)


def revision(one: Revision, load: Load | None) -> tuple[str, ...]:
    """Return a revision and what it has counted: a cell for each column of a panel."""
    return (
        f"{one.number} {MARKS[one.state.value]} {one.state.value}",
        _traffic(one),
        _served(one),
        one.origin.run_id or "",
        *(_counted(load) if load else ("",) * 7),
    )


def _counted(load: Load) -> tuple[str, ...]:
    rate = "" if load.per_second is None else f"{load.per_second:.3g}"
    failed = f"{load.failed:,}" if load.failed else "0"
    held = memory(load.memory_bytes)
    slow = (_duration(load.p50_s), _duration(load.p99_s))
    return (f"{load.requests:,}", rate, *slow, f"{load.refused:,}", failed, held)


def _duration(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds * 1000:.3g} ms"


def _traffic(revision: Revision) -> str:
    return f"{revision.percent} %" if revision.percent else "shadow" if revision.shadow else ""


def _served(revision: Revision) -> str:
    model = revision.origin.model
    return f"{model.name} v{model.version}" if model.version else model.uri


def served(run: Run) -> str:
    """Return where the service that a run has put up answers."""
    return f"{run.url} ({run.deployment}, revision {run.revision})"


def asking(found: Sequence[Deployment]) -> list[str]:
    """Return what to type to ask a deployment, and why one that does not answer does not."""
    errors = [f"{d.name}: {d.error.message} ({d.error.hint})" for d in found if d.error]
    lines = []
    for deployment in found:
        if deployment.url is not None:
            token = f' -H "Authorization: Bearer $(cat {deployment.token_file})"'
            host = f' -H "Host: {deployment.host}"' if deployment.host else ""
            lines.append(f"curl{token if deployment.token_file else ''}{host} {deployment.url}/")
    return [*errors, *lines]
