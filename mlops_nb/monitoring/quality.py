"""What is to be said about the data of a window, and about the service, beside drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.types import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.types import Health, Profile, Window

# Copies of rows: many, and many more than in the reference.
_COPIES, _MORE = 0.05, 2.0
# Part of the requests that failed by the service's own fault.
_FAILED = 0.01
_NAMED = 5


def findings(profile: Profile, window: Window) -> tuple[Finding, ...]:
    """Return what is to be said, the worst first."""
    return (
        *_service(window.health),
        *_types(profile, window),
        *_empty(window),
        *_copies(profile, window),
        *_log(window),
    )


def _service(health: Health) -> Iterator[Finding]:
    if health.answered and health.failed > _FAILED * health.answered:
        yield _warning(
            f"{health.failed} of {health.answered} requests failed by the service's own fault",
            "see what it printed: jupyter mlops deployments; the log is in its folder",
        )


def _types(profile: Profile, window: Window) -> Iterator[Finding]:
    types = {column.name: column.type for column in (*profile.columns, *profile.predictions)}
    for column in (*window.columns, *window.predictions):
        if column.wrong:
            yield _warning(
                f"{column.wrong} of {column.rows} values of {column.name!r} are no "
                f"{types[column.name]}; they count as missing",
                "see who sends them, and what the training data have",
            )


def _empty(window: Window) -> Iterator[Finding]:
    empty = [c.name for c in window.columns if c.rows and c.missing == c.rows]
    if empty:
        yield _warning(
            f"nothing but missing values in: {_listed(empty)}", "see where they get lost"
        )


def _copies(profile: Profile, window: Window) -> Iterator[Finding]:
    before = profile.duplicates / profile.rows if profile.rows else 0.0
    now = window.duplicates / window.rows if window.rows else 0.0
    if now > max(_COPIES, _MORE * before):
        yield _warning(
            f"{now:.1%} of the rows are copies of another one, {before:.1%} in the training data",
            "see whether a client sends requests again; tests take each row as one of its own",
        )


def _log(window: Window) -> Iterator[Finding]:
    if window.torn:
        yield _info(f"{window.torn} lines of the log cannot be read", "a process was killed in one")
    if window.unfit:
        yield _info(
            f"{window.unfit} labels do not fit the rows of their requests",
            "give a label for each row: jupyter mlops label --help",
        )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more


def _warning(message: str, hint: str) -> Finding:
    return Finding(severity="warning", message=message, hint=hint)


def _info(message: str, hint: str) -> Finding:
    return Finding(severity="info", message=message, hint=hint)
