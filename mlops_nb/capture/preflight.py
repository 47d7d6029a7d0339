"""What the user should know before a run starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops_nb.types import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops_nb.types import Snapshot


def check(snapshot: Snapshot) -> tuple[Finding, ...]:
    """Return the findings of a snapshot."""
    return (*_code(snapshot), *_data(snapshot), *_parameters(snapshot))


def _code(snapshot: Snapshot) -> Iterator[Finding]:
    if snapshot.code.dirty:
        yield Finding(
            severity="info",
            message="the working tree differs from HEAD; the run takes it as it is",
            hint="to give it a name of its own: git commit",
        )


def _data(snapshot: Snapshot) -> Iterator[Finding]:
    for dataset in snapshot.datasets:
        if dataset.changed:
            yield Finding(
                severity="warning",
                message=f"{dataset.path} has changed since it was put under DVC; "
                "the run takes it as it is",
                hint=f"to track the new version: jupyter mlops track {dataset.path}",
            )
    if snapshot.dataset("test") is None:
        yield Finding(
            severity="warning",
            message="there is no test dataset; the model will not be evaluated",
            hint="name one: --test PATH, or data.test in mlops.toml",
        )


def _parameters(snapshot: Snapshot) -> Iterator[Finding]:
    if not snapshot.hyperparameters:
        yield Finding(
            severity="warning",
            message="no cell is tagged `parameters`; the run has no hyperparameters",
            hint="tag the cell that assigns them, in Jupyter's property inspector",
        )
    for parameter in snapshot.hyperparameters:
        if parameter.source == "expression":
            yield Finding(
                severity="info",
                message=f"{parameter.name} is computed by the cell ({parameter.expression}); "
                "its text is recorded, not its value",
                hint=f"to pin the value: --param {parameter.name}=...",
            )
